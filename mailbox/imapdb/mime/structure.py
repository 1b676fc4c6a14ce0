"""BODYSTRUCTURE to a tree of parts (RFC 3501 7.4.2, RFC 9051 7.5.2), from any server and of any mail.

What can be read in one way only is read, however it is written. What would have to be guessed so that a wrong section
is fetched, or the right one decoded wrongly, makes the structure unusable: the whole message can be fetched instead.
"""

from __future__ import annotations

import dataclasses
import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from imapdb.mime import body_fields
from imapdb.mime.body_fields import OCTET_STREAM
from imapdb.mime.part_problems import PartProblems
from imapdb.mime.part_tree import Part, made
from imapdb.mime.plain_structure import PlainStructure, words

if TYPE_CHECKING:
    from imapdb.imap.tokens import Token
    from imapdb.mime.parameters import Note
    from imapdb.mime.plain_structure import Piece

__all__ = ["parse"]

# As deep as `imapdb.imap.tokens` reads; deeper ones could not be compared or printed.
MAX_DEPTH: Final = 200
_EMBEDDED: Final = frozenset({"message/rfc822", "message/global"})
# What tells a multipart without parts from a part of one word, where its form alone does not.
_MULTIPARTS: Final = frozenset(
    b"alternative appledouble byteranges digest encrypted form-data mixed parallel related report signed".split()
)

# The forms a description has, and the places in that of a single part. Those behind the size depend on the type.
_MULTIPART, _EMPTY, _SINGLE = range(3)
_TYPE, _SUBTYPE, _PARAMETERS, _ID, _DESCRIPTION, _TRANSFER, _SIZE, _BEHIND = range(8)

# Of a plain structure: a name and a value that are the text they seem, and octets of parameters that are kept.
_PLAIN_PAIR: Final = re.compile(rb'\("([\w-]++)" "([ !#->@-\[\]-~]*+)"\)')
LONGEST_KEPT: Final = 48


def parse(structure: PlainStructure | Token) -> Part:
    """Read what a server told as BODYSTRUCTURE, or as BODY, of one message.

    Never raises, and takes linear time. `problems` of the part that comes back say what was guessed or lost. Where
    that is too much, its `usable` is False and it is of no use but for its `problems`.
    """
    if isinstance(structure, PlainStructure):
        return _read_plain(structure.pieces) or parse(structure.words())
    problems = PartProblems("BODYSTRUCTURE")
    root = _Draft(structure, "", None, None, 1)
    drafts: list[_Draft] = []
    rest = [root]
    while rest:
        draft = rest.pop()
        form = _form(draft.told) if draft.depth <= MAX_DEPTH else None
        if form is None:
            if draft.message is None:
                why = f"BODYSTRUCTURE: cannot be used, {draft.complaint}"
                return Part("", OCTET_STREAM, problems=(why,), usable=False)
            # Its sections are nobody's but the embedded message's.
            draft.message.is_lost = True
            continue
        draft.read(form, problems)
        drafts.append(draft)
        rest.extend(reversed(draft.inner))
    for draft in reversed(drafts):
        draft.put_together(problems)
    told = problems.told()
    return dataclasses.replace(root.part, problems=told) if told else root.part


_NOT_READ: Final = Part("", OCTET_STREAM)


class _Draft:
    """A part whose inner parts are yet to be read."""

    __slots__ = ("_number", "_prefix", "depth", "inner", "is_lost", "message", "part", "told")

    def __init__(self, told: Token, prefix: str, number: int | None, message: _Draft | None, depth: int) -> None:
        self.told = told if isinstance(told, list) else []
        self._prefix = prefix
        self._number = number  # among the parts of a multipart; None for the outermost part of a message
        self.message = message  # the embedded message that it belongs to
        self.depth = depth
        self.inner: list[_Draft] = []
        self.is_lost = False
        self.part = _NOT_READ

    @property
    def complaint(self) -> str:
        if self.depth > MAX_DEPTH:
            return f"it nests more than {MAX_DEPTH} parts"
        return "it describes no part" if self._number is None else f"part {self._section(_SINGLE)} is not described"

    def read(self, form: int, problems: PartProblems) -> None:
        section = self._section(form)
        note = partial(problems.note, section)
        if form == _SINGLE:
            self.part, embedded = _read_single(self.told, section, note)
            if embedded is not None:
                self.inner = [_Draft(embedded, f"{section}.", None, self, self.depth + 1)]
            return
        count = _count_parts(self.told) if form == _MULTIPART else int(self.told[0] is None)
        parts = self.told[:count] if form == _MULTIPART else []
        if parts in ([], [[]]):
            parts = []
            note("a multipart without parts")
        self.part = _read_multipart(self.told[count : count + 5], section, note)
        prefix = self._prefix if self._number is None else f"{section}."
        self.inner = [_Draft(told, prefix, n, self.message, self.depth + 1) for n, told in enumerate(parts, 1)]

    def put_together(self, problems: PartProblems) -> None:
        if self.is_lost:
            problems.note(self.part.section, "what is in an embedded message cannot be read")
        elif self.part.type in _EMBEDDED:
            if self.inner:
                self._complete("message", self.inner[0].part)
        elif self.inner:
            self._complete("children", tuple(draft.part for draft in self.inner))

    def _complete(self, name: str, value: object) -> None:
        # Nobody has the part yet, and to make another of it costs as much as to read it.
        object.__setattr__(self.part, name, value)

    def _section(self, form: int) -> str:
        """Give the part's number (RFC 3501 6.4.5), which an outermost multipart has none of."""
        if self._number is not None:
            return f"{self._prefix}{self._number}"
        return f"{self._prefix}1" if form == _SINGLE else f"{self._prefix}TEXT"


def _form(told: list[Token]) -> int | None:
    """Tell what a list describes; None where its sections, or how to decode it, cannot be known."""
    match told:
        case [list(), *_]:
            # A NIL in place of a part: the parts behind it have nobody's numbers.
            count = _count_parts(told)
            behind = told[count : count + 6]
            is_broken = behind[:1] == [None] and any(isinstance(word, bytes) for word in behind)
            return None if is_broken else _MULTIPART
        # A multipart without parts, from Dovecot, GreenMail and pymap, whose type is not told; Exchange has NIL there.
        case [bytes(), list(), *_]:
            return _EMPTY
        case [None, bytes(word), *_] if word.lower() in _MULTIPARTS:
            return _EMPTY
        case [bytes() | None, bytes() | None, _, _, _, bytes(encoding), *_] if not encoding.isdigit():
            return _SINGLE
        case [bytes() | None, bytes() | None, _, _, _, None, bytes(size), *_] if size.isdigit():
            return _SINGLE
        case [bytes(word)] | [bytes(word), None, *_] if word.lower() in _MULTIPARTS:
            return _EMPTY
    return None


def _count_parts(told: list[Token]) -> int:
    return next((n for n, part in enumerate(told) if not isinstance(part, list)), len(told))


def _read_multipart(told: list[Token], section: str, note: Note) -> Part:
    """Read what is told behind the parts: subtype, parameters, disposition, language, location."""
    subtype, pairs, disposition, language, location = (_at(told, n) for n in range(5))
    shown_as, of_disposition = body_fields.disposition(disposition, note)
    return Part(
        section,
        body_fields.content_type(b"multipart", subtype, note),
        parameters=body_fields.parameters(pairs, note),
        disposition=shown_as,
        disposition_parameters=of_disposition,
        language=body_fields.languages(language, note),
        location=body_fields.text(location, note),
    )


def _read_single(told: list[Token], section: str, note: Note) -> tuple[Part, list[Token] | None]:
    kind = body_fields.content_type(told[_TYPE], told[_SUBTYPE], note)
    if kind.startswith("multipart/"):
        note("a multipart without parts")  # as Courier tells them
    embedded: list[Token] | None = None
    if kind in _EMBEDDED and _is_embedded(told):
        body, lines, behind = _at(told, _BEHIND + 1), _at(told, _BEHIND + 2), _BEHIND + 3
        if isinstance(body, list):
            embedded = body
        else:
            note("what is in an embedded message is not told")
    else:
        lines, behind = _lines(told)
    # A list where the MD5 belongs is what comes behind it.
    md5 = None if isinstance(_at(told, behind), list) else _at(told, behind)
    behind += not isinstance(_at(told, behind), list)
    shown_as, of_disposition = body_fields.disposition(_at(told, behind), note)
    part = Part(
        section,
        kind,
        parameters=body_fields.parameters(told[_PARAMETERS], note),
        content_id=body_fields.content_id(told[_ID], note),
        description=body_fields.text(told[_DESCRIPTION], note),
        encoding=body_fields.encoding(told[_TRANSFER], note),
        size=body_fields.number(_at(told, _SIZE), "size", note),
        lines=None if lines is None else body_fields.number(lines, "number of lines", note),
        md5=body_fields.text(md5, note),
        disposition=shown_as,
        disposition_parameters=of_disposition,
        language=body_fields.languages(_at(told, behind + 1), note),
        location=body_fields.text(_at(told, behind + 2), note),
    )
    return part, embedded


def _is_embedded(told: list[Token]) -> bool:
    """Tell whether envelope, body and lines follow; some servers describe an embedded message like any file."""
    envelope, body, lines = (_at(told, _BEHIND + n) for n in range(3))
    if isinstance(envelope, list):
        return isinstance(body, list) or len(envelope) > 2  # noqa: PLR2004 - else it is a disposition
    if envelope is not None:
        return False
    return body_fields.is_number(lines) or (isinstance(body, list) and _form(body) in {_MULTIPART, _SINGLE})


def _lines(told: list[Token]) -> tuple[Token, int]:
    """Give the number of lines, which texts have, and where what comes behind it begins.

    Some texts have none, and a type that is none is a text to this side and not to the other.
    """
    lines, behind = _at(told, _BEHIND), _at(told, _BEHIND + 1)
    if body_fields.is_number(lines):
        return lines, _BEHIND + 1
    kind = told[_TYPE]
    is_text = isinstance(kind, bytes) and kind.lower() == b"text"
    if is_text and not isinstance(lines, list) and not isinstance(behind, list):
        return lines, _BEHIND + 1
    return None, _BEHIND


def _at(told: list[Token], place: int) -> Token:
    return told[place] if place < len(told) else None


# The quick way, for what is plain. What most parts have in common is read once, and in the way above; what is a part's
# own, its parameters and its numbers, tells nothing of its other fields.


def _read_plain(pieces: list[Piece]) -> Part | None:
    """Read a structure that is plain; None where there is any problem, which the general way tells of."""
    problems: list[str] = []
    note = problems.append
    # Of each multipart that has begun: its section, and before it the prefix and the parts of the one around it.
    outer: list[tuple[str, list[Part], str]] = []
    parts: list[Part] = []
    prefix = ""
    for (
        kind, pairs, content_id, encoding, size, lines, shown_as, of_shown, behind,
        opened, subtype, of_multipart, last, _,
    ) in pieces:  # fmt: skip
        if opened:
            section = f"{prefix}{len(parts) + 1}" if outer else "TEXT"
            outer.append((prefix, parts, section))
            prefix = f"{section}." if len(outer) > 1 else ""
            parts = []
            continue
        if kind:
            like = _single(kind, encoding, bool(lines), shown_as, behind)
            section = f"{prefix}{len(parts) + 1}"
            children: tuple[Part, ...] = ()
        else:
            like = _multipart(subtype, last)
            children = tuple(parts)
            prefix, parts, section = outer.pop()
        if like is None:
            return None
        part = made(
            section,
            like.type,
            _parameters(pairs or of_multipart, note),
            body_fields.content_id(content_id[1:-1], note) if content_id and content_id != b"NIL" else None,
            like.description,
            like.encoding,
            int(size) if size else None,
            int(lines) if lines else like.lines,
            like.md5,
            like.disposition,
            _parameters(of_shown, note) if of_shown else like.disposition_parameters,
            like.language,
            like.location,
            children,
            None,
            (),
        )
        parts.append(part)
    return None if problems else parts[0]


@lru_cache(maxsize=512)
def _single(kind: bytes, encoding: bytes, has_lines: bool, shown_as: bytes, behind: bytes) -> Part | None:
    """Read what a plain single part has in common with others; None where there is any problem."""
    told = [*words(kind), None, None, *words(encoding), b"1", *[b"1"] * has_lines]
    told += words(shown_as + b" NIL)" + behind if shown_as else behind)
    if _form(told) != _SINGLE:
        return None
    problems: list[str] = []
    part, embedded = _read_single(told, "", problems.append)
    return part if embedded is None and not problems else None


@lru_cache(maxsize=512)
def _multipart(subtype: bytes, last: bytes) -> Part | None:
    problems: list[str] = []
    part = _read_multipart([*words(subtype), None, *words(last)], "", problems.append)
    return None if problems else part


def _parameters(pairs: bytes, note: Note) -> dict[str, str]:
    # Charsets are few and short; longer are names of files and boundaries, which would only push them out.
    found = _few_parameters(pairs) if len(pairs) <= LONGEST_KEPT else None
    if found is None:
        found = _any_parameters(pairs, note)
    return found


@lru_cache(maxsize=512)
def _few_parameters(pairs: bytes) -> dict[str, str] | None:
    problems: list[str] = []
    found = _any_parameters(pairs, problems.append)
    return None if problems else found


def _any_parameters(pairs: bytes, note: Note) -> dict[str, str]:
    if pairs == b"NIL":
        return {}
    if plain := _PLAIN_PAIR.fullmatch(pairs):
        return {plain[1].decode("ascii").lower(): plain[2].strip().decode("ascii")}
    return body_fields.parameters([*pairs[2:-2].split(b'" "')], note)
