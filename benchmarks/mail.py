"""A deterministic mailbox: the same mail for the same number, with the headers, charsets and structures of real mail.

Bodies are shorter than in life (4 kB on average, the longest 150 kB), so that 100,000 messages fit where others do;
nothing that is measured reads them.
"""

from __future__ import annotations

import base64
import datetime
import quopri
import random
from email.header import Header
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SLOT", "START", "Letter", "letters"]

START = datetime.datetime(2023, 1, 2, tzinfo=datetime.UTC)
SLOT = datetime.timedelta(minutes=10)
UNSEEN = 4  # one in so many
_SEED = 20_261_120
_STRANGERS = 0.03  # messages filed out of their turn: imported, or moved from elsewhere


class Letter(NamedTuple):
    """A message, the flags as IMAP writes them, when the server received it, and its subject in Unicode."""

    octets: bytes
    flags: str
    received: datetime.datetime
    subject: str


class _Language(NamedTuple):
    charset: str
    transfer: str
    names: tuple[str, ...]
    phrases: tuple[str, ...]


_ENGLISH = _Language(
    "us-ascii",
    "7bit",
    ("Ada Byron", "Smith, John", "Greta O'Neil", "Build machine", "Dr. M. L. Okafor", "support"),
    (
        "invoice for last month", "meeting moved to Thursday", "weekly report", "release plan", "lunch?",
        "please review the contract", "your order has shipped", 'the "final" draft', "holiday dates", "budget",
    ),
)  # fmt: skip
_LANGUAGES = (
    _ENGLISH,
    _Language("utf-8", "8bit", ("Zoë Müller", "José García"), ("réunion de jeudi", "Grüße aus München", "½ price 🎉")),
    _Language("utf-8", "base64", ("田中 花子", "김민준"), ("会議の日程について", "회의 일정", "写真を送ります")),
    _Language("iso-8859-1", "quoted-printable", ("Jürgen Weiß",), ("Schlüssel beim Nachbarn", "Rückfrage zum Angebot")),
    _Language("koi8-r", "base64", ("Иван Петров",), ("отчёт за неделю", "вопрос по договору")),
    _Language("iso-2022-jp", "7bit", ("鈴木 一郎",), ("御礼", "打ち合わせの件")),
    _Language("gb2312", "base64", ("王小明",), ("项目进度", "发票")),
)
_WEIGHTS = (55, 14, 6, 10, 7, 4, 4)
_DOMAINS = ("example.org", "mail.example.com", "lists.example.net", "firma.example")
_FLAGS = (("\\Flagged", 0.06), ("\\Answered", 0.2), ("$Forwarded", 0.02), ("NonJunk", 0.1))
_DRAFTS = (("pdf", "application/pdf"), ("png", "image/png"), ("docx", "application/msword"), ("csv", "text/csv"))


def letters(count: int) -> Iterator[Letter]:
    """Make `count` messages, in the order of their UIDs."""
    chance = random.Random(_SEED)
    unseen = set(chance.sample(range(count), count // UNSEEN))
    slots = list(range(count))
    for place in chance.sample(range(count), int(count * _STRANGERS)):
        other = chance.randrange(count)
        slots[place], slots[other] = slots[other], slots[place]
    # The newest by date is not the newest by UID.
    slots[count // 3], slots[-2] = slots[-2], slots[count // 3]
    people = [_person(number, chance) for number in range(300)]
    noise = chance.randbytes(200_000)
    for number, slot in enumerate(slots):
        received = START + slot * SLOT + datetime.timedelta(seconds=chance.randrange(600))
        flags = [flag for flag, share in _FLAGS if chance.random() < share]
        if number not in unseen:
            flags.append("\\Seen")
        (language,) = chance.choices(_LANGUAGES, _WEIGHTS)
        subject = _subject(number, language, chance)
        head = _head(number, subject, received, language, people, chance)
        octets = head + _body(language, noise, chance)
        yield Letter(octets, " ".join(flags), received, subject)


def _person(number: int, chance: random.Random) -> tuple[bytes, bytes]:
    """Give a mailbox as an address field writes it, and its bare address."""
    (language,) = chance.choices(_LANGUAGES, _WEIGHTS)
    name = chance.choice(language.names)
    address = f"person{number}@{chance.choice(_DOMAINS)}".encode()
    if number % 50 == 7:
        # Raw UTF-8, as careless programs send it: servers answer such envelopes with literals.
        written = f'"{name}"'.encode()
    elif name.isascii():
        written = f'"{name}"'.encode() if "," in name or "." in name else name.encode()
    else:
        written = Header(name, language.charset).encode().encode()
    return written + b" <" + address + b">", address


def _subject(number: int, language: _Language, chance: random.Random) -> str:
    words = " ".join(chance.choices(language.phrases, k=chance.choice((1, 1, 1, 2, 4))))
    prefix = chance.choice(("", "", "", "Re: ", "Fwd: ", "[project] "))
    return f"{prefix}{words} {number % 977}"


def _head(  # noqa: PLR0917 - all that a header tells
    number: int,
    subject: str,
    received: datetime.datetime,
    language: _Language,
    people: list[tuple[bytes, bytes]],
    chance: random.Random,
) -> bytes:
    sent = received - datetime.timedelta(seconds=chance.randrange(1, 90))
    zone = datetime.timezone(datetime.timedelta(hours=chance.choice((0, 0, 1, 2, -5, -8, 9))))
    to = chance.choices(people, k=chance.choice((1, 1, 1, 1, 2, 3, 12)))
    written = subject if subject.isascii() else Header(subject, language.charset, header_name="Subject").encode()
    stamp = format_datetime(received).encode()
    fields = [
        b"Return-Path: <%s>" % chance.choice(people)[1],
        *(b"Received: from relay%d.example.org by mx.example.org with ESMTPS\r\n\tid %x; %s" % (hop, number, stamp)
          for hop in range(chance.randrange(1, 4))),
        b"From: " + chance.choice(people)[0],
        b"To: " + b",\r\n\t".join(written for written, _ in to),
        b"Subject: " + written.replace("\n", "\r\n").encode(),
        b"Date: " + format_datetime(sent.astimezone(zone)).encode(),
        b"Message-ID: <%d.%x@%s>" % (number, chance.getrandbits(64), chance.choice(_DOMAINS).encode()),
        b"MIME-Version: 1.0",
    ]  # fmt: skip
    if number % 4 == 0:
        fields.append(b"Cc: " + b", ".join(address for _, address in chance.choices(people, k=2)))
    if subject.startswith("Re: "):
        fields.append(b"In-Reply-To: <%d.%x@example.org>" % (number // 2, chance.getrandbits(64)))
    if number % 6 == 0:
        fields += [b"List-Id: The project <project.lists.example.net>", b"Precedence: list"]
    fields.append(b"X-Spam-Status: No, score=-%d.%d" % (chance.randrange(5), chance.randrange(10)))
    return b"\r\n".join(fields) + b"\r\n"


def _body(language: _Language, noise: bytes, chance: random.Random) -> bytes:
    plain = _text(language, "plain", min(120, int(chance.expovariate(1 / 18)) + 1), chance)
    kind = chance.random()
    if kind < 0.62:
        return plain
    both = _multipart("alternative", plain, _text(language, "html", int(chance.expovariate(1 / 50)) + 5, chance))
    if kind < 0.86:
        return both
    size = min(100_000, int(chance.lognormvariate(8.4, 1.1)))
    extension, mime = chance.choice(_DRAFTS)
    start = chance.randrange(len(noise) - size)
    attached = (
        f'Content-Type: {mime}; name="file.{extension}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="file.{extension}"\r\n\r\n'
    ).encode() + base64.encodebytes(noise[start : start + size]).replace(b"\n", b"\r\n")
    return _multipart("mixed", both if kind < 0.93 else plain, attached)


def _text(language: _Language, subtype: str, lines: int, chance: random.Random) -> bytes:
    written = "\n".join(" ".join(chance.choices(language.phrases, k=3)) + "." for _ in range(lines)) + "\n"
    if subtype == "html":
        written = f"<html><body><p>{written}</p></body></html>\n"
    octets = written.encode(language.charset)
    if language.transfer == "base64":
        octets = base64.encodebytes(octets)
    elif language.transfer == "quoted-printable":
        octets = quopri.encodestring(octets)
    head = f"Content-Type: text/{subtype}; charset={language.charset}\r\n"
    head += f"Content-Transfer-Encoding: {language.transfer}\r\n\r\n"
    return head.encode() + octets.replace(b"\n", b"\r\n")


def _multipart(subtype: str, *parts: bytes) -> bytes:
    mark = b"=_" + subtype.encode()
    head = b'Content-Type: multipart/%s;\r\n\tboundary="%s"\r\n\r\n' % (subtype.encode(), mark)
    return head + b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts) + b"--%s--\r\n" % mark
