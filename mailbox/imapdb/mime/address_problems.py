"""What is wrong with the structure of an address field (RFC 5322 sections 3.4 and 4.4): what its reading had to guess.

Groups, comments, quoted names, obsolete routes and empty members of a list are no problems, nor are dots in a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from imapdb.mime.address_tokens import Token, tokens
from imapdb.mime.encoded_words import WORD
from imapdb.mime.headers import decode_text

if TYPE_CHECKING:
    from imapdb.mime.parameters import Note

__all__ = ["note_addresses"]

_ATOM: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]"
_ADDRESS: Final = rb"(?!=\?)" + _ATOM + rb"++@[A-Za-z0-9.\-]++"
_WORD: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\x80-\xff]"
# The shapes nearly all mail has, of which nothing is wrong, as in `addresses`.
_GOOD: Final = re.compile(
    rb'[ \t\r\n]*+(?:(?:"[ !#-\[\]-~\x80-\xff]*+"|(' + _WORD + rb"++(?: " + _WORD + rb"++)*))?"
    rb" ?<" + _ADDRESS + rb">|" + _ADDRESS + rb")[ \t\r\n]*+(?:,|\Z)"
)
_LONGEST: Final = 1 << 18  # octets; a list of this length takes a second, if none of it is as it should be
_LONGEST_COMMA: Final = len(b"=?unknown-8bit?q?=2C?=")

_BRACKETS: Final = "angle brackets that do not match"
_SPECIALS: Final = "special characters in a name without quotes"
_NO_SQUARE: Final = "square brackets that do not match"
# What is a mark of its own only where its counterpart is missing.
_UNPAIRED: Final = {
    b"[": _NO_SQUARE,
    b"]": _NO_SQUARE,
    b'"': "a quotation mark without an end",
    b"(": "a comment without an end",
    b")": "a parenthesis that closes no comment",
}
_NO_COMMA: Final = "two addresses without a comma between them"
_NO_DOMAIN: Final = "an address without a domain"
_NO_LOCAL: Final = "an address without a local part"
_MORE_AT: Final = "an address with more than one @"


def note_addresses(raw: bytes, note: Note) -> None:
    """Tell `note` what is wrong with the structure of the raw value of an address field."""
    if _is_good(raw):
        return
    if len(raw) > _LONGEST:
        note("too long to be checked")
        return
    _Check(raw, note)


def _is_good(raw: bytes) -> bool:
    has_words = b"=?" in raw
    if has_words and b'"' in raw:
        return False
    position = 0
    while member := _GOOD.match(raw, position):
        if has_words and member[1] and b"=?" in WORD.sub(b"", member[1]):
            return False  # an encoded word may reach over what looks like the end of this member
        position = member.end()
    return 0 < position == len(raw)


class _Check:
    """Reads one field as `addresses` does, and notes where it has to guess."""

    def __init__(self, raw: bytes, note: Note) -> None:
        self._note = note
        self._in_group = False
        self._is_bad = False
        self._count = 0  # groups and members
        self._begin_member()
        for token in tokens(raw):
            if token.kind == "mark":
                self._mark(token)
            elif token.kind != "comment":
                if self._has_address and not self._inside and _is_encoded_comma(token):
                    self._tell("an encoded comma between two addresses")
                    self._end_member()
                else:
                    self._keep(token)
        self._end_member()
        if self._in_group:
            self._tell("a group without an end")
        if not self._count and not self._is_bad:
            note("no address" if raw.strip() else "empty")

    def _tell(self, problem: str) -> None:
        self._is_bad = True
        self._note(problem)

    def _begin_member(self) -> None:
        self._has_address = False  # an @ was seen
        self._inside = False
        self._is_angled = False  # an angle bracket was opened
        self._has_text_behind = False
        self._name = _Words()  # outside of the angle brackets
        self._address = _Words()  # inside

    def _keep(self, token: Token) -> None:
        if self._inside:
            self._address.add(token)
            if token.kind == "word":
                self._tell("an encoded word in an address")
            return
        self._has_text_behind |= self._is_angled
        if token.kind == "quoted" and b"=?" in token.text and WORD.search(token.text):
            self._tell("an encoded word in quotes")
        self._name.add(token)

    def _mark(self, token: Token) -> None:
        mark = token.text[:1]
        if mark == b"@":
            self._has_address = True
            self._keep(token)
        elif mark in _UNPAIRED:
            self._tell(_UNPAIRED[mark])
            if mark in b"[]":
                self._keep(token)
        elif mark in b"<>":
            self._angle(mark, len(token.text))
        elif mark == b":":
            self._colon(len(token.text))
        elif mark == b";":
            if not self._in_group or len(token.text) > 1:
                self._tell("a semicolon for a comma")
            self._end_member()
            self._in_group = False
        elif not (self._inside and self._address.is_route):
            self._end_member()

    def _angle(self, mark: bytes, count: int) -> None:
        if mark == b">":
            if not self._inside or count > 1:
                self._tell(_BRACKETS)
            self._inside = False
            return
        if self._inside or count > 1:
            self._tell(_BRACKETS)
        if self._is_angled and self._address.count:
            if not self._inside:
                self._tell(_NO_COMMA)
            self._inside = self._has_text_behind = False  # it is the name of the next
            self._end_member()
        self._is_angled = self._inside = True

    def _colon(self, count: int) -> None:
        if self._inside and self._address.count:
            if self._address.is_route:
                self._address = _Words()
            else:
                self._tell("a colon in an address")
            return
        if self._is_angled:
            self._tell(_NO_COMMA if self._address.count else _BRACKETS)
            self._end_member()
        if self._name.at or self._name.has_specials:
            self._tell(_SPECIALS)
        if not self._name.count:
            self._tell("a group without a name")
        if self._in_group or count > 1:
            self._tell("a group inside a group")
        self._in_group = True
        self._count += 1
        self._begin_member()

    def _end_member(self) -> None:
        name, address = self._name, self._address
        if self._inside:
            self._tell(_BRACKETS)
        if self._has_text_behind:
            self._tell("text behind the angle brackets")
        if self._is_angled:
            if name.at or name.has_specials:
                self._tell(_SPECIALS)
            if not address.count:
                self._tell("an empty <>")
            elif address.loose:
                self._tell("white space in an address")
            self._check(address)
        elif name.count:
            self._check_bare(name)
        self._count += bool(name.count or address.count)
        self._begin_member()

    def _check(self, address: _Words) -> None:
        if address.count and (not address.at or address.ends_in_at):
            self._tell(_NO_DOMAIN)
        elif address.begins_with_at:
            self._tell(_NO_LOCAL)
        if address.at > 1:
            self._tell(_MORE_AT)

    def _check_bare(self, name: _Words) -> None:
        """Check what stands without angle brackets: `a@b`, `Joe a@b`, `a@b c@d`, `root`, `Joe Smith`."""
        if name.has_specials:
            self._tell(_SPECIALS)
        if not name.at:
            self._tell("a name without an address" if name.chunks > 1 or name.is_phrase else _NO_DOMAIN)
        elif name.at > 1 and name.loose_behind:
            self._tell(_NO_COMMA)
        else:
            self._check(name)
            if name.loose:
                self._tell("text beside an address without angle brackets")


class _Words:
    """What is to be known of the tokens on one side of an angle bracket."""

    __slots__ = (
        "at", "begins_with_at", "chunks", "count", "ends_in_at", "has_specials", "is_phrase", "is_route", "last",
        "loose", "loose_behind",
    )  # fmt: skip

    def __init__(self) -> None:
        self.last: Token | None = None
        self.count = 0
        self.at = 0
        self.chunks = 0  # by white space
        self.loose = 0  # pieces of white space that are not beside an @ or a dot
        self.loose_behind = 0  # of those, the ones behind an @
        self.begins_with_at = self.ends_in_at = self.is_route = False
        self.is_phrase = False  # has what an address without quotes and domain cannot have
        self.has_specials = False

    def add(self, token: Token) -> None:
        is_at = token.kind == "mark" and token.text.startswith(b"@")
        last = self.last
        if last is None:
            self.begins_with_at = self.is_route = is_at
            self.chunks = 1
        elif token.spaced:
            self.chunks += 1
            if not (is_at or self.ends_in_at or last.text.endswith(b".") or token.text.startswith(b".")):
                self.loose += 1
                self.loose_behind += self.at > 0
        if is_at:
            self.at += len(token.text)
        elif token.kind != "atom":
            self.is_phrase |= token.kind != "mark"
        elif (token.text.startswith(b"[") and not self.ends_in_at) or b"\\" in token.text:
            self.has_specials = True
        self.ends_in_at = is_at
        self.last = token
        self.count += 1


def _is_encoded_comma(token: Token) -> bool:
    return token.kind == "word" and len(token.text) <= _LONGEST_COMMA and decode_text(token.text) == ","
