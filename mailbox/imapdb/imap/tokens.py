"""The data in a response: atoms, strings and numbers as bytes, NIL as None, lists as lists (RFC 3501 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError

if TYPE_CHECKING:
    from imapdb.imap.wire import Response

__all__ = ["Token", "tokens"]

Token = bytes | None | list["Token"]

MAX_DEPTH = 200
# Each costs some fifty octets to hold, however short it is.
MAX_TOKENS = 500_000

# BODY[HEADER.FIELDS (FROM TO)]<0> is one word, spaces and all. Elsewhere a bracket is a character like any other:
# `$[x` is a keyword, `[Gmail]/Sent` a mailbox.
_QUOTED = rb'"(?P<quoted>(?:[^"\\]|\\.)*)"|'
_SECTION = rb"(?:BODY|BINARY(?:\.SIZE)?)\[[^\]]*\][^\s()\"]*|"


def _pattern(quoted: bytes, section: bytes) -> re.Pattern[bytes]:
    literal = rb"(?P<literal>\{\d+\+?\}\r?\n\Z)"
    atom = rb"(?P<atom>" + section + rb'\\?[^\s()"{]+|[^ \r\n])'
    token = rb"[ \r\n]*(?:(?P<open>\()|(?P<close>\))|" + quoted + literal + rb"|" + atom + rb")"
    return re.compile(token, re.DOTALL | re.IGNORECASE)


# By whether a string, and a section, can still end on the line: looking for the end of one that has none costs the
# rest of the line each time, and a line of a million quotation marks hours.
_TOKEN = {
    (quotes, sections): _pattern(_QUOTED * quotes, _SECTION * sections)
    for quotes in (False, True)
    for sections in (False, True)
}
# A line that holds none of these, and as many quotation marks as strings need, is cut into words at once.
_SPECIAL = re.compile(rb"[\\{\[\t\v\f]")
_WORD = re.compile(rb'"[^"]*"|[()]|[^ \r\n()"]+')
LONGEST_PLAIN = 64 * 1024
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def tokens(response: Response, start: int = 0) -> list[Token]:
    """Read a response from octet `start` of its first line to its end.

    Raises ProtocolError where parentheses do not match, nest deeper than any real structure, or hold more than that.
    """
    stack: list[list[Token]] = [[]]
    for number, part in enumerate(response):
        if number % 2:
            stack[-1].append(part)
        else:
            is_last = number == len(response) - 1
            _read_line(part, start if number == 0 else 0, len(part.rstrip(b"\r\n")) if is_last else len(part), stack)
    if len(stack) != 1:
        raise ProtocolError("a response ends inside a list")
    return stack[0]


def _read_plain(words: list[bytes], stack: list[list[Token]]) -> None:
    """Put the words of a line into the lists they stand in."""
    inner = stack[-1]
    for word in words:
        if word == b"(":
            if len(stack) > MAX_DEPTH:
                raise ProtocolError(f"a response nests more than {MAX_DEPTH} lists")
            opened: list[Token] = []
            inner.append(opened)
            stack.append(opened)
            inner = opened
        elif word == b")":
            if len(stack) == 1:
                raise ProtocolError("a response closes a list it did not open")
            stack.pop()
            inner = stack[-1]
        elif word[0] == _QUOTE:
            inner.append(word[1:-1])
        else:
            inner.append(None if word in _NIL or word.upper() == b"NIL" else word)


_QUOTE = ord('"')
_NIL = frozenset({b"NIL"})


def _read_line(line: bytes, position: int, end: int, stack: list[list[Token]]) -> None:
    # Behind the last string of a structure a literal may be announced.
    plain = line.rfind(b'"', position, end) + 1 or end
    if (
        plain - position <= LONGEST_PLAIN
        and line.count(b'"', position, plain) % 2 == 0
        and not _SPECIAL.search(line, position, plain)
    ):
        _read_plain(_WORD.findall(line, position, plain), stack)
        position = plain
    quotes, last_bracket = True, line.rfind(b"]")
    room = MAX_TOKENS
    while position < end and (match := _TOKEN[quotes, position < last_bracket].match(line, position)):
        position = match.end()
        room -= 1
        if not room:
            raise ProtocolError(f"a response holds more than {MAX_TOKENS} words")
        match match.lastgroup:
            case "open":
                if len(stack) > MAX_DEPTH:
                    raise ProtocolError(f"a response nests more than {MAX_DEPTH} lists")
                inner: list[Token] = []
                stack[-1].append(inner)
                stack.append(inner)
            case "close":
                if len(stack) == 1:
                    raise ProtocolError("a response closes a list it did not open")
                stack.pop()
            case "quoted":
                value = match["quoted"]
                stack[-1].append(_ESCAPED.sub(rb"\1", value) if b"\\" in value else value)
            case "atom":
                value = match["atom"]
                # A quotation mark that begins no string: then no later one does.
                quotes = quotes and value != b'"'
                stack[-1].append(None if value.upper() == b"NIL" else value)
