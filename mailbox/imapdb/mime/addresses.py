"""Address fields to names and addresses: From, To, Cc, Bcc, Reply-To, Sender (RFC 5322 sections 3.4 and 4.4).

The structure is read from the raw octets, and only then are encoded words decoded (RFC 2047 section 5): a decoded
comma or bracket never makes an address. Whatever cannot be an address is kept as a name, so that a reader sees it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from imapdb.mime import charset, encoded_words
from imapdb.mime.address_tokens import Token, tokens
from imapdb.mime.domains import with_unicode_domain
from imapdb.mime.headers import decode_text

__all__ = ["Address", "first", "format_list", "parse"]

_ATOM: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]"
_ADDRESS: Final = _ATOM + rb"++@[A-Za-z0-9.\-]++"
# Of a name; octets beyond ASCII are what careless mailers write raw.
_WORD: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\x80-\xff]"
# The shapes nearly all mail has: "Name" <a@b>, Name <a@b>, a@b, and lists of them.
_COMMON: Final = re.compile(
    rb'[ \t\r\n]*+(?:(?:"(?P<quoted>[ !#-\[\]-~\x80-\xff]*+)"|(?P<atoms>' + _WORD + rb"++(?: " + _WORD + rb"++)*))?"
    rb" ?<(?P<angle>" + _ADDRESS + rb")>|(?P<bare>" + _ADDRESS + rb"))[ \t\r\n]*+(?:,|\Z)"
)
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(r'[()<>\[\]:;@\\,."]')
_TO_ESCAPE: Final = re.compile(r'(["\\])')
_CACHED_LENGTH: Final = 512  # octets; longer fields are rarely seen twice and would fill the cache
_LONGEST_MEMBER: Final = 256  # octets
_MOST_MEMBERS: Final = 8192
_LONGEST_COMMA: Final = len(b"=?unknown-8bit?q?=2C?=")


class Address(NamedTuple):
    """One mailbox: `name` is the decoded display name, `address` is `local@domain`. Either may be empty, not both."""

    name: str
    address: str

    def __str__(self) -> str:
        """Give `Name <local@domain>`, the name quoted only where it holds a special character."""
        name = self.name
        if _NEEDS_QUOTES.search(name):
            name = '"' + _TO_ESCAPE.sub(r"\\\1", name) + '"'
        if not name:
            return self.address
        return f"{name} <{self.address}>" if self.address else name


def parse(raw: bytes) -> list[Address]:
    """Read the raw value of an address field into its mailboxes, in order.

    A group gives its members, an empty group none. Comments are skipped; the first one is the name where there is no
    other. Quoted pairs, obsolete routes, missing brackets, semicolons for commas and addresses without a domain are
    all read. A word that stands alone is an address without a domain, several are a name without an address.
    """
    return list(_parse_cached(raw) if len(raw) <= _CACHED_LENGTH else _parse(raw))


def first(raw: bytes) -> Address | None:
    """Give the first mailbox of the raw value of an address field, None if it has none."""
    found = _parse_cached(raw) if len(raw) <= _CACHED_LENGTH else _parse(raw)
    return found[0] if found else None


def format_list(raw: bytes) -> str:
    """Give the raw value of an address field as text: `Name <local@domain>, other@domain`, decoded, in order.

    Names are in double quotes, with backslashes, only where they hold one of the specials of RFC 5322. An empty group
    is the empty string. Of a repeated field, the caller joins the values with a comma first.
    """
    if b"," not in raw:
        text = _MEMBERS[raw]
        if text is not None:
            return text
    elif (texts := _member_texts(raw)) is not None:
        return ", ".join(texts)
    return _format_cached(raw) if len(raw) <= _CACHED_LENGTH else _format(raw)


@lru_cache(maxsize=1024)
def _format_cached(raw: bytes) -> str:
    return _format(raw)


def _format(raw: bytes) -> str:
    members = _common_members(raw)
    if members is not None:
        return ", ".join([_common_text(*member) for member in members])
    return ", ".join(map(str, _Reader(raw).found))


@lru_cache(maxsize=4096)
def _parse_cached(raw: bytes) -> tuple[Address, ...]:
    return _parse(raw)


def _parse(raw: bytes) -> tuple[Address, ...]:
    found = _parse_common(raw)
    return _Reader(raw).found if found is None else found


def _parse_common(raw: bytes) -> tuple[Address, ...] | None:
    """Read a field all of whose members have a common shape; None if one has not."""
    members = _common_members(raw)
    return None if members is None else tuple(_common_address(*member) for member in members)


def _common_members(raw: bytes) -> list[tuple[bytes, bytes]] | None:
    """Give the raw name and address of each member; None if one has no common shape."""
    found: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(raw):
        member = _COMMON.match(raw, position)
        if member is None:
            return None
        quoted, atoms, angle, bare = member.groups()
        address = angle or bare
        if b"=?" in address or (atoms and b"=?" in atoms and b"=?" in encoded_words.WORD.sub(b"", atoms)):
            return None  # an encoded word may reach over what looks like the end of this member
        found.append((quoted or atoms or b"", address))
        position = member.end()
    return found


@lru_cache(maxsize=4096)
def _common_address(name: bytes, address: bytes) -> Address:
    """Decode a member; the same few people write to each other, in ever new lists."""
    return Address(decode_text(name), with_unicode_domain(address.decode("ascii")))


def _member_texts(raw: bytes) -> list[str] | None:
    """Write each member of a list; None if one has no common shape, or cannot be told from the next."""
    texts: list[str] = []
    rest = iter(raw.split(b","))
    for piece in rest:
        text = _MEMBERS[piece]
        if text is None:
            # `"Smith, John" <js@example.org>`: the two halves of one name, more often than not.
            text = _MEMBERS[piece + b"," + next(rest, b"")]
            if text is None:
                return None
        texts.append(text)
    return texts


class _Members(dict[bytes, str | None]):
    """What stands between two commas, written where it is one member of a common shape; None where it is not.

    A comma inside a quoted name, a comment or an encoded word leaves two pieces of which none has such a shape. The
    same few people write to each other, in ever new lists.
    """

    def __missing__(self, piece: bytes) -> str | None:
        if len(piece) > _LONGEST_MEMBER:
            return None
        if len(self) >= _MOST_MEMBERS:
            self.clear()
        members = _common_members(piece)
        text = self[piece] = _common_text(*members[0]) if members is not None and len(members) == 1 else None
        return text


_MEMBERS: Final = _Members()


@lru_cache(maxsize=4096)
def _common_text(name: bytes, address: bytes) -> str:
    return str(_common_address(name, address))


class _Reader:
    """Reads one field into `found`. The general way, for whatever `_parse_common` does not take."""

    def __init__(self, raw: bytes) -> None:
        self.found: tuple[Address, ...] = ()
        self._found: list[Address] = []
        self._outside: list[Token] = []  # what the member at hand has outside of its angle brackets
        self._angle: list[Token] | None = None  # what it has inside; None until there are brackets
        self._before = 0  # how much of it stands before its angle brackets
        self._comments: list[bytes] = []
        self._inside = False
        self._has_address = False
        for token in tokens(raw):
            if token.kind == "comment":
                self._comments.append(token.text)
            elif token.kind == "mark":
                self._mark(token)
            elif self._has_address and not self._inside and _is_encoded_comma(token):
                self._end_member()
            else:
                self._keep(token)
        self._end_member()
        self.found = tuple(self._found)

    def _keep(self, token: Token) -> None:
        if self._inside and self._angle is not None:
            self._angle.append(token)
        else:
            self._outside.append(token)

    def _mark(self, token: Token) -> None:
        mark = token.text[:1]
        self._has_address |= mark == b"@"
        if mark in b"@[]":
            self._keep(token)
        elif mark == b"<":
            if self._angle:  # the bracket before was not closed, or the comma between two members is missing
                name = [] if self._inside else self._outside[self._before :]
                del self._outside[len(self._outside) - len(name) :]
                self._end_member()
                self._outside = name
            self._angle, self._inside = self._angle or [], True
        elif mark == b">":
            self._inside = False
            self._before = len(self._outside)
        elif mark == b":":
            self._colon(token)
        elif mark == b";":
            self._end_member()
        elif mark == b",":
            if self._inside and self._angle and _is_at(self._angle[0]):
                self._angle.append(token)  # in a route
            else:
                self._end_member()

    def _colon(self, token: Token) -> None:
        if self._inside and self._angle:
            if _is_at(self._angle[0]):
                self._angle.clear()  # all of it was a route
            else:
                self._angle.append(token)
            return
        if self._angle:
            self._end_member()
        self._outside.clear()  # it was the name of a group
        self._comments.clear()

    def _end_member(self) -> None:
        start = len(self._found)
        if self._angle:
            self._add(_phrase(self._outside), _address(self._angle))
        elif self._angle is None or any(_is_at(token) for token in self._outside):
            self._add_bare()
        else:
            self._add(_phrase(self._outside), "")
        if self._comments and len(self._found) > start and not self._found[start].name:
            names = (decode_text(_unquote(comment)) for comment in self._comments)
            self._found[start] = self._found[start]._replace(name=next(filter(None, names), ""))
        self._outside, self._angle, self._inside, self._comments = [], None, False, []
        self._has_address = False

    def _add(self, name: str, address: str) -> None:
        if name or address:
            self._found.append(Address(name, address))

    def _add_bare(self) -> None:
        """Add what stands without angle brackets: `a@b`, `Joe a@b`, `a@b c@d`, `root`, `Joe Smith`."""
        start = len(self._found)
        words: list[Token] = []
        chunks = _chunks(self._outside)
        for chunk in chunks:
            if any(map(_is_at, chunk)):
                self._add(_phrase(words), _address(chunk))
                words = []
            else:
                words += chunk
        if not words:
            return
        if len(self._found) == start:
            is_address = len(chunks) == 1 and all(token.kind in ("atom", "mark") for token in words)
            self._add(*(("", _address(words)) if is_address else (_phrase(words), "")))
        elif not self._found[-1].name:
            self._found[-1] = self._found[-1]._replace(name=_phrase(words))


def _is_at(token: Token) -> bool:
    return token.kind == "mark" and token.text.startswith(b"@")


def _is_encoded_comma(token: Token) -> bool:
    """Tell the comma between two members that Python's own mailer encodes when it folds (CVE-2025-1795)."""
    return token.kind == "word" and len(token.text) <= _LONGEST_COMMA and decode_text(token.text) == ","


def _chunks(outside: list[Token]) -> list[list[Token]]:
    """Split at white space, but not beside the `@` and the dots of an address (RFC 5322 section 4.4)."""
    chunks: list[list[Token]] = []
    in_address = False  # the last chunk holds an @
    for token in outside:
        if _is_at(token):
            if not chunks:
                chunks.append([])
            elif not in_address:
                _join_dotted(chunks)
            chunks[-1].append(token)
            in_address = True
            continue
        last = chunks[-1][-1] if chunks else None
        if last and (not token.spaced or _is_at(last) or (in_address and _dot_between(last, token))):
            chunks[-1].append(token)
        else:
            chunks.append([token])
            in_address = False
    return chunks


def _dot_between(left: Token, right: Token) -> bool:
    return left.text.endswith(b".") or right.text.startswith(b".")


def _join_dotted(chunks: list[list[Token]]) -> None:
    """Join the last chunk with those before it that a dot ties to it: `a . b` before an `@` is `a.b`."""
    tied = [chunks.pop()]
    while chunks and _dot_between(chunks[-1][-1], tied[-1][0]) and not any(map(_is_at, chunks[-1])):
        tied.append(chunks.pop())
    chunks.append([token for chunk in reversed(tied) for token in chunk])


def _unquote(text: bytes) -> bytes:
    return _QUOTED_PAIR.sub(rb"\1", text) if b"\\" in text else text


def _phrase(words: list[Token]) -> str:
    """Decode a display name. What quoted strings hold is decoded too: many mailers quote encoded words."""
    parts: list[bytes] = []
    for word in words:
        if word.spaced and parts:
            parts.append(b" ")
        parts.append(_unquote(word.text) if word.kind == "quoted" else word.text)
    return decode_text(b"".join(parts))


def _address(parts: list[Token]) -> str:
    """Join the tokens of an address as written, without the white space around its dots and its `@`."""
    octets: list[bytes] = []
    last: Token | None = None
    for part in parts:
        if last and part.spaced and not (_is_at(last) or _is_at(part) or _dot_between(last, part)):
            octets.append(b" ")
        octets.append(b'"' + part.text + b'"' if part.kind == "quoted" else part.text)
        last = part
    text = encoded_words.without_controls(charset.decode(b"".join(octets), None))
    return with_unicode_domain(text.strip(" \t"))
