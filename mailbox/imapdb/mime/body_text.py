"""The octets of a text part to text: what its label says, or what it must be where the label is missing or wrong.

Known labels are read by `charset`. Where there is none, or one that cannot be right, the order is: a byte order mark,
the `<meta>` of html, UTF-8 if it can be, the detection of a library, windows-1252.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from imapdb.mime import charset

__all__ = ["BodyText", "declared", "decode"]

NO_LABEL: Final = "charset: not told"
UNKNOWN_LABEL: Final = "charset: unknown label"
WRONG_LABEL: Final = "charset: wrong label"
NOT_IN_CHARSET: Final = "charset: octets it does not have"
NUL: Final = "text: NUL"

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)
_ENOUGH: Final = 16  # octets in ASCII that are no UTF-16
_LEAST_WIDE: Final = 8  # octets that may be UTF-16 without a mark
_WIDE: Final = {"utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"}
_ASCII: Final = bytes(range(0x80))
_HIGH_OCTETS: Final = bytes(range(0x80, 0x100))
_SEQUENCE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CUT_SEQUENCE: Final = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_SEVEN_BITS: Final = ("iso2022", "hz", "utf_7")
# Octets that are UTF-8 throughout, with so many sequences, are no other charset by chance: one of a letter and a sign
# each, or of pairs (Thai has few enough letters to be like them).
_CHANCE: Final = 3
_CHANCE_OF_PAIRS: Final = 8
_PAIRS: Final = ("big5", "cp874", "cp9", "euc", "gb", "iso8859_11", "johab", "shift", "tis")
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")

# The WHATWG Encoding Standard looks at 1,024 octets; Word writes longer heads.
_META_WITHIN: Final = 4096
_META: Final = re.compile(rb"<meta\s[^>]*?\bcharset\s*+=\s*+[\"']?\s*+([\w.:-]{1,64})", re.IGNORECASE)

# What is looked at: from a little before the first octet that tells anything, for the words around it.
_BEFORE: Final = 1 << 8
_APART: Final = bytes(0x0A if n in b"\r<>" else n for n in range(256))  # none of them is half of a character
_LOOKED_AT: Final = 1 << 14
# Octets read as a charset may hold so many that it does not have, of all beyond ASCII. 1 of 10.
_TOLERATED: Final = 10
# What is guessed for a few letters of Latin script; next to no letter they are signs (£, °, ©), as in windows-1252.
_LATIN: Final = {"cp1250", "cp1254", "cp1257", "iso8859_2", "iso8859_4"}
_IN_A_WORD: Final = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")


class BodyText(NamedTuple):
    """A text, the Python codec it was read with, and what was wrong with its label or its octets."""

    text: str
    codec: str
    problems: list[str]


def decode(octets: bytes, label: str | None, *, is_html: bool = False) -> BodyText:
    """Decode the octets of a text part whose charset parameter is `label`; None where it has none.

    Lines end with LF (CRLF and single CR become one). NUL is taken out: SQLite's functions and C programs end a text
    there. Octets that the charset does not have become U+FFFD, and there are no surrogates. ASCII that is labelled
    as nothing, or as ASCII, has no problems.
    """
    problems: list[str] = []
    codec = _codec(octets, label, problems, is_html=is_html)
    text = charset.decoder(codec)(octets)
    if "\ufffd" in text and not (codec == "utf_8" and _is_utf_8(octets)):
        problems.append(NOT_IN_CHARSET)
    if "\0" in text:
        problems.append(NUL)
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return BodyText(text, codec, problems)


def _codec(octets: bytes, label: str | None, problems: list[str], *, is_html: bool) -> str:
    told = charset.codec_of(label)
    if told is None and label is not None and label.strip():
        problems.append(UNKNOWN_LABEL)
    if marked := _marked(octets):
        if told is not None and told != "ascii" and told[:6] != marked[:6]:
            problems.append(WRONG_LABEL)
        return marked
    if told is None or told == "ascii":
        return _unlabelled(octets, problems, is_html=is_html, is_ascii=told == "ascii")
    if told == "utf_8":
        if _is_utf_8(octets) or _is_nearly_utf_8(octets):
            return told
    elif not _is_wrong(octets, told):
        return told
    found = "ascii" if octets.isascii() else "utf_8" if _is_utf_8(octets) else _detected(octets)
    if found is None and told != "utf_8":
        return told  # nothing better is known
    problems.append(WRONG_LABEL)
    return found or "cp1252"


def _unlabelled(octets: bytes, problems: list[str], *, is_html: bool, is_ascii: bool) -> str:
    """Name the codec of octets that are labelled as nothing, as what nobody knows, or as ASCII.

    Servers say "us-ascii" where a part says nothing, so html's own word counts there as well.
    """
    found = declared(octets) if is_html else None
    if wide := _wide(octets):
        found = wide
    elif octets.isascii():
        if b"\x1b$" not in octets or (found or "").startswith("iso2022"):
            return found or "ascii"
        found = "iso2022_kr" if b"\x1b$)C" in octets else "iso2022_jp"
    elif found is not None and found != "ascii" and not _is_lost(charset.decoder(found)(octets)):
        if not is_ascii:
            return found  # html need not have a label
    else:
        found = "utf_8" if _is_utf_8(octets) else _detected(octets) or "cp1252"
    if is_ascii:
        problems.append(WRONG_LABEL)
    elif not problems:
        problems.append(NO_LABEL)
    return found


def _marked(octets: bytes) -> str | None:
    for mark, codec in _MARKS:
        if octets.startswith(mark):
            if codec == "utf_16" and b"\0" in octets:
                return codec  # though it may be cut in a character
            try:
                octets.decode(codec)
            except UnicodeDecodeError:
                continue
            return codec
    return None


def declared(octets: bytes) -> str | None:
    """Name the codec that html declares for itself (WHATWG HTML section 13.2.3.2)."""
    found = _META.search(octets[:_META_WITHIN])
    codec = charset.codec_of(found[1].decode("ascii", "replace")) if found else None
    return "utf_8" if codec in _WIDE else codec  # it could not have been read so far


def _is_utf_8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_nearly_utf_8(octets: bytes) -> bool:
    """Tell whether octets are UTF-8 but for a few: cut in a character, or with a line in another charset."""
    rest, sequences = _SEQUENCE.subn(b"", _CUT_SEQUENCE.sub(b"", octets))
    broken = len(rest) - len(rest.translate(None, _HIGH_OCTETS))
    return sequences >= 2 * broken and sequences > 0


def _is_wrong(octets: bytes, told: str) -> bool:
    """Tell whether octets cannot be of the charset that is told for them."""
    if octets.isascii():
        # That would be Chinese without a blank or a line end.
        return told in _WIDE and len(octets) >= _ENOUGH and b"\0" not in octets
    text = charset.decoder(told)(octets)
    if not _is_utf_8(octets):
        return _is_lost(text)
    chance = _CHANCE_OF_PAIRS if told.startswith(_PAIRS) else _CHANCE
    return told.startswith(_SEVEN_BITS) or "\ufffd" in text or len(_SEQUENCE.findall(octets)) >= chance


def _is_lost(text: str) -> bool:
    """Tell whether a text shows that its octets are of another charset."""
    broken = text.count("\ufffd")
    return broken > 0 and broken * _TOLERATED > len(_NOT_ASCII.findall(text))


def _wide(octets: bytes) -> str | None:
    """Name the UTF that octets without a mark are in, if a quarter of them is NUL: half of all in western text."""
    if octets.count(b"\0") * 4 <= max(len(octets), _LEAST_WIDE):
        return None
    zeros = [octets[start::4].count(b"\0") for start in range(4)]
    big = zeros[0] + zeros[2] > zeros[1] + zeros[3]
    if min(zeros[1:3]) * 8 > len(octets):  # of four octets, these two are of no character in common use
        return "utf_32_be" if zeros[0] > zeros[3] else "utf_32_le"
    return "utf_16_be" if big else "utf_16_le"


def _detected(octets: bytes) -> str | None:
    if _is_nearly_utf_8(octets):
        return "utf_8"
    from turbohtml.detect import detect  # noqa: PLC0415 - a twentieth of a second, and most programs never meet such mail

    start = max(0, len(octets) - len(octets.lstrip(_ASCII)) - _BEFORE)
    lines = octets[start : start + _LOOKED_AT].translate(_APART).split(b"\n")
    # Lines in ASCII, and tags, would only say that this is English.
    sample = b"\n".join(line for line in lines if not line.isascii())
    found = detect(sample)
    # Without confidence it is windows-1252, for want of better.
    codec = charset.codec_of(found.encoding) if found.confidence else None
    if codec in _LATIN and not _IN_A_WORD.search(sample):
        codec = "cp1252"
    return None if codec is None or _is_lost(charset.decoder(codec)(octets)) else codec
