"""The header of a message or of one part of it, to the values that MIME has in it (RFC 2045 section 3).

Nothing here raises for any octets, and nothing takes more than linear time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.mime import body_fields, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imapdb.mime.parameters import Note, Pair

__all__ = ["EntityHeader", "read"]

# A field that MIME knows, up to the first line that does not begin with white space. The line end before it is part of
# the pattern because one octet that is known makes the search quick: the line end before the block is in the block.
_FIELD: Final = re.compile(
    rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-(?i:(type|transfer-encoding|disposition|id|description|language|location|md5))"
    rb"[ \t]*+:(.*+(?:\n[ \t].*+)*)"
)
# A line that neither is a field nor goes on with one. Names of letters are asked for first: nearly all are.
_NO_FIELD: Final = re.compile(rb"\n(?![A-Za-z-]++:|[ \t\r\n]|[!-9;-~]++[ \t]*+:|\Z)")

_TYPE: Final = re.compile(rb"([!#$%&'*+.^_`{|}~0-9A-Za-z-]++)(?:\s*+/\s*+([!#$%&'*+.^_`{|}~0-9A-Za-z-]++))?\s*+")
# As nearly every multipart is: its boundary is another each time, so that to remember it is of no use.
_COMMON: Final = re.compile(rb"(multipart/[a-z]++);\s*+boundary=\"([\w'()+,./:=-]++)\"")
_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_QUOTED_BOUNDARY: Final = re.compile(rb"boundary\s*+=\s*+\"", re.IGNORECASE)
_SPECIAL: Final = re.compile(rb"[]()<>@,;:\\\"/[?=]")  # what stands in quotes only (RFC 2045 section 5.1)
_LINE_END: Final = re.compile(rb"\r?\n")
_ENCODINGS: Final = {word.encode(): word for word in ("7bit", "8bit", "base64", "binary", "quoted-printable")}
# Nothing encoded, escaped, in pieces or left out, and no comments.
_PLAIN: Final = re.compile(
    rb"[\w.+-]++(?:/[\w.+-]++)?(?:;[ \t\r\n]*+[\w-]++=(?:[\w.+'-]++|\"[^\"\\\x00-\x1f\x7f-\xff]*+\"))*"
)
_PLAIN_ID: Final = re.compile(rb"<[^<>()\"\\\s\x00-\x1f\x7f-\xff]++>")
_ENCODED: Final = b"=?"
_CACHED: Final = 300  # octets of a header, or of a field, that is likely to come again
_NOTHING: Final[Mapping[str, str]] = {}


class EntityHeader(NamedTuple):
    """What the header says, as `Part` has it. Others have the same one: its mappings are not to be changed."""

    type: str
    parameters: Mapping[str, str]
    boundary: bytes | None
    """That of a multipart, as its lines have it behind `--`."""
    encoding: str
    content_id: str | None
    description: str | None
    md5: str | None
    disposition: str | None
    disposition_parameters: Mapping[str, str]
    language: tuple[str, ...]
    location: str | None
    is_plain: bool
    """Whether it is written so that nobody could read it in another way."""


def read(block: bytes, default_type: str, note: Note) -> EntityHeader:
    """Read a header, which `block` has behind one line end; `default_type` is of what has no Content-Type.

    `note` is told of what had to be guessed or is lost. Of a field that is there twice, the first counts.
    """
    # Those of texts are all alike. That of a message never is another's.
    header, problems = (_cached if len(block) <= _CACHED else _read)(block, default_type)
    for problem in problems:
        note(problem)
    return header


def _read(block: bytes, default_type: str) -> tuple[EntityHeader, list[str]]:
    problems: list[str] = []
    note = problems.append
    fields: dict[bytes, bytes] = {}
    for name, value in _FIELD.findall(block):
        key = name.lower()
        if key in fields:
            note(f"Content-{key.decode('ascii').title()} is there twice")
        else:
            fields[key] = value.strip()
    if _NO_FIELD.search(block):
        note("a line in a header that is no field")
    get = fields.get
    kind, of_type, boundary, is_plain = default_type, _NOTHING, None, True
    if (told := get(b"type")) is not None:
        if common := _COMMON.fullmatch(told):
            kind, boundary = common[1].decode("ascii"), common[2]
            of_type = {"boundary": boundary.decode("ascii")}
        else:
            (kind, of_type, boundary, is_plain), of_told = (_cached_type if len(told) <= _CACHED else _content_type)(
                told
            )
            problems += of_told
    encoding = get(b"transfer-encoding")
    if len(fields) == (b"type" in fields) + (encoding is not None):
        # As that of nearly every message.
        return EntityHeader(
            kind, of_type, boundary, _encoding(encoding, note), None, None, None, None, _NOTHING, (), None, is_plain
        ), problems
    shown_as, content_id = get(b"disposition"), get(b"id")
    is_plain &= shown_as is None or _is_plain(shown_as, parameters.split(shown_as)[1])
    is_plain &= content_id is None or _PLAIN_ID.fullmatch(content_id) is not None
    disposition, of_disposition = body_fields.disposition(shown_as, note)
    header = EntityHeader(
        kind,
        of_type,
        boundary,
        _encoding(encoding, note),
        body_fields.content_id(content_id, note),
        body_fields.text(get(b"description"), note),
        body_fields.text(get(b"md5"), note),
        disposition,
        of_disposition,
        body_fields.languages(get(b"language"), note),
        body_fields.text(get(b"location"), note),
        is_plain,
    )
    return header, problems


_cached = lru_cache(maxsize=512)(_read)


def _is_plain(raw: bytes, pairs: list[Pair]) -> bool:
    return (
        _PLAIN.fullmatch(raw) is not None
        and _ENCODED not in raw
        and len({name.lower() for name, _ in pairs}) == len(pairs)
    )


def _content_type(raw: bytes) -> tuple[tuple[str, Mapping[str, str], bytes | None, bool], list[str]]:
    problems: list[str] = []
    note = problems.append
    first, pairs = parameters.split(raw)
    first = _without_comments(first)
    told = _TYPE.match(first)
    kind = body_fields.content_type(told and told[1], told and told[2], note)
    if told and told[2] and told.end() < len(first):
        note("a content type with something behind it")
    if raw.count(b'"') % 2 and b"\\" not in raw:
        note("a quotation that does not end")
    decoded = parameters.decode(pairs, note)
    boundary = _boundary(raw, pairs, decoded, note) if kind.startswith("multipart/") else None
    return (kind, decoded, boundary, _is_plain(raw, pairs)), problems


_cached_type = lru_cache(maxsize=512)(_content_type)


def _encoding(raw: bytes | None, note: Note) -> str:
    if raw is None:
        return "7bit"
    if known := _ENCODINGS.get(raw):
        return known
    raw = _without_comments(raw)
    encoding = body_fields.encoding(raw, note)
    if raw and len(encoding) != len(raw):
        note("an encoding with something behind it")
    return encoding


def _boundary(raw: bytes, pairs: list[Pair], decoded: Mapping[str, str], note: Note) -> bytes | None:
    for name, value in pairs:
        if name.lower() == b"boundary":
            if not value or _QUOTED_BOUNDARY.search(raw):
                return _LINE_END.sub(b"", value)
            word = value.split()[0]
            if _SPECIAL.search(word):
                note("a boundary that should be in quotes")
            return word
    # In pieces (RFC 2231), which nobody has a reason to do.
    return decoded["boundary"].encode() if "boundary" in decoded else None


def _without_comments(value: bytes) -> bytes:
    return _COMMENT.sub(b"", value).strip() if b"(" in value else value
