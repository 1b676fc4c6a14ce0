"""What is wrong with the header of a message: the repairs the decoders make, by name; nothing in good mail.

Raw UTF-8 is good mail (RFC 6532), and so are the obsolete forms that RFC 5322 section 4 gives one meaning only. Nothing
here raises for any octets, and nothing takes more than linear time.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.mime import parameters
from imapdb.mime.address_problems import note_addresses
from imapdb.mime.date_problems import note_date
from imapdb.mime.headers import field_values
from imapdb.mime.word_problems import IN_PHRASES, IN_TEXT, note_octets, note_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from imapdb.mime.parameters import Note

__all__ = ["problems"]

_NO_FIELD: Final = re.compile(rb"(?!\r?+(?:\n|\Z)|[!-9;-~]++[ \t]*+:)")
_NO_FIELD_BEHIND: Final = re.compile(rb"\n(?![ \t]|\r?+(?:\n|\Z)|[!-9;-~]++[ \t]*+:)")
_CONTROLS: Final = bytes(n for n in range(32) if n not in b"\0\t\n\r") + b"\x7f"

_ID: Final = re.compile(rb"<[^<>\s]++>")
_ID_WITH_SPACE: Final = re.compile(rb"<[^<>]++>")
_COMMENT: Final = re.compile(rb"\([^()]*+\)")

_TOKEN: Final = rb"[!#$%&'*+.^_`{|}~0-9A-Za-z-]++"  # RFC 2045 section 5.1
_TYPE: Final = re.compile(_TOKEN + rb"/" + _TOKEN)
_USUAL_TYPE: Final = re.compile(
    _TOKEN + rb"/" + _TOKEN + rb'(?:;\s*+([A-Za-z-]++)=(?:[!#-:<>-\[\]-~]++|"[ !#-\[\]-~]++"))?\s*+'
)
_QUOTED_PAIR: Final = re.compile(rb"\\.", re.DOTALL)


def problems(header: bytes) -> tuple[str, ...]:
    """Say what is wrong with the raw header of a message, each once: `Subject: <what>`, or `Header: <what>`.

    `header` ends its lines as in `headers.split_fields`. Looked at are the fields that columns are made of. Of a
    repeated field it is checked what the columns read: all of an address field, the first of any other.
    """
    note = _Told("Header")
    if b"\r" in header and b"\n" not in header:
        note("lines that end with CR alone")
        header = header.replace(b"\r", b"\n")
    _note_lines(header, note)
    # What is nowhere in the header needs no look at each field.
    may_have_words = b"=?" in header
    is_plain = header.isascii() and len(header.translate(None, _CONTROLS)) == len(header)
    values = field_values(header, _FIELDS)
    for key, field in _FIELDS.items():
        value = values.get(key)
        note.field = field.name
        if value is None:
            continue
        if not isinstance(value, bytes):
            note("repeated, read as one list" if field.is_list else "repeated, the first counts")
            value = b", ".join(value) if field.is_list else value[0]
        if may_have_words and field.beside and b"=?" in value:
            note_words(value, field.beside, note)
        if not is_plain:
            _note_octets(value, field, note)
        field.note_structure(value, note)
    return tuple(note.told)


def _note_lines(header: bytes, note: Note) -> None:
    if header.count(b"\r") != header.count(b"\r\n"):
        note("a CR that ends no line")
    if b"\0" in header:
        note("a NUL octet")
    if _NO_FIELD.match(header) or _NO_FIELD_BEHIND.search(header):
        note("a line that is no field")


class _Told:
    """What was noted of one field after the other, each once."""

    __slots__ = ("field", "told")

    def __init__(self, field: str) -> None:
        self.field = field
        self.told: dict[str, None] = {}

    def __call__(self, problem: str) -> None:
        self.told[f"{self.field}: {problem}"] = None


class _Field(NamedTuple):
    """How a field is checked. `beside` are the octets that may stand beside an encoded word; none where it has none."""

    name: str
    note_structure: Callable[[bytes, Note], None]
    beside: bytes = b""
    is_list: bool = False
    has_parameters: bool = False


def _note_octets(raw: bytes, field: _Field, note: Note) -> None:
    if not raw.isascii() and not field.has_parameters:
        note_octets(raw, note)
    if len(raw.translate(None, _CONTROLS)) != len(raw):
        note("control characters")


def _note_nothing(raw: bytes, note: Note) -> None:
    """Tell nothing of a text: it has no structure."""


def _note_ids(raw: bytes, note: Note, *, single: bool = False) -> None:
    """Tell `note` what is wrong with Message-ID, or with a list of ids (RFC 5322 sections 3.6.4 and 4.5.4)."""
    if _ID.fullmatch(raw.strip()):
        return
    text = _COMMENT.sub(b" ", raw)
    rest, count = _ID.subn(b"", text)
    rest = rest.strip()
    if not count and not text.strip():
        note("empty")
    elif b"<" in rest or b">" in rest:
        _note_brackets(rest, note)
    elif not count:
        note("not in angle brackets")
    elif rest and single:
        note("text beside the id")
    if single and count > 1:
        note("more than one id")


def _note_brackets(rest: bytes, note: Note) -> None:
    rest, count = _ID_WITH_SPACE.subn(b"", rest)
    if count:
        note("white space in an id")
    if b"<>" in rest:
        note("an empty <>")
        rest = rest.replace(b"<>", b"")
    if b"<" in rest or b">" in rest:
        note("angle brackets that do not match")


def _note_list_id(raw: bytes, note: Note) -> None:
    if not _ID_WITH_SPACE.search(raw):  # RFC 2919 section 2
        note("not in angle brackets")


def _note_content_type(raw: bytes, note: Note) -> None:
    usual = _USUAL_TYPE.fullmatch(raw)
    is_multipart = raw[:10].lower() == b"multipart/"
    if usual and (not is_multipart or usual[1] == b"boundary"):
        return
    kind, pairs = parameters.split(raw)
    if not _TYPE.fullmatch(kind.partition(b"(")[0].strip()):
        note("a content type that is none")  # as in the description of a part
    if _QUOTED_PAIR.sub(b"", raw).count(b'"') % 2:
        note("a quotation mark without an end")
    values = parameters.decode(pairs, note)
    if is_multipart and not values.get("boundary"):
        note("a multipart without a boundary")


def _addresses(name: str) -> _Field:
    return _Field(name, note_addresses, IN_PHRASES, is_list=True)


def _ids(name: str, *, single: bool = False) -> _Field:
    return _Field(name, partial(_note_ids, single=single))


# Without Sender and the fields of RFC 5322 section 3.6.6, which no column is made of.
_FIELDS: Final = {
    field.name.lower().encode("ascii"): field
    for field in (
        _addresses("From"),
        _addresses("To"),
        _addresses("Cc"),
        _addresses("Bcc"),
        _addresses("Reply-To"),
        _Field("Subject", _note_nothing, IN_TEXT),
        _Field("Date", note_date),
        _ids("Message-ID", single=True),
        _ids("In-Reply-To"),
        _ids("References"),
        _Field("List-Id", _note_list_id, IN_PHRASES),
        _Field("Content-Type", _note_content_type, IN_PHRASES + b"=", has_parameters=True),
    )
}
