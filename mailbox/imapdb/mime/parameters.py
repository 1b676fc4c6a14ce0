"""The parameters of Content-Type and Content-Disposition to text, in each way that mailers write them.

In pieces and with their charset (RFC 2231), as encoded words in quotes, which RFC 2047 section 5 forbids and most
mail holds, or as raw octets. Nothing here raises for any octets, and nothing takes more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from imapdb.mime import charset, encoded_words, headers

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Note", "Pair", "decode", "split"]

Note = Callable[[str], None]  # is told what was wrong
Pair = tuple[bytes, bytes]

# `name*`, `name*0`, `name*0*`: extended as a whole, a piece, an extended piece (RFC 2231 sections 3 and 4).
_STARRED: Final = re.compile(rb"([^*]++)(?:\*(\d{1,9}))?(\*)?")
_WHOLE: Final = -1  # where a value that is in one piece stands among the pieces

# A name and a value, in quotes or up to the next semicolon. Unfinished quotes reach to the end. Comments before it are
# looked ahead at, so that none of them is given up again.
_PARAMETER: Final = re.compile(
    rb';(?=((?:\s++|\([^()]*+\))*))\1([^\s;="]++)\s*+=\s*+'
    rb'(?:"([^"\\]*+(?:\\.[^"\\]*+)*)(?:"[^;]*+|\\?\Z)|([^;]*+))|;[^;]*+',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def split(raw: bytes) -> tuple[bytes, list[Pair]]:
    """Split the raw value of Content-Type or Content-Disposition: what it says first, and its parameters.

    Follows RFC 2045 section 5.1 where that is followed, but for a comment behind a value: that is taken for a part of
    it, as names of files hold parentheses. Values come without their quotes and backslashes, else as they are written;
    `decode` makes text of them.
    """
    first, _, _ = raw.partition(b";")
    pairs: list[Pair] = []
    for parameter in _PARAMETER.finditer(raw, len(first)):
        _, name, quoted, bare = parameter.groups()
        if quoted is not None:
            pairs.append((name, _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted))
        elif name is not None:
            pairs.append((name, bare.strip()))
    return first.strip(), pairs


def decode(pairs: Iterable[Pair], note: Note) -> dict[str, str]:
    """Decode parameters, by their names in lower case.

    Where there are several of a name, the one with a charset counts, else the pieces, else the first. `note` is told of
    what had to be guessed or is lost. No value holds CR, LF or NUL, and every one encodes as UTF-8.
    """
    values: dict[str, str] = {}
    pieces: dict[str, dict[int, Pair]] = {}
    for name, value in pairs:
        starred = _STARRED.fullmatch(name) if b"*" in name else None
        if starred is None:
            key = _name(name)
            if key not in values:
                values[key] = _plain(value, note)
            elif values[key] != headers.decode_text(value):
                note("a parameter is there twice")
            continue
        base, number, star = starred.groups()
        of_name = pieces.setdefault(_name(base), {})
        of_name.setdefault(_WHOLE if number is None else int(number), (value, star or b""))
    for key, of_name in pieces.items():
        if _WHOLE in of_name:
            values[key] = _extended([of_name[_WHOLE]], note)
            continue
        numbers = sorted(of_name)
        if numbers[-1] >= len(numbers):
            note("a parameter lacks one of its pieces")
        if numbers[0] == 0 or key not in values:
            values[key] = _extended([of_name[number] for number in numbers], note)
    return values


def _name(name: bytes) -> str:
    return name.decode("ascii").lower() if name.isalpha() else headers.decode_text(name).lower()


def _plain(value: bytes, note: Note) -> str:
    if not value.isascii():
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            note("a parameter is in raw octets that are not UTF-8")
    return headers.decode_text(value)


def _extended(pieces: list[Pair], note: Note) -> str:
    """Join pieces; each that has a star is percent-encoded (RFC 2231 section 4.1)."""
    if not any(star for _, star in pieces):
        # Some cut encoded words into pieces.
        return _plain(b"".join(value for value, _ in pieces), note)
    label, octets = None, [unquote_to_bytes(value) if star else value for value, star in pieces]
    first, star = pieces[0]
    # The charset, the language and the text are parted before they are decoded: the text may spell apostrophes.
    told = first.split(b"'", 2)
    if star and len(told) == 3:  # noqa: PLR2004 - charset'language'text
        label = told[0].decode("ascii", "replace")
        octets[0] = unquote_to_bytes(told[2])
        if label and charset.codec_of(label) is None:
            note("a parameter is in a charset that is not known")
    else:
        note("a parameter does not say its charset")
    return encoded_words.without_controls(charset.decode(b"".join(octets), label or None)).strip(" \t")
