"""Values as one line of a terminal or of tab-separated text, and texts as lines.

Whoever sends mail chooses what it holds. Line breaks and tabs become spaces; every other control character,
and those that turn the direction of text around, are written out (ESC as a backslash and x1b), so that no terminal
obeys them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UNSAFE", "lines", "one_line", "shown"]

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


def lines(text: str) -> Iterator[str]:
    """Cut a text into its lines, without anything a terminal would act on but tabs."""
    for line in text.splitlines():
        yield one_line(line) if "\t" not in line else "\t".join(map(one_line, line.split("\t")))


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
