"""One field of a part's description to a value, whatever a server has in its place (RFC 3501 9, `body-fields`).

Each function takes a token and `note`, which is told of what was guessed or is lost. None of them raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from imapdb.mime import headers
from imapdb.mime.parameters import decode, split

if TYPE_CHECKING:
    from imapdb.imap.tokens import Token
    from imapdb.mime.parameters import Note

__all__ = [
    "OCTET_STREAM",
    "content_id",
    "content_type",
    "disposition",
    "encoding",
    "is_number",
    "languages",
    "number",
    "parameters",
    "text",
]

OCTET_STREAM: Final = "application/octet-stream"
MAX_DIGITS: Final = 18  # more are no size, and would not fit SQLite's 64 bits

_ONE_PAIR: Final = 2  # a name and a value
_WORD: Final = re.compile(rb"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+")  # a token of RFC 2045 section 5.1
_ENCODING: Final = re.compile(rb"\s*([^\s;(]+)")
_NO_TEXT: Final = frozenset({b"application", b"audio", b"font", b"image", b"message", b"model", b"video"})


def content_type(kind: Token, subtype: Token, note: Note) -> str:
    """Join type and subtype in lower case.

    One that is no type is plain text, as if there were no Content-Type (RFC 2045 section 5.2).
    """
    main = kind if isinstance(kind, bytes) else b""
    if isinstance(subtype, bytes) and (joined := _joined(main, subtype)):
        return joined
    note("a content type that is none")
    if main.lower() == b"multipart":
        return "multipart/mixed"
    return OCTET_STREAM if main.lower() in _NO_TEXT else "text/plain"


@lru_cache(maxsize=512)
def _joined(kind: bytes, subtype: bytes) -> str | None:
    if _WORD.fullmatch(kind) and _WORD.fullmatch(subtype):
        return f"{kind.decode('ascii')}/{subtype.decode('ascii')}".lower()
    return None


def parameters(told: Token, note: Note) -> dict[str, str]:
    """Decode a list of names and values in turn."""
    if not told:
        return {}
    if isinstance(told, bytes):
        note("a text where parameters belong")
        return {}
    if len(told) == _ONE_PAIR and isinstance(told[0], bytes) and isinstance(told[1], bytes):
        # Most have one, and mostly the same.
        known, problems = _of_pair(told[0], told[1])
        for problem in problems:
            note(problem)
        return known
    pairs: list[tuple[bytes, bytes]] = []
    for name, value in zip(told[::2], told[1::2], strict=False):
        if isinstance(name, bytes) and isinstance(value, bytes):
            pairs.append((name, value))
        else:
            note("a parameter without a name or a value")
    if len(told) % 2:
        note("a parameter without a name or a value")
    return decode(pairs, note)


@lru_cache(maxsize=512)
def _of_pair(name: bytes, value: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
    problems: list[str] = []
    found = decode([(name, value)], problems.append)
    return found, tuple(problems)


def disposition(told: Token, note: Note) -> tuple[str | None, dict[str, str]]:
    """Give the disposition in lower case, and its parameters (RFC 2183)."""
    if not told:
        return None, {}
    if isinstance(told, bytes):
        # The header field as it is: from pymap always, from Exchange now and then.
        word, pairs = split(told)
        return _word(word, note), decode(pairs, note)
    if len(told) > 1 and isinstance(told[1], bytes):
        note("parameters that are no list")
        return _word(told[0], note), parameters(told[1:], note)
    return _word(told[0], note), parameters(told[1] if len(told) > 1 else None, note)


def _word(told: Token, note: Note) -> str | None:
    if not told:
        return None
    if isinstance(told, bytes) and (told.isalpha() or _WORD.fullmatch(told)):
        return told.decode("ascii").lower()
    note("a disposition that is none")
    return None


def encoding(told: Token, note: Note) -> str:
    """Give the Content-Transfer-Encoding in lower case, without the comment or parameter that some write behind it."""
    if isinstance(told, bytes) and (known := _encoding(told)):
        return known
    note("an encoding that is not told")
    return "7bit"


@lru_cache(maxsize=64)
def _encoding(told: bytes) -> str | None:
    word = _ENCODING.match(told)
    return None if word is None else headers.decode_text(word[1]).lower()


def is_number(told: Token) -> bool:
    """Tell whether this is a number, in quotes or not."""
    return isinstance(told, bytes) and told.isdigit() and len(told) <= MAX_DIGITS


def number(told: Token, name: str, note: Note) -> int | None:
    """Read a number, which the problem calls `name` if it is none."""
    if isinstance(told, bytes) and is_number(told):
        return int(told)
    note(f"a {name} that is no number")
    return None


def text(told: Token, note: Note) -> str | None:
    """Decode a text; one that is empty is none."""
    if isinstance(told, bytes):
        return headers.decode_text(told) or None
    if told is not None:
        note("a list where a text belongs")
    return None


def content_id(told: Token, note: Note) -> str | None:
    """Give a Content-ID as a `cid:` URL names it (RFC 2392)."""
    if isinstance(told, bytes):
        return headers.decode_id(told).removeprefix("<").removesuffix(">") or None
    return text(told, note)


def languages(told: Token, note: Note) -> tuple[str, ...]:
    """List the languages in lower case (RFC 3282): one, several, or several in one text as pymap has them."""
    if told is None:
        return ()
    listed = told if isinstance(told, list) else [told]
    texts = [decoded for word in listed if (decoded := text(word, note))]
    return tuple(word for decoded in texts for word in decoded.lower().replace(",", " ").split())
