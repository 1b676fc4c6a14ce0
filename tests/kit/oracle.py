"""What SQL over all of a mailbox must say: everything fetched by the plain client, put into a real SQLite table.

Nothing in here uses imapdb: messages are read by the standard library's `email`, which is right for well-formed mail.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
import quopri
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import apsw

from tests.kit.login import checked, wire_name
from tests.kit.said import says

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from email.message import EmailMessage

    from tests.kit.login import Login

__all__ = ["COLUMNS", "HIDDEN", "SYSTEM_FLAGS", "Oracle", "Row", "read_mailbox", "read_told"]

Row: TypeAlias = dict[str, Any]

SYSTEM_FLAGS = ("seen", "answered", "flagged", "deleted", "draft", "recent")
COLUMNS = {
    "uid": "INTEGER",
    **dict.fromkeys(SYSTEM_FLAGS, "BOOLEAN"),
    "flags": "JSON",
    "size": "INTEGER",
    "created": "DATETIME",
    "sent": "DATETIME",
    "sender": "TEXT",
    "to": "TEXT",
    "cc": "TEXT",
    "bcc": "TEXT",
    "reply_to": "TEXT",
    "sender_name": "TEXT",
    "sender_address": "TEXT",
    "subject": "TEXT",
    "message_id": "TEXT",
    "in_reply_to": "TEXT",
    "references": "TEXT",
    "list_id": "TEXT",
    "mime": "TEXT",
    "encoding": "TEXT",
    "attachments": "JSON",
    "mailbox": "TEXT",
    "text": "TEXT",
    "html": "TEXT",
    "content": "JSON",
    "headers": "JSON",
    "email": "BLOB",
    "problems": "JSON",
    "recipients": "TEXT",
    "refs": "TEXT",
}
# What `SELECT *` leaves out.
HIDDEN: Final = ("text", "html", "content", "headers", "email", "problems", "recipients", "refs")

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_ENCODED_WORD = re.compile(r"=\?([^?]+)\?([BQ])\?([^?]*)\?=")
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')


def read_mailbox(login: Login, mailbox: str) -> list[Row]:
    """Fetch every message of a mailbox, changing nothing, and make the rows they should be."""
    answers = _fetch(login, mailbox, "(FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])")
    rows = []
    for place, answer in enumerate(answers):
        if isinstance(answer, tuple):
            # Items may stand before the literal and behind it.
            behind = answers[place + 1] if place + 1 < len(answers) else b""
            told = answer[0] + b" " + (behind if isinstance(behind, bytes) else b"")
            rows.append(_told(mailbox, told) | _read(answer[1]))
    return sorted(rows, key=lambda row: int(row["uid"]))


def read_told(login: Login, mailbox: str) -> list[Row]:
    """Make the part of every row that the server says without the message: of any mail, however odd."""
    answers = _fetch(login, mailbox, "(FLAGS RFC822.SIZE INTERNALDATE)")
    rows = [_told(mailbox, answer) for answer in answers if isinstance(answer, bytes)]
    return sorted(rows, key=lambda row: int(row["uid"]))


def _fetch(login: Login, mailbox: str, items: str) -> list[Any]:
    with login.imaplib() as client:
        (exists,) = checked(client.select(wire_name(mailbox), readonly=True))
        return checked(client.uid("FETCH", "1:*", items)) if int(exists) else []


def _found(pattern: bytes, text: bytes) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1].decode()


def _told(mailbox: str, told: bytes) -> Row:
    flags = _found(rb"FLAGS \(([^)]*)\)", told).split()
    lower = {flag.lower() for flag in flags}
    moment = datetime.strptime(_found(rb'INTERNALDATE "([^"]*)"', told).strip(), "%d-%b-%Y %H:%M:%S %z")
    return {
        "uid": int(_found(rb"UID (\d+)", told)),
        **{name: int(f"\\{name}" in lower) for name in SYSTEM_FLAGS},
        "flags": json.dumps(flags, ensure_ascii=False),
        "size": int(_found(rb"RFC822\.SIZE (\d+)", told)),
        "created": _utc(moment),
        "mailbox": mailbox,
    }


def _read(octets: bytes) -> Row:
    raw = email.message_from_bytes(octets)
    parsed: EmailMessage = email.message_from_bytes(octets, policy=email.policy.default)
    date = parsed["Date"]
    sender = parsed["From"]
    first = sender.addresses[0] if sender is not None and sender.addresses else None
    row = {
        "sent": None if date is None or date.datetime is None else _utc(date.datetime),
        "sender": _addresses(parsed, "From"),
        "to": _addresses(parsed, "To"),
        "cc": _addresses(parsed, "Cc"),
        "bcc": _addresses(parsed, "Bcc"),
        "reply_to": _addresses(parsed, "Reply-To"),
        "sender_name": None if first is None else first.display_name,
        "sender_address": None if first is None else _address(first.addr_spec),
        "subject": _text(parsed, "Subject"),
        "message_id": _text(parsed, "Message-ID"),
        "in_reply_to": _text(parsed, "In-Reply-To"),
        "references": _text(parsed, "References"),
        "list_id": _text(parsed, "List-Id"),
        # As it was written; the newer policy puts a parameter's quotes in.
        "mime": raw["Content-Type"],
        "headers": _headers(raw.items()),
        "email": octets,
        "problems": "[]",
    }
    return row | says(parsed) | {"recipients": row["to"], "refs": row["references"]}


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        # -0000: the time is that of UTC, where it was is not told (RFC 5322 3.3).
        moment = moment.replace(tzinfo=UTC)
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def _text(parsed: EmailMessage, name: str) -> str | None:
    value = parsed[name]
    return None if value is None else " ".join(str(value).split())


def _headers(fields: Sequence[tuple[str, str]]) -> str:
    """Write every field as JSON: decoded, by lower-case name, a list where there are several."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        unfolded = _BETWEEN_WORDS.sub("", _FOLD.sub("", value))
        found.setdefault(name.lower(), []).append(_ENCODED_WORD.sub(_decoded, unfolded).strip())
    return json.dumps({name: v[0] if len(v) == 1 else v for name, v in found.items()}, ensure_ascii=False)


def _decoded(word: re.Match[str]) -> str:
    charset, coding, text = word.groups()
    octets = base64.b64decode(text) if coding == "B" else quopri.decodestring(text, header=True)
    return octets.decode(charset)


def _addresses(parsed: EmailMessage, name: str) -> str | None:
    value = parsed[name]
    return None if value is None else ", ".join(_mailbox(a.display_name, a.addr_spec) for a in value.addresses)


def _mailbox(name: str, address: str) -> str:
    address = _address(address)
    if _SPECIALS.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>" if name else address


def _address(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local + at + domain.encode("ascii").decode("idna") if "xn--" in domain else address


class Oracle:
    """A SQLite database in memory with the tables imapdb should show: the same SQLite, but real tables."""

    def __init__(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Make the tables by name."""
        self._database = apsw.Connection(":memory:")
        self._database.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        for name, function in _FUNCTIONS.items():
            self._database.create_scalar_function(name, function, 2, deterministic=True)
        declared = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        for table, rows in tables.items():
            self._database.execute(f'CREATE TABLE "{table}" ({declared})')
            marks = ", ".join("?" * len(COLUMNS))
            for row in rows:
                self._database.execute(f'INSERT INTO "{table}" VALUES ({marks})', tuple(row[name] for name in COLUMNS))

    def run(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return list(self._database.execute(sql, parameters))

    def run_star(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Do the same for a `SELECT *` of one table: without the columns that are hidden there."""
        shown = [place for place, name in enumerate(COLUMNS) if name not in HIDDEN]
        return [tuple(row[place] for place in shown) for row in self.run(sql, parameters)]

    def close(self) -> None:
        """Drop everything."""
        self._database.close()


def _folding(test: Callable[[str, str], bool]) -> Callable[[Any, Any], int | None]:
    def function(value: Any, other: Any) -> int | None:
        if value is None or other is None:
            return None
        return int(test(str(value).casefold(), str(other).casefold()))

    return function


def _like(text: str, pattern: str) -> bool:
    """Match a LIKE pattern by a table of which prefixes match which; slow and plain."""
    reached = [True] + [False] * len(text)
    for mark in pattern:
        if mark == "%":
            for place in range(len(text)):
                reached[place + 1] |= reached[place]
        else:
            reached = [False] + [reached[place] and mark in ("_", char) for place, char in enumerate(text)]
    return reached[-1]


def _has_flag(flags: Any, name: Any) -> int | None:
    if not isinstance(flags, str) or not isinstance(name, str):
        return None
    try:
        listed = json.loads(flags)
    except ValueError:
        # SQLite may put the value a column is compared with in the place of the column.
        return 0
    return int(isinstance(listed, list) and any(str(flag).lower() == name.lower() for flag in listed))


_FUNCTIONS: dict[str, Callable[..., int | None]] = {
    "contains": _folding(lambda text, part: text.find(part) >= 0),
    "icontains": _folding(lambda text, part: text.find(part) >= 0),
    "startswith": _folding(lambda text, part: text[: len(part)] == part),
    "istartswith": _folding(lambda text, part: text[: len(part)] == part),
    "endswith": _folding(lambda text, part: not part or text[-len(part) :] == part),
    "iendswith": _folding(lambda text, part: not part or text[-len(part) :] == part),
    "ilike": _folding(_like),
    "has_flag": _has_flag,
}
