"""Values as one line of a terminal or of tab-separated text.

Whoever sends mail chooses what its headers hold. Line breaks and tabs become spaces; every other control character,
and those that turn the direction of text around, are written out (ESC as a backslash and x1b), so that no terminal
obeys them.
"""

from __future__ import annotations

import re

__all__ = ["UNSAFE", "one_line", "shown"]

# C0 and C1 controls, the line separators of Unicode, embeddings, overrides and isolates of direction, and halves of
# surrogate pairs, which no encoding can write.
UNSAFE = "\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"

_BLANK = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_UNSAFE = re.compile(f"[{UNSAFE}]")


def one_line(text: str) -> str:
    """Write a text on one line, without anything a terminal would act on."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_written_out, _BLANK.sub(" ", text))


def shown(value: object) -> str:
    """Write a value for a reader: NULL is empty, octets are only counted."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} octets)"
    return one_line(str(value))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits reach so far
