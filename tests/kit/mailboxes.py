"""Mailboxes of varied, well-formed mail, made from a seed."""

from __future__ import annotations

import base64
import imaplib
import quopri
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.kit.entities import entity
from tests.kit.login import wire_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.kit.login import Login

__all__ = ["Letter", "fill", "letters"]


class Letter(NamedTuple):
    """A message to append."""

    octets: bytes
    flags: tuple[str, ...]
    created: str


_WORDS: Final = (
    "invoice", "Invoice", "meeting", "Straße", "Grüße", "münchen", "Москва", "日本語", "100%", "a_b", "Re:", "final",
    "file", "STRASSE", "résumé", "5", "O'Brien", "[list]", "ΣΑΣ", "İstanbul", "office", "x", "news", "Weiß",
    "ﬁnal", "Hou\u017fe", "\u212aelvin", "kelvin", "house", "ŉa", "ﬆop", "stop",
)  # fmt: skip
_NAMES: Final = (
    "", "Ada Lovelace", "Jürgen Groß", "Иван Петров", "山田 太郎", "Smith, John", 'The "Boss"', "J. R. Müller", "anna",
    "Łukasz",
)  # fmt: skip
_ADDRESSES: Final = (
    "ada@example.org", "john.smith@example.com", "JOHN.SMITH@EXAMPLE.COM", "x+tag@lists.example.net",
    "info@xn--mnchen-3ya.example", "kontakt@xn--bro-hoa.example", "5@example.org",
)  # fmt: skip
_FLAGS: Final = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
_KEYWORDS: Final = ("$Forwarded", "work", "Urgent", "a.b-c", "$label1")
# Minutes before UTC, of INTERNALDATE and of the Date header: fourteen hours is as far as any place ever was.
_ZONES: Final = (0, 0, 60, -300, 330, 840, -840, -720, 780, -1)
# Days whose midnights matter; at the ends servers' clocks of 32 bits begin, or stop.
_DAYS: Final = (
    datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 12, 31, tzinfo=UTC),
    datetime(2036, 12, 31, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC),
    datetime(2038, 1, 18, tzinfo=UTC), datetime(2038, 1, 19, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2038, 1, 20, tzinfo=UTC), datetime(2024, 2, 28, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC),
)  # fmt: skip
_CHARSETS: Final = ("utf-8", "iso-8859-1", "koi8-r", "shift_jis", "iso-8859-9")


def _encoded(chance: random.Random, text: str) -> str:
    """Write text as encoded words (RFC 2047), each of whole characters, in a charset that has them."""
    if text.isascii():
        return text
    fitting = []
    for charset in _CHARSETS:
        try:
            text.encode(charset)
        except UnicodeEncodeError:
            continue
        fitting.append(charset)
    charset = chance.choice(fitting)
    pieces = [text[start : start + 12] for start in range(0, len(text), 12)]
    words = []
    for piece in pieces:
        octets = piece.encode(charset)
        if chance.random() < 0.5:
            words.append(f"=?{charset}?B?{base64.b64encode(octets).decode()}?=")
        else:
            coded = quopri.encodestring(octets, header=True).decode()
            # In a phrase only letters, digits and !*+-/ stand for themselves (RFC 2047 5).
            safe = "".join(c if c.isalnum() or c in "=_" else f"={ord(c):02X}" for c in coded)
            words.append(f"=?{charset}?Q?{safe}?=")
    return "\r\n ".join(words)


def _address(chance: random.Random) -> str:
    name, address = chance.choice(_NAMES), chance.choice(_ADDRESSES)
    if not name:
        return address
    if not name.isascii():
        return f"{_encoded(chance, name)} <{address}>"
    if not name.replace(" ", "").isalnum():
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _list(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.07:
        return "undisclosed-recipients:;"
    if kind < 0.15:
        return f"Team: {_address(chance)},\r\n {_address(chance)};"
    return ",\r\n ".join(_address(chance) for _ in range(chance.choice((1, 1, 1, 2, 4))))


def _moment(chance: random.Random) -> datetime:
    """A time around midnight of UTC, mostly; mostly of a few days in 2024."""
    if chance.random() < 0.25:
        return chance.choice(_DAYS) + timedelta(seconds=chance.choice((-2, -1, 0, 1, 2, 43200)))
    moment = datetime(2024, 2, 27, tzinfo=UTC) + timedelta(days=chance.randrange(5))
    return moment + timedelta(seconds=chance.choice((-1, 0, 1, 59, 3600, -3600, 43200, chance.randrange(86400))))


def _date(chance: random.Random, moment: datetime) -> str:
    """Write a Date header's value: all of these are good (RFC 5322 3.3, 4.3)."""
    kind = chance.random()
    if kind < 0.2:
        name = chance.choice(("GMT", "UT", "-0000", "+0000 (UTC)"))
        return moment.strftime("%a, %d %b %Y %H:%M:%S ") + name
    local = moment.astimezone(timezone(timedelta(minutes=chance.choice(_ZONES))))
    written = local.strftime("%d %b %Y %H:%M:%S %z") if kind < 0.3 else local.strftime("%a, %d %b %Y %H:%M:%S %z")
    return written + chance.choice(("", "", "", " (local time)"))


def letters(seed: int, count: int) -> list[Letter]:
    """Make `count` messages; the same ones for the same seed."""
    chance = random.Random(seed)
    return [_letter(chance) for _ in range(count)]


def _letter(chance: random.Random) -> Letter:
    moment = _moment(chance)
    # Mail is fetched late, and copied later; some has waited for years.
    sent = (
        _moment(chance) if chance.random() < 0.2 else moment + timedelta(seconds=chance.choice((-90000, -30, 0, 7200)))
    )
    lines = _people(chance)
    if chance.random() < 0.9:
        words = [_encoded(chance, chance.choice(_WORDS)) for _ in range(chance.randrange(1, 5))]
        # Between two encoded words white space is nothing; an ASCII word keeps them apart.
        lines.append("Subject: " + " und ".join(words))
    if chance.random() < 0.85:
        lines.append("Date: " + _date(chance, sent))
    lines += _ids(chance)
    lines += [f"X-Trace: {_trace(chance)}" for _ in range(chance.choice((0, 0, 1, 2)))]
    fields, body = entity(chance)
    if fields:
        lines += ["MIME-Version: 1.0", *fields]
    # Of an arrival before 1970 Dovecot says 1901 first and 2038 later.
    created = max(moment, datetime(1970, 1, 1, tzinfo=UTC))
    local = created.astimezone(timezone(timedelta(minutes=chance.choice(_ZONES))))
    if local.year < 1970:
        # Cyrus and Courier refuse it.
        local = created
    flags = tuple(flag for flag in (*_FLAGS, *_KEYWORDS) if chance.random() < 0.25)
    octets = "\r\n".join([*lines, "", ""]).encode() + body
    return Letter(octets, flags, local.strftime('"%d-%b-%Y %H:%M:%S %z"'))


def _people(chance: random.Random) -> list[str]:
    lines = []
    if chance.random() < 0.9:
        sender = ", ".join(_address(chance) for _ in range(chance.choice((1, 1, 1, 1, 2))))
        lines.append(f"From: {sender}")
    for field, share in (("To", 0.9), ("Cc", 0.4), ("Bcc", 0.1), ("Reply-To", 0.2)):
        if chance.random() < share:
            lines.append(f"{field}: {_list(chance)}")
    return lines


def _ids(chance: random.Random) -> list[str]:
    lines = []
    if chance.random() < 0.9:
        lines.append(f"Message-ID: <m{chance.randrange(30)}@example.org>")
    if chance.random() < 0.4:
        lines.append(f"In-Reply-To: <m{chance.randrange(30)}@example.org>")
        lines.append(f"References: <m{chance.randrange(30)}@example.org>\r\n <m{chance.randrange(30)}@example.org>")
    if chance.random() < 0.3:
        name = chance.choice(("", "", "Python talk ", '"List, the" ', _encoded(chance, "Grüße aus Łódź") + " "))
        lines.append(f"List-Id: {name}<{chance.choice(('talk.lists.example.org', 'NEWS.example.org', '5'))}>")
    return lines


def _trace(chance: random.Random) -> str:
    return chance.choice(("one", "two", "5", _encoded(chance, "drei Äpfel")))


def fill(login: Login, mailbox: str, made: Iterable[Letter]) -> int:
    """Append the messages to a mailbox, octet for octet, making it where it is not INBOX; say how many were taken.

    What a server will not store is left out.
    """
    if mailbox != "INBOX":
        login.create(mailbox)
    waiting = list(made)[::-1]
    taken = 0
    while waiting:
        with login.imaplib() as client:
            try:
                while waiting:
                    taken += _append(client, mailbox, waiting.pop())
            except imaplib.IMAP4.abort:
                # Some servers end the session over a message they cannot bear.
                client.shutdown()
                client.state = "LOGOUT"
    return taken


def _append(client: imaplib.IMAP4, mailbox: str, letter: Letter) -> bool:
    # Not client.append(), which turns every bare LF into CRLF.
    client.literal = letter.octets  # type: ignore[assignment] # octets, whatever typeshed says
    flags = f"({' '.join(letter.flags)})"
    status, _ = client._simple_command("APPEND", wire_name(mailbox), flags, letter.created)
    return bool(status == "OK")
