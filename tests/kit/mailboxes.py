"""Mailboxes of varied, well-formed mail, made from a seed."""

from __future__ import annotations

import base64
import quopri
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.kit.login import checked, wire_name

if TYPE_CHECKING:
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
_ZONES: Final = (0, 60, -300, 330, 840, -720, -1)
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


def letters(seed: int, count: int) -> list[Letter]:
    """Make `count` messages; the same ones for the same seed."""
    chance = random.Random(seed)
    return [_letter(chance) for _ in range(count)]


def _letter(chance: random.Random) -> Letter:
    moment = datetime(2024, 2, 27, tzinfo=UTC) + timedelta(days=chance.randrange(5))
    # Around midnight of UTC, most of them.
    moment += timedelta(seconds=chance.choice((-1, 0, 1, 59, 3600, -3600, 43200, chance.randrange(86400))))
    sent = moment + timedelta(seconds=chance.choice((-90000, -30, 0, 7200)))
    lines = []
    if chance.random() < 0.9:
        sender = ", ".join(_address(chance) for _ in range(chance.choice((1, 1, 1, 1, 2))))
        lines.append(f"From: {sender}")
    for field, share in (("To", 0.9), ("Cc", 0.4), ("Bcc", 0.1), ("Reply-To", 0.2)):
        if chance.random() < share:
            lines.append(f"{field}: {_list(chance)}")
    if chance.random() < 0.9:
        words = [_encoded(chance, chance.choice(_WORDS)) for _ in range(chance.randrange(1, 5))]
        # Between two encoded words white space is nothing; an ASCII word keeps them apart.
        lines.append("Subject: " + " und ".join(words))
    if chance.random() < 0.85:
        offset = chance.choice((0, 60, -300, 330))
        local = sent.astimezone(timezone(timedelta(minutes=offset)))
        lines.append("Date: " + local.strftime("%a, %d %b %Y %H:%M:%S %z"))
    if chance.random() < 0.9:
        lines.append(f"Message-ID: <m{chance.randrange(30)}@example.org>")
    if chance.random() < 0.4:
        lines.append(f"In-Reply-To: <m{chance.randrange(30)}@example.org>")
        lines.append(f"References: <m{chance.randrange(30)}@example.org>\r\n <m{chance.randrange(30)}@example.org>")
    if chance.random() < 0.7:
        lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    body = "hello\r\n" * chance.choice((0, 1, 1, 2, 30))
    zone = chance.choice(_ZONES)
    local = moment.astimezone(timezone(timedelta(minutes=zone)))
    flags = tuple(flag for flag in (*_FLAGS, *_KEYWORDS) if chance.random() < 0.25)
    octets = "\r\n".join([*lines, "", body]).encode()
    return Letter(octets, flags, local.strftime('"%d-%b-%Y %H:%M:%S %z"'))


def fill(login: Login, mailbox: str, made: list[Letter]) -> None:
    """Append the messages to a mailbox, making it where it is not INBOX."""
    with login.imaplib() as client:
        if mailbox != "INBOX":
            checked(client.create(wire_name(mailbox)))
        for letter in made:
            arguments = (wire_name(mailbox), f"({' '.join(letter.flags)})", letter.created, letter.octets)
            checked(client.append(*arguments))
