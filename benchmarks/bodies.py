"""A deterministic mailbox of whole mail: its bodies, alternatives, inline images and attachments are those of life.

Of the 2,000 messages (some 60 MB) a third is plain text, nearly half has an html alternative, one in twelve carries
attachments of 20 to 300 kB. Texts are a few kB long, html three times as much. No message holds another one: of whose
text that is, the libraries think differently.
"""

from __future__ import annotations

import base64
import datetime
import quopri
import random
from email.header import Header
from email.utils import encode_rfc2231, format_datetime
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.questions import KnownParts, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.questions import Attached

__all__ = ["Filed", "filed"]

_SEED = 20_261_121
_START = datetime.datetime(2025, 3, 3, tzinfo=datetime.UTC)
_SLOT = datetime.timedelta(minutes=7)
_WIDTH = 72
_TEXT, _HTML = (8.0, 0.7), (9.0, 0.8)  # octets, as mean and deviation of their logarithms: 3 kB and 8 kB


class _Language(NamedTuple):
    charset: str
    transfer: str
    between: str
    words: tuple[str, ...]


_ENGLISH = """the of and to a in that is for it on with as was at by this we you from have please attached contract
invoice meeting Thursday thanks regards schedule deliver review budget draft version question answer customer team week
https://www.example.org/orders/2025/4711 order shipped release plan change request number total amount"""
_GERMAN = """der die das und für über nicht mit auf ist im den zu ein Grüße Rückfrage Anhang möglich können Vertrag
größer Straße München Öffnung Lieferung Bestellung bitte schönen Tag während natürlich Prüfung Übersicht"""
_FRENCH = """le la les des à été réunion pièce jointe très déjà société février août côté où même être années façon « »
— merci bonjour cordialement projet équipe dossier “bien” œuvre"""
_RUSSIAN = """и в не на что по это договор отчёт за неделю встреча спасибо письмо вложение счёт заказ вопрос ответ
срок работа проект пожалуйста уважением"""
_JAPANESE = "お世話になっております 資料を 添付いたします 会議の 日程について ご確認 ください よろしく 打ち合わせ 御礼"
_CHINESE = "您好 附件 是 本月 的 报表 请 查收 谢谢 项目 进度 会议 发票 合同 我们 公司 下周"


def _language(charset: str, transfer: str, between: str, listed: str) -> _Language:
    return _Language(charset, transfer, between, tuple(listed.split()))


_LANGUAGES = (
    _language("us-ascii", "7bit", " ", _ENGLISH),
    _language("utf-8", "quoted-printable", " ", f"{_ENGLISH} {_GERMAN}"),
    _language("utf-8", "quoted-printable", " ", _FRENCH),
    _language("utf-8", "8bit", " ", _GERMAN),
    _language("utf-8", "base64", "", _JAPANESE),
    _language("utf-8", "base64", " ", _RUSSIAN),
    _language("iso-8859-1", "quoted-printable", " ", _GERMAN),
    _language("windows-1252", "quoted-printable", " ", _FRENCH),
    _language("koi8-r", "base64", " ", _RUSSIAN),
    _language("iso-2022-jp", "7bit", "", _JAPANESE),
    _language("gb2312", "base64", "", _CHINESE),
)
_WEIGHTS = (34, 20, 9, 8, 6, 5, 7, 3, 3, 3, 2)
_KINDS = (
    ("application/pdf", "pdf"),
    ("image/jpeg", "jpg"),
    ("application/zip", "zip"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
)
_NAMES = ("invoice 2025-04711", "Rechnung März", "scan", "Übersicht Größen", "contract (final) v2", "報告書")


class Filed(NamedTuple):
    """A message as it is appended, and what there is to know of it."""

    octets: bytes
    flags: str
    received: datetime.datetime
    text: str | None
    """A digest of the plain text; None where it has html alone, which everybody turns into text another way."""
    html: str | None
    attached: list[Attached]
    text_octets: int
    """Of the part that its text is made of, as it is encoded."""

    def known(self, uid: int) -> KnownParts:
        """Give what there is to know once it has a UID."""
        return KnownParts(uid, len(self.octets), self.text, self.html, self.attached, self.text_octets)


def filed(count: int) -> Iterator[Filed]:
    """Make `count` messages, in the order of their UIDs."""
    chance = random.Random(_SEED)
    noise = chance.randbytes(1_000_000)
    for number in range(count):
        received = _START + number * _SLOT
        (language,) = chance.choices(_LANGUAGES, _WEIGHTS)
        letter = _Letter(chance, language, noise)
        # A shape is said in the order of its probability: the first that is still within.
        kind, shape = chance.random(), letter.with_attachments
        for share, other in letter.shapes:
            kind -= share
            if kind < 0:
                shape = other
                break
        body = shape()
        flags = "\\Seen" if number % 4 else ""
        octets = _head(number, received, language, chance) + body
        yield Filed(octets, flags, received, letter.text, letter.html, letter.attached, letter.text_octets)


class _Letter:
    """The body of one message; what is in it is noted while it is made."""

    def __init__(self, chance: random.Random, language: _Language, noise: bytes) -> None:
        self._chance = chance
        self._language = language
        self._noise = noise
        self.text: str | None = None
        self.html: str | None = None
        self.attached: list[Attached] = []
        self.text_octets = 0

    @property
    def shapes(self) -> tuple[tuple[float, Callable[[], bytes]], ...]:
        """The shapes but for the last, each with its share."""
        return (
            (0.33, self._plain),
            (0.42, self._alternative),
            (0.06, self._newsletter),
            (0.06, self._illustrated),
            (0.02, self._invitation),
            (0.03, self._with_table),
        )

    def with_attachments(self) -> bytes:
        """Write a text and files."""
        chance = self._chance
        first = self._alternative() if chance.random() < 0.6 else self._plain()
        files = [self._file() for _ in range(chance.choice((1, 1, 1, 1, 2, 3)))]
        return self._multipart("mixed", first, *files)

    def _plain(self) -> bytes:
        language, size = self._language, self._octets(*_TEXT)
        is_flowed = language.between == " " and self._chance.random() < 0.15
        lines = self._lines(size, is_quoting=language.between == " " and not is_flowed)
        written = (" \n" if is_flowed else "\n").join(lines) + "\n"
        encoded = self._encoded(written)
        self.text, self.text_octets = words(written), len(encoded)
        return self._text_head("plain", "; format=flowed" * is_flowed) + encoded

    def _html_part(self) -> bytes:
        charset = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">' * (
            self._language.charset == "utf-8"
        )
        lines = self._lines(self._octets(*_HTML) * 3 // 4)
        paragraphs = ("<br>\n".join(lines[at : at + 4]) for at in range(0, len(lines), 4))
        cell = '<tr><td style="padding:0 8px;font-family:Arial,sans-serif">'
        written = "".join(f"{cell}{paragraph}</td></tr>\n" for paragraph in paragraphs)
        written = f"<html><head>{charset}</head><body><table width=100%>\n{written}</table></body></html>\n"
        encoded = self._encoded(written)
        self.html = words(written)
        if not self.text_octets:
            self.text_octets = len(encoded)
        return self._text_head("html") + encoded

    def _alternative(self) -> bytes:
        return self._multipart("alternative", self._plain(), self._html_part())

    def _newsletter(self) -> bytes:
        return self._html_part()

    def _illustrated(self) -> bytes:
        images = [self._image(n) for n in range(self._chance.choice((1, 1, 2, 4)))]
        plain, html = self._plain(), self._html_part()
        if self._chance.random() < 0.5:
            return self._multipart("related", self._multipart("alternative", plain, html), *images)
        return self._multipart("alternative", plain, self._multipart("related", html, *images))

    def _invitation(self) -> bytes:
        event = (
            b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        calendar = b"Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n" + event
        return self._multipart("alternative", self._plain(), self._html_part(), calendar)

    def _with_table(self) -> bytes:
        rows = b"".join(b"%d;%d;%d\r\n" % (n, n * n, n * 7) for n in range(self._chance.randrange(50, 900)))
        self.attached.append(("figures.csv", "text/csv", len(rows)))
        head = b'Content-Type: text/csv; name="figures.csv"\r\nContent-Disposition: attachment; filename="figures.csv"'
        return self._multipart("mixed", self._plain(), head + b"\r\n\r\n" + rows)

    def _file(self) -> bytes:
        kind, extension = self._chance.choice(_KINDS)
        size = int(20_000 * 15 ** self._chance.random())
        name = f"{self._chance.choice(_NAMES)}.{extension}"
        if name.isascii():
            written = f'name="{name}"'
        elif self._chance.random() < 0.5:
            written = f"name*={encode_rfc2231(name, 'utf-8')}"
        else:
            # Against RFC 2047, as most programs write it.
            written = f'name="=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="'
        return self._binary(name, kind, size, f"{kind}; {written}", f"attachment; file{written}")

    def _image(self, number: int) -> bytes:
        name = f"image{number:03}.png"
        size = int(1_500 * 15 ** self._chance.random())
        return self._binary(
            name, "image/png", size, f'image/png; name="{name}"',
            f'inline; filename="{name}"\r\nContent-ID: <{name}@{self._chance.getrandbits(48):012x}>',
        )  # fmt: skip

    def _binary(self, name: str, kind: str, size: int, content_type: str, disposition: str) -> bytes:
        self.attached.append((name, kind, size))
        start = self._chance.randrange(len(self._noise) - size)
        head = (
            f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: {disposition}\r\n\r\n"
        )
        return head.encode() + base64.encodebytes(self._noise[start : start + size]).replace(b"\n", b"\r\n")

    def _octets(self, mean: float, deviation: float) -> int:
        return min(100_000, int(self._chance.lognormvariate(mean, deviation)))

    def _lines(self, octets: int, *, is_quoting: bool = False) -> list[str]:
        """Give lines of about so many octets, a paragraph now and then, the end of them a quote in some."""
        language, chance = self._language, self._chance
        lines: list[str] = []
        total = 0
        while total < octets:
            line = language.between.join(chance.choices(language.words, k=_WIDTH // 7)) + "."
            if is_quoting and total > octets // 2:
                line = f"> {line}"
            elif chance.random() < 0.15:
                lines.append("")
            lines.append(line)
            total += len(line.encode(language.charset)) + 2
        return lines

    def _encoded(self, written: str) -> bytes:
        octets = written.encode(self._language.charset)
        if self._language.transfer == "base64":
            octets = base64.encodebytes(octets.replace(b"\n", b"\r\n"))
        elif self._language.transfer == "quoted-printable":
            octets = quopri.encodestring(octets)
        return octets.replace(b"\n", b"\r\n")

    def _text_head(self, subtype: str, more: str = "") -> bytes:
        return (
            f"Content-Type: text/{subtype}; charset={self._language.charset}{more}\r\n"
            f"Content-Transfer-Encoding: {self._language.transfer}\r\n\r\n"
        ).encode()

    def _multipart(self, subtype: str, *parts: bytes) -> bytes:
        mark = b"----=_Part_%d_%x" % (self._chance.randrange(10**6), self._chance.getrandbits(64))
        head = b'Content-Type: multipart/%s;\r\n\tboundary="%s"\r\n\r\n' % (subtype.encode(), mark)
        return head + b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts) + b"--%s--\r\n" % mark


def _head(number: int, received: datetime.datetime, language: _Language, chance: random.Random) -> bytes:
    """Write a header of some 2 kB, most of it of machines for machines."""
    stamp = format_datetime(received)
    subject = f"{language.between.join(chance.choices(language.words, k=5))} {number}"
    if not subject.isascii():
        subject = Header(subject, language.charset, header_name="Subject").encode().replace("\n", "\r\n")
    signature = "\r\n\t ".join(base64.b64encode(chance.randbytes(48)).decode() for _ in range(5))
    fields = [
        f"Return-Path: <person{number % 300}@example.org>",
        *(f"Received: from relay{hop}.example.org (relay{hop}.example.org [192.0.2.{hop}])\r\n\tby mx{hop}.example.org "
          f"with ESMTPS id {chance.getrandbits(64):016x}\r\n\tfor <ada@example.org>; {stamp}" for hop in range(1, 4)),
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n\tb={signature}",
        "Authentication-Results: mx.example.org; dkim=pass header.d=example.org; spf=pass; dmarc=pass",
        f"From: Person {number % 300} <person{number % 300}@example.org>",
        "To: Ada Byron <ada@example.org>",
        f"Subject: {subject}",
        f"Date: {stamp}",
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@example.org>",
        "MIME-Version: 1.0",
        f"X-Spam-Status: No, score=-{chance.randrange(5)}.{chance.randrange(10)}",
    ]  # fmt: skip
    return "\r\n".join(fields).encode() + b"\r\n"
