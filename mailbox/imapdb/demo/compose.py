"""Writing messages octet by octet: RFC 5322 headers, RFC 2047 encoded words, MIME parts.

The standard library's `email` would write every message one way. Mail comes in many, so the sample account chooses
charset and transfer encoding message by message, and sometimes writes what no standard allows.
"""

from __future__ import annotations

import base64
import dataclasses
import quopri
import string
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Header",
    "How",
    "Part",
    "Transfer",
    "alternative",
    "attached",
    "encoded",
    "message",
    "mixed",
    "multipart",
    "text",
]

Transfer = Literal["7bit", "8bit", "quoted-printable", "base64"]
How = Literal["B", "Q"]
Header = tuple[str, str | bytes]

# RFC 2047 2: an encoded word has at most 75 characters, its delimiters included.
_WORD = 75
# RFC 2047 5 (3): what Q may leave as it is in the name of a person.
_PLAIN_OCTETS = frozenset((string.ascii_letters + string.digits + "!*+-/").encode("ascii"))


@dataclasses.dataclass(frozen=True)
class Part:
    """A MIME entity: its own header fields and its encoded body."""

    headers: tuple[Header, ...]
    body: bytes


def encoded(value: str, charset: str = "utf-8", how: How = "B") -> str:
    """Write a value as RFC 2047 encoded words on folded lines; ASCII stays as it is."""
    if value.isascii():
        return value
    words: list[str] = []
    taken = ""
    for char in value:
        if len(_word(taken + char, charset, how)) > _WORD:
            words.append(_word(taken, charset, how))
            taken = ""
        taken += char
    words.append(_word(taken, charset, how))
    return "\r\n ".join(words)


def _word(value: str, charset: str, how: How) -> str:
    octets = value.encode(charset)
    payload = base64.b64encode(octets).decode("ascii") if how == "B" else "".join(map(_quoted, octets))
    return f"=?{charset.upper()}?{how}?{payload}?="


def _quoted(octet: int) -> str:
    if octet == ord(" "):
        return "_"
    return chr(octet) if octet in _PLAIN_OCTETS else f"={octet:02X}"


def message(headers: Iterable[Header], part: Part) -> bytes:
    """Put header fields and a body together. A value given as octets goes out as it is, right or wrong."""
    lines = [_field(name, value) for name, value in (*headers, ("MIME-Version", "1.0"), *part.headers)]
    return b"".join(lines) + b"\r\n" + part.body


def _field(name: str, value: str | bytes) -> bytes:
    octets = value if isinstance(value, bytes) else value.encode("ascii")
    return name.encode("ascii") + b": " + octets + b"\r\n"


def text(
    value: str, *, subtype: str = "plain", charset: str = "utf-8", transfer: Transfer = "quoted-printable"
) -> Part:
    """Make a text part; its lines may end in LF."""
    octets = value.replace("\n", "\r\n").encode(charset)
    return Part(
        (
            ("Content-Type", f"text/{subtype}; charset={charset}"),
            ("Content-Transfer-Encoding", transfer),
        ),
        _transferred(octets, transfer),
    )


def attached(
    content: bytes,
    content_type: str,
    filename: str,
    *,
    disposition: Literal["attachment", "inline"] = "attachment",
    content_id: str | None = None,
) -> Part:
    """Make an attachment; a file name that is not ASCII is written as RFC 2231 says."""
    name = f'filename="{filename}"' if filename.isascii() else f"filename*=utf-8''{quote(filename)}"
    identity: Sequence[Header] = () if content_id is None else (("Content-ID", f"<{content_id}>"),)
    return Part(
        (
            ("Content-Type", content_type),
            ("Content-Transfer-Encoding", "base64"),
            ("Content-Disposition", f"{disposition};\r\n {name}"),
            *identity,
        ),
        _transferred(content, "base64"),
    )


def multipart(subtype: str, boundary: str, parts: Iterable[Part]) -> Part:
    """Put parts under one roof; the boundary must not occur in any of them."""
    opening = f"--{boundary}\r\n".encode("ascii")
    body = b"".join(
        opening + b"".join(_field(*header) for header in part.headers) + b"\r\n" + part.body + b"\r\n" for part in parts
    )
    return Part(
        (("Content-Type", f'multipart/{subtype}; boundary="{boundary}"'),), body + f"--{boundary}--\r\n".encode("ascii")
    )


def alternative(plain: Part, html: Part) -> Part:
    """Make one message two ways: the reader shows the last part it can (RFC 2046 5.1.4)."""
    return multipart("alternative", "=_either", (plain, html))


def mixed(first: Part, *attachments: Part) -> Part:
    """Make a text with attachments."""
    return multipart("mixed", "=_together", (first, *attachments))


def _transferred(octets: bytes, transfer: Transfer) -> bytes:
    if transfer == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if transfer == "quoted-printable":
        return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return octets
