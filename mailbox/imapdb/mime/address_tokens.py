"""The lexical tokens of an address field (RFC 5322 sections 3.2 and 4.1), read so that nothing is an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.mime import encoded_words

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Token", "tokens"]

_SPACE: Final = rb"(?P<space>[\x00-\x20\x7f]++)"
# An encoded word is one token even where its text holds a comma or an angle bracket, which mailers do write.
_WORD: Final = rb"(?P<word>" + encoded_words.WORD.pattern + rb")"
_QUOTED: Final = rb'"(?P<quoted>(?:[^"\\]++|\\.)*)"'
_REST: Final = (
    rb'(?P<atom>\[[^\[\]\\]*+\]|[^\x00-\x20()<>,;:@"\[\]\x7f]++)|(?P<mark>[()"]|<++|>++|,++|;++|:++|@++|\[++|\]++)'
)
_TOKEN: Final = re.compile(b"|".join((_SPACE, _WORD, _QUOTED, _REST)), re.DOTALL)
_TOKEN_WITHOUT_QUOTES: Final = re.compile(b"|".join((_SPACE, _WORD, _REST)), re.DOTALL)
_PARENTHESES: Final = re.compile(rb"\(++|\)++|\\.", re.DOTALL)


class Token(NamedTuple):
    """One token. `kind` is atom, word (an encoded word), quoted, comment or mark.

    `text` is raw: for a quoted string and a comment what stands inside, with its quoted pairs, for a mark a run of one
    and the same. `spaced` tells whether
    white space or a comment stood before it.
    """

    kind: str
    text: bytes
    spaced: bool


def tokens(raw: bytes) -> Iterator[Token]:
    """Read the raw value of an address field into tokens, in order, in linear time.

    A domain literal is an atom. From a quotation mark without an end on, quotation marks are marks, and from the
    parenthesis of a comment without an end on, parentheses are.
    """
    match_at = _TOKEN.match
    position, spaced, has_comments = 0, False, True
    while token := match_at(raw, position):
        position = token.end()
        kind = token.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        text = token[kind]
        if text == b"(" and kind == "mark" and has_comments:
            if end := _comment_end(raw, position):
                yield Token("comment", raw[position : end - 1], spaced)
                position, spaced = end, True
                continue
            has_comments = False
        if text == b'"' and kind == "mark":
            # There is no closing mark up to the end; looking for one again at each later mark would be quadratic.
            match_at = _TOKEN_WITHOUT_QUOTES.match
        yield Token(kind, text, spaced)
        spaced = kind == "mark" and text in b"()"


def _comment_end(raw: bytes, start: int) -> int:
    """Give the position after the parenthesis that closes the comment whose inside begins at `start`; 0 for none."""
    depth = 1
    for parentheses in _PARENTHESES.finditer(raw, start):
        first = parentheses[0][:1]
        count = parentheses.end() - parentheses.start()
        if first == b"(":
            depth += count
        elif first == b")":
            if count >= depth:
                return parentheses.start() + depth
            depth -= count
    return 0
