"""BODYSTRUCTURE as nearly every server writes it of nearly every message, cut into the descriptions of its parts.

That is one pattern where reading word by word takes a step for each. Taken is only what has one meaning wherever it
stands: strings in quotes without backslashes, words set off by one space, no embedded message, no literal.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imapdb.imap.tokens import Token

__all__ = ["Piece", "PlainStructure", "cut", "words"]

MAX_DEPTH: Final = 50  # less than a response may nest, and a structure

# The beginning of a multipart (`opened`), a single part (`kind` to `behind`), or what is told behind the parts of a
# multipart (`subtype` to `last`): kind, pairs, content_id, encoding, size, lines, shown_as, of_shown, behind, opened,
# subtype, of_multipart, last; at the end what is none of these. With the encoding stands the description, with
# `shown_as` the MD5, and a parenthesis that is not closed.
Piece = tuple[bytes, ...]
_KIND, _OPENED, _STRANGE = 0, 9, 13


class PlainStructure:
    """The structure of a message: its text, and that in pieces, which cover it and make one list."""

    __slots__ = ("pieces", "text")

    def __init__(self, text: bytes, pieces: list[Piece]) -> None:
        self.text = text
        self.pieces = pieces

    def words(self) -> list[Token]:
        """Give it as `imapdb.imap.tokens` reads it."""
        (told,) = words(self.text)
        return told if isinstance(told, list) else []


@cache  # Compiled when it is needed, which most statements never do.
def _pattern() -> re.Pattern[bytes]:
    # What others keep descriptions by is short.
    string, short = rb'"[^"\\\r\n]*+"', rb'"[^"\\\r\n]{0,64}+"'
    word = rb"(?:NIL|%b)" % short
    pairs = rb"(NIL|\(%b(?: %b)*\))" % (string, string)
    behind = rb"((?: (?:%b|\(%b(?: %b){0,2}\))){0,5})" % (word, word, word)
    kind = rb"(%b %b)" % (short, short)
    shown = rb"(?:((?: %b)? \(%b) %b\))?" % (word, short, pairs)
    numbers = rb"(\d{1,18})(?: (\d{1,18}))?"
    single = rb"\(%b %b (NIL|%b) (%b %b) %b%b%b\)" % (kind, pairs, string, word, short, numbers, shown, behind)
    return re.compile(rb"%b|(\()| (%b) %b%b\)|(.+)" % (single, short, pairs, behind), re.DOTALL)


def cut(text: bytes) -> PlainStructure | None:
    """Cut a structure into its pieces; None where it is not as plain as that."""
    pieces = _pattern().findall(text)
    rest, depth, was_opened = len(pieces), 0, False
    for piece in pieces:
        rest -= 1
        if piece[_KIND]:
            was_opened = False
        elif piece[_OPENED]:
            was_opened = True
            depth += 1
        elif piece[_STRANGE] or was_opened:
            return None
        else:
            depth -= 1
        # The outermost list ends where the text does.
        if not (0 < depth <= MAX_DEPTH if rest else depth == 0):
            return None
    return PlainStructure(text, pieces) if pieces else None


_WORD: Final = re.compile(rb'([()])|"([^"]*)"|([^ ()"]+)')


def words(text: bytes) -> list[Token]:
    """Read what was found to be plain, or any piece of it with matching parentheses, word by word."""
    stack: list[list[Token]] = [[]]
    for bracket, quoted, word in _WORD.findall(text):
        if bracket == b"(":
            opened: list[Token] = []
            stack[-1].append(opened)
            stack.append(opened)
        elif bracket:
            stack.pop()
        else:
            stack[-1].append(quoted if not word else None if word == b"NIL" else word)
    return stack[0]
