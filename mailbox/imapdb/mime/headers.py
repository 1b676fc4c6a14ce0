"""A raw header block to fields, and the raw value of a field to text (RFC 5322 section 2.2).

Nothing here raises for any octets, and nothing takes more than linear time. No text that comes out holds CR, LF or
NUL, and every one encodes as UTF-8.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from imapdb.mime import charset, encoded_words

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["decode_id", "decode_json_headers", "decode_text", "field_values", "split_fields"]

# A name, a colon, the rest of the line and every line that begins with white space. Lines that are none of it
# (a "From " line of mbox, text without a colon) are passed over together with their continuations.
_FIELD: Final = re.compile(rb"^([!-9;-~]++)[ \t]*+:[ \t]*+(.*+(?:\n[ \t].*+)*)", re.MULTILINE)
_LINE_ENDS: Final = re.compile(rb"[\r\n]++")


def split_fields(block: bytes) -> list[tuple[bytes, bytes]]:
    """Split a raw header block into (name, value), in order.

    `block` may end its lines with CRLF or LF, or with CR if it holds no LF at all (a CR beside LF is text, not a line
    end, as servers read it). Names are as written; values are raw, still folded, without white space around them.
    Empty lines do not end the block: it is taken to be all header.
    """
    if b"\n" not in block:
        block = block.replace(b"\r", b"\n")
    return [(name, value.strip()) for name, value in _FIELD.findall(block)]


def field_values(block: bytes, wanted: Collection[bytes]) -> dict[bytes, bytes | list[bytes]]:
    """Give the raw values of the `wanted` fields, by lower-case name: a list, in order, where a field is repeated.

    `block` is as in `split_fields`, typically the answer to BODY[HEADER.FIELDS (…)]; `wanted` holds names in lower
    case. A field that is not there has no key. White space may be left behind a value.
    """
    if b"\n" not in block:
        block = block.replace(b"\r", b"\n")
    found = _FIELD.findall(block)
    values: dict[bytes, bytes | list[bytes]] = {name.lower(): value for name, value in found}
    if len(values) == len(found) <= len(wanted):
        # Nearly every answer: each field once, and none that was not asked for.
        return values
    gathered: dict[bytes, list[bytes]] = {}
    for name, value in found:
        if (key := name.lower()) in wanted:
            gathered.setdefault(key, []).append(value)
    return {name: of_name if len(of_name) > 1 else of_name[0] for name, of_name in gathered.items()}


def decode_text(raw: bytes) -> str:
    """Decode the raw value of an unstructured field such as Subject (RFC 5322 section 2.2.1, RFC 2047).

    Unfolds (a line end before white space disappears), decodes encoded words, and reads raw octets as UTF-8 if they
    are, else as windows-1252. Other control characters than the tab become spaces. White space around the text is
    stripped, runs inside it stay.
    """
    raw = raw.strip()
    if b"=?" not in raw and raw.isascii() and (text := raw.decode("ascii")).isprintable():
        return text.strip()
    return _decode_any_text(raw)


def _decode_any_text(raw: bytes) -> str:
    unfolded = _unfold(raw)
    text = encoded_words.decode(unfolded) if b"=?" in unfolded else charset.decode(unfolded, None)
    return encoded_words.without_controls(text).strip(" \t")


def _unfold(raw: bytes) -> bytes:
    if b"\n" not in raw and b"\r" not in raw:
        return raw
    unfolded = raw.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    if b"\n" not in unfolded and b"\r" not in unfolded:
        return unfolded
    # In two steps: a pattern with "white space must follow" would look at a long run of line ends again and again.
    return _LINE_ENDS.sub(b"\n", raw).replace(b"\n ", b" ").replace(b"\n\t", b"\t")


def decode_id(raw: bytes) -> str:
    """Decode the raw value of Message-ID, In-Reply-To or References (RFC 5322 section 3.6.4).

    The text stays as written but for white space: stripped around it, one space for each run. Encoded words have no
    meaning in these fields and are left alone.
    """
    try:
        text = " ".join(raw.decode("ascii").split())
    except UnicodeDecodeError:
        return _decode_any_id(raw)
    return text if text.isprintable() else _decode_any_id(raw)


def _decode_any_id(raw: bytes) -> str:
    text = encoded_words.without_controls(charset.decode(raw, None)).replace("\t", " ")
    return " ".join(filter(None, text.split(" ")))


def decode_json_headers(block: bytes) -> dict[str, str | list[str]]:
    """Give every field of a raw header block, decoded, for the `headers` column.

    Keys are the field names in lower case, in the order they first appear. A field that comes once is a string, one
    that comes more often a list of strings in order.
    """
    found: dict[str, str | list[str]] = {}
    for name, value in split_fields(block):
        key = name.decode("ascii").lower()
        text = decode_text(value)
        earlier = found.get(key)
        if earlier is None:
            found[key] = text
        elif isinstance(earlier, list):
            earlier.append(text)
        else:
            found[key] = [earlier, text]
    return found
