"""What letters say: well-formed bodies of every common structure, encoding and charset, made by chance."""

from __future__ import annotations

import base64
import quopri
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

__all__ = ["entity"]

Entity = tuple[list[str], bytes]

_LINES: Final = (
    "hello", "Grüße aus München", "Straße 5, 100% > 50%", "日本語のテキスト", "Привет, мир", "> quoted: invoice", "",
    "-- ",
    "a = b; c_d", "From here on", ".", "résumé of the meeting", "\tindented", "x" * 70,
)  # fmt: skip
_CHARSETS: Final = ("utf-8", "UTF-8", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis", "iso-2022-jp", "gb18030")
_TYPES: Final = ("application/pdf", "image/png", "application/octet-stream", "text/csv")
# As they are written, in each way that is allowed; the last two are the same.
_NAMES: Final = (
    "",
    '; filename="invoice.pdf"',
    "; filename=a.txt",
    "; filename*=utf-8''Rechnung%20f%C3%BCr%20M%C3%BCnchen.pdf",
    "; filename*0=long; filename*1=er.txt",
    "; filename*=iso-8859-1'de'Gr%FC%DFe",
)


def entity(chance: random.Random) -> Entity:
    """Make the MIME fields and the octets of a message, or of a part of one."""
    kind = chance.random()
    if kind < 0.3:
        return [], b"hello\r\n" * chance.choice((0, 1, 1, 2, 30))
    if kind < 0.6:
        return _text(chance, "plain")
    if kind < 0.65:
        return _flowed(chance)
    if kind < 0.8:
        return _multipart(chance, "alternative", [_text(chance, "plain"), _text(chance, "html")])
    inner = [_text(chance, "plain")]
    if chance.random() < 0.3:
        inner = [_multipart(chance, "alternative", [_text(chance, "plain"), _text(chance, "html")])]
    inner += [_attachment(chance) for _ in range(chance.choice((0, 1, 1, 2)))]
    if chance.random() < 0.2:
        inner.append(_text(chance, "plain"))
    if chance.random() < 0.1:
        inner.append(_embedded(chance))
    return _multipart(chance, "mixed", inner)


def _text(chance: random.Random, subtype: str) -> Entity:
    lines = [chance.choice(_LINES) for _ in range(chance.choice((1, 1, 2, 5)))]
    if subtype == "html":
        lines = [f"<p>{line.replace('>', '&gt;')}</p>" for line in lines]
    text = "".join(f"{line}\r\n" for line in lines)
    fitting = [charset for charset in _CHARSETS if _fits(text, charset)]
    charset = chance.choice(fitting)
    octets = text.encode(charset)
    encoding = chance.choice(("base64", "quoted-printable", "8bit"))
    if encoding == "8bit" and charset == "iso-2022-jp":
        encoding = "7bit"
    fields = [f"Content-Type: text/{subtype}; charset={chance.choice((charset, f'{chr(34)}{charset}{chr(34)}'))}"]
    return [*fields, f"Content-Transfer-Encoding: {encoding}"], _encoded(octets, encoding)


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _flowed(chance: random.Random) -> Entity:
    text = chance.choice(("one \r\ntwo\r\n", "> quoted \r\n> on\r\nand not\r\n", "fixed\r\n\r\nlines\r\n"))
    return ["Content-Type: text/plain; charset=us-ascii; format=flowed"], text.encode()


def _attachment(chance: random.Random) -> Entity:
    kind = chance.choice(_TYPES)
    name = chance.choice(_NAMES)
    disposition = chance.choice(("attachment", "attachment", "inline")) if name else "attachment"
    fields = [f"Content-Type: {kind}", f"Content-Disposition: {disposition}{name}"]
    if chance.random() < 0.2:
        fields.append("Content-ID: <part1@example.org>")
    if kind == "text/csv" and chance.random() < 0.5:
        return [*fields, "Content-Transfer-Encoding: 7bit"], b"a,b\r\n1,2\r\n"
    # In threes, so that BODYSTRUCTURE tells the exact size.
    octets = bytes(chance.randrange(256) for _ in range(3 * chance.choice((0, 1, 19, 20, 100))))
    return [*fields, "Content-Transfer-Encoding: base64"], _encoded(octets, "base64")


def _embedded(chance: random.Random) -> Entity:
    fields, body = _text(chance, "plain")
    while not body.isascii():
        # Of an embedded message the standard library keeps the text, and not the octets.
        fields, body = _text(chance, "plain")
    head = "\r\n".join(["Subject: inside", "From: inner@example.org", "MIME-Version: 1.0", *fields, "", ""])
    return ["Content-Type: message/rfc822", "Content-Disposition: attachment"], head.encode() + body


def _encoded(octets: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        # Blanks at the ends of lines are encoded; CRLF is a line's end.
        return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return octets


def _multipart(chance: random.Random, subtype: str, inner: list[Entity]) -> Entity:
    boundary = f"=_{chance.randrange(10**9)}"
    body = bytearray(chance.choice((b"", b"This is a message of several parts.\r\n")))
    for fields, octets in inner:
        head = "".join(f"{field}\r\n" for field in fields)
        body += f"--{boundary}\r\n{head}\r\n".encode() + octets + b"\r\n"
    body += f"--{boundary}--\r\n".encode() + chance.choice((b"", b"epilogue\r\n"))
    return [f'Content-Type: multipart/{subtype}; boundary="{boundary}"'], bytes(body)
