"""The words of a text that a header must hold literally, however its server decodes and compares it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FOLDED_TO", "FOLDED_TO_OR_SINGLE", "fragments"]

MOST_WORDS = 10
LONGEST_WORD = 100

# What is not asked for, as case folding also makes it of one character that a server takes for another: `ss` of `ß`,
# `fi` of `ﬁ`. The first or last letters of a word may be half of such a character.
FOLDED_TO: Final = re.compile(
    r"\b(?:ff|[fs])?[filnst]|s(?=[st])|(?<=s)[st]|f(?=[fil])|(?<=f)[fil]|(?:[ahijtwy]|f?f|s)\b", re.IGNORECASE
)
# The same, for servers to which the long s and the Kelvin sign are no `s` and `k`.
FOLDED_TO_OR_SINGLE: Final = re.compile(rf"{FOLDED_TO.pattern}|[sk]", re.IGNORECASE)

# Letters with case that Dovecot folds as Unicode does, of Latin, Greek and Cyrillic. Not those that are a part of what
# another character folds to (the vowels of Greek, for the iota below them) or all of it (`å`, of the unit Ångström).
_CASED: Final = frozenset(map(chr, (*range(0xE0, 0x180), *range(0x430, 0x460)))) - set("åŉıſ") | set(
    "βγδεζθκλμνξοπστφχψ"
)


def fragments(
    stretches: Iterable[str],
    *,
    ascii_only: bool,
    cut: re.Pattern[str] | None = FOLDED_TO_OR_SINGLE,
    beside: str = "",
) -> list[str]:
    """Pick the words that a header must hold literally for the pattern to match: letters and digits side by side.

    Punctuation and spaces may stand differently in the header as sent (folding, quoting, comments), save for the
    characters `beside` letters. What matches `cut` is left out. The longest words narrow most; ten are plenty.
    """
    words: set[str] = set()
    for stretch in stretches:
        kept = "".join(char if char in beside or _is_literal(char, ascii_only=ascii_only) else " " for char in stretch)
        if cut is not None:
            kept = cut.sub(" ", kept)
        words.update(word[:LONGEST_WORD] for word in kept.split() if len(word) > 1)
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]


def _is_literal(char: str, *, ascii_only: bool) -> bool:
    if char.isascii():
        return char.isalnum()
    if ascii_only:
        return False
    if unicodedata.category(char) in ("Lo", "Nd"):
        return True
    return char.casefold() == char.lower() and char.casefold() in _CASED
