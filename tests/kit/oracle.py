"""What SQL over all of a mailbox must say: everything fetched by the plain client, put into a real SQLite table.

Nothing in here uses imapdb: messages are read by the standard library's `email`, which is right for well-formed mail.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.kit.login import checked, wire_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from email.message import EmailMessage

    from tests.kit.login import Login

__all__ = ["COLUMNS", "SYSTEM_FLAGS", "Oracle", "Row", "read_mailbox"]

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
    "mime": "TEXT",
    "mailbox": "TEXT",
    "email": "BLOB",
    "recipients": "TEXT",
    "refs": "TEXT",
}

_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')


def read_mailbox(login: Login, mailbox: str) -> list[Row]:
    """Fetch every message of a mailbox, changing nothing, and make the rows they should be."""
    with login.imaplib() as client:
        (exists,) = checked(client.select(wire_name(mailbox), readonly=True))
        if int(exists) == 0:
            return []
        answers = checked(client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])"))
    rows = []
    for place, answer in enumerate(answers):
        if isinstance(answer, tuple):
            # Items may stand before the literal and behind it.
            behind = answers[place + 1] if place + 1 < len(answers) else b""
            told = answer[0] + b" " + (behind if isinstance(behind, bytes) else b"")
            rows.append(_row(mailbox, told, answer[1]))
    return sorted(rows, key=lambda row: int(row["uid"]))


def _found(pattern: bytes, text: bytes) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1].decode()


def _row(mailbox: str, told: bytes, octets: bytes) -> Row:
    flags = _found(rb"FLAGS \(([^)]*)\)", told).split()
    lower = {flag.lower() for flag in flags}
    moment = datetime.strptime(_found(rb'INTERNALDATE "([^"]*)"', told).strip(), "%d-%b-%Y %H:%M:%S %z")
    parsed: EmailMessage = email.message_from_bytes(octets, policy=email.policy.default)
    date = parsed["Date"]
    sender = parsed["From"]
    first = sender.addresses[0] if sender is not None and sender.addresses else None
    row = {
        "uid": int(_found(rb"UID (\d+)", told)),
        **{name: int(f"\\{name}" in lower) for name in SYSTEM_FLAGS},
        "flags": json.dumps(flags, ensure_ascii=False),
        "size": int(_found(rb"RFC822\.SIZE (\d+)", told)),
        "created": _utc(moment),
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
        # As it was written; the newer policy puts a parameter's quotes in.
        "mime": email.message_from_bytes(octets)["Content-Type"],
        "mailbox": mailbox,
        "email": octets,
    }
    return row | {"recipients": row["to"], "refs": row["references"]}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _text(parsed: EmailMessage, name: str) -> str | None:
    value = parsed[name]
    return None if value is None else " ".join(str(value).split())


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
    """A SQLite database in memory, by the standard library, with the tables imapdb should show."""

    def __init__(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Make the tables by name."""
        self._database = sqlite3.connect(":memory:")
        for name, function in _FUNCTIONS.items():
            self._database.create_function(name, 2, function, deterministic=True)
        declared = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        for table, rows in tables.items():
            self._database.execute(f'CREATE TABLE "{table}" ({declared})')
            marks = ", ".join("?" * len(COLUMNS))
            self._database.executemany(
                f'INSERT INTO "{table}" VALUES ({marks})',
                [tuple(row[name] for name in COLUMNS) for row in rows],
            )

    def run(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self._database.execute(sql, tuple(parameters)).fetchall()

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
    return int(any(flag.lower() == name.lower() for flag in json.loads(flags)))


_FUNCTIONS: dict[str, Callable[[Any, Any], int | None]] = {
    "contains": _folding(lambda text, part: text.find(part) >= 0),
    "icontains": _folding(lambda text, part: text.find(part) >= 0),
    "startswith": _folding(lambda text, part: text[: len(part)] == part),
    "istartswith": _folding(lambda text, part: text[: len(part)] == part),
    "endswith": _folding(lambda text, part: not part or text[-len(part) :] == part),
    "iendswith": _folding(lambda text, part: not part or text[-len(part) :] == part),
    "ilike": _folding(_like),
    "has_flag": _has_flag,
}
