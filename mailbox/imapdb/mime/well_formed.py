"""Texts that are as they should be, to text in few steps; nearly all mail has only such ones.

What `transfer` and `body_text` would say of them has no problems, and the same text. For long texts it counts how
often they are gone through, so each test here is one that an octet search, or the lengths before and after, can do.
"""

from __future__ import annotations

import binascii
import codecs
from typing import TYPE_CHECKING, Final

from imapdb.mime import charset
from imapdb.mime.body_text import declared
from imapdb.mime.transfer import YENC_HEAD, YENC_MARK, well_formed_base64

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read"]

_BLANKS: Final = (b" ", b"\t")
_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32's hold a NUL or begin with these
# What is ASCII, or a line end, is something else in these, or may be.
_UNLIKE_ASCII: Final = (
    *("hz", "utf_7", "utf_16", "utf_32"),
    *("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"),
)
_LIKE_ASCII: Final = {None, "ascii", "utf_8", "latin_1", "cp1252"}


def read(octets: bytes, encoding: str, label: str | None, *, is_html: bool) -> str | None:
    """Read the octets of a text part whose Content-Transfer-Encoding and charset parameter these are.

    Lines end with LF. None where anything is unusual about it.
    """
    transfer = _TRANSFERS.get(encoding)
    told = transfer and transfer(octets)
    if told is None or b"\0" in told or told.startswith(_MARKS):
        return None
    codec = charset.codec_of(label)
    if codec is None and label:
        return None
    if codec is None or codec == "ascii":
        return _ascii(told, is_html=is_html)
    if codec == "utf_8":
        return _utf_8(told)
    if codec.startswith(_UNLIKE_ASCII) or (_utf_8(told) is not None and not told.isascii()):
        return None
    text = charset.decoder(codec)(told)
    return None if "\ufffd" in text else text


def _ascii(octets: bytes, *, is_html: bool) -> str | None:
    if not octets.isascii() or b"\x1b" in octets:
        return None
    # Html may say another charset than the server, who says "us-ascii" where the part says nothing.
    return None if is_html and declared(octets) not in _LIKE_ASCII else octets.decode("ascii")


def _utf_8(octets: bytes) -> str | None:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unix(octets: bytes) -> bytes | None:
    """Have lines end with LF; None where one ends with a single CR."""
    lines = octets.replace(b"\r", b"")
    # Quicker than to replace both octets by one.
    return lines if len(octets) - len(lines) == octets.count(b"\r\n") else None


def _identity(octets: bytes) -> bytes | None:
    return None if octets.find(YENC_MARK, 0, YENC_HEAD) >= 0 else _unix(octets)


def _base64(octets: bytes) -> bytes | None:
    told = well_formed_base64(octets)
    return told if told is None or b"\r" not in told else _unix(told)


def _quoted_printable(octets: bytes) -> bytes | None:
    lines = _unix(octets)
    if lines is None or not lines.isascii() or b" \n" in lines or lines.endswith(_BLANKS):
        return None
    if b"\t" in lines and b"\t\n" in lines:
        return None
    told = binascii.a2b_qp(lines)
    # Each escape is two octets shorter, and so is each soft line break. What is broken is not.
    is_sound = len(lines) - len(told) == 2 * lines.count(b"=")
    return told if is_sound and b"\r" not in told else None


_TRANSFERS: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "7bit": _identity,
    "8bit": _identity,
    "binary": _identity,
    "base64": _base64,
    "quoted-printable": _quoted_printable,
}
