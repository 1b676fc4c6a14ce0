"""What is wrong with the encoded words and the raw octets of one field (RFC 2047, RFC 6532)."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from imapdb.mime import charset
from imapdb.mime.encoded_words import WORD

if TYPE_CHECKING:
    from imapdb.mime.parameters import Note

__all__ = ["IN_PHRASES", "IN_TEXT", "note_octets", "note_words"]

# What may stand beside an encoded word: white space in a text; the specials end a word of a structured field too.
IN_TEXT: Final = b" \t\r\n"
IN_PHRASES: Final = IN_TEXT + b'()<>,;:"'

_LINE_ENDS: Final = re.compile(rb"[\r\n]++")
_BEGUN: Final = re.compile(rb"=\?[\w.:*-]{1,64}+\?[bBqQ]\?", re.ASCII)
_OTHER_ENCODING: Final = re.compile(rb"=\?[\w.:*-]{1,64}+\?[^?\s]{1,16}+\?[^?\s]*+\?=", re.ASCII)
_BROKEN_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_NOT_IN_WORDS: Final = re.compile(rb"[ \t?]")
_BASE64_LETTER: Final = re.compile(rb"[A-Za-z0-9+/]")
_QUANTUM: Final = 4  # base64 letters that stand for three octets
_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")

# Charsets that are read as their windows supersets, though nothing in them fails to decode: these octets tell.
_NARROW: Final = frozenset({"iso8859_9", "iso8859_11", "latin_1", "tis_620"})
_ONLY_WINDOWS: Final = re.compile(rb"[\x80-\x9f]")
_Word = tuple[bool, bytes]  # whether it is in base64, and its text

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_WIDE: Final = {"utf_16": (b"\xff\xfe", b"\xfe\xff"), "utf_32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff")}


def note_octets(raw: bytes, note: Note) -> None:
    """Tell `note` of raw octets that are not UTF-8: they are read as windows-1252."""
    try:
        WORD.sub(b" ", raw).decode("utf-8")
    except UnicodeDecodeError:
        note("raw octets that are not UTF-8")


def note_words(raw: bytes, beside: bytes, note: Note) -> None:
    """Tell `note` what is wrong with the encoded words of the raw value of a field.

    `beside` holds the octets that may stand before and behind one. Words are taken together as `encoded_words.decode`
    does: neighbours in the same charset are one text.
    """
    if b"\n" in raw or b"\r" in raw:
        raw = _LINE_ENDS.sub(b"", raw)
    run: list[_Word] = []
    run_label = b""
    position = count = 0
    for found in WORD.finditer(raw):
        count += 1
        label, encoding, text = found.groups()
        label = label.partition(b"*")[0].lower()
        is_base64 = encoding in b"bB"
        start, end = found.span()
        if not (raw[start - 1 : start] in beside and raw[end : end + 1] in beside):
            note("an encoded word that touches other text")
        if _NOT_IN_WORDS.search(text):
            note("an encoded word with white space or question marks in it")
        if is_base64 and text and not _BASE64_LETTER.search(text):
            note("an encoded word in broken base64")
            continue  # it stays as it is, and ends no run
        if run and (label != run_label or not _is_blank(raw[position:start]) or _codec(label) == "utf_7"):
            _note_run(run, run_label, note)
            run = []
        run.append((is_base64, text))
        run_label, position = label, end
    if run:
        _note_run(run, run_label, note)
    if raw.count(b"=?") > count:
        _note_fragments(WORD.sub(b" ", raw), note)


def _note_fragments(rest: bytes, note: Note) -> None:
    """Tell of what was meant as an encoded word and is none; it stays as it is written."""
    if _BEGUN.search(rest):
        note("an encoded word without an end")
    if _OTHER_ENCODING.search(rest):
        note("an encoded word in an encoding that is not known")


def _is_blank(gap: bytes) -> bool:
    return not gap or gap.isspace()


def _codec(label: bytes) -> str | None:
    return charset.codec_of(label.decode("ascii", "replace"))


def _note_run(run: list[_Word], label: bytes, note: Note) -> None:
    codec = _codec(label)
    if codec is None:
        note("an encoded word in a charset that is not known")
    pieces = _pieces(run, note)
    if pieces is None:
        return
    joined = b"".join(pieces)
    text = _strictly(joined, codec)
    if text is None:
        note("an encoded word with octets that its charset does not have")
        text = charset.decoder(codec)(joined)
    elif len(pieces) > 1 and codec is not None and "".join(_strictly(each, codec) or "" for each in pieces) != text:
        note("encoded words that are cut inside a character")
    if not text.isprintable() and _CONTROLS.search(text):
        note("an encoded word with control characters in it")


def _pieces(run: list[_Word], note: Note) -> list[bytes] | None:
    """Decode the words of a run to octets; None where base64 is so broken that these say nothing of the charset."""
    pieces: list[bytes] = []
    letters: list[bytes] = []  # base64 of words that were cut inside a quantum
    count = 0
    broken = False
    for is_base64, text in run:
        if is_base64:
            letters.append(text)
            count += len(text)
            if count % _QUANTUM and not text.endswith(b"="):
                continue
        if letters:
            broken |= not _add_base64(letters, pieces, note)
            letters, count = [], 0
        if not is_base64:
            pieces.append(_from_q(text, note))
    if letters:
        broken |= not _add_base64(letters, pieces, note)
    if broken:
        note("an encoded word in broken base64")
    return None if broken else pieces


def _add_base64(letters: list[bytes], pieces: list[bytes], note: Note) -> bool:
    try:
        pieces.append(binascii.a2b_base64(b"".join(letters), strict_mode=True))
    except binascii.Error:
        return False
    if len(letters) > 1:
        note("encoded words that are cut inside a character")
    return True


def _from_q(text: bytes, note: Note) -> bytes:
    if not text.isascii():
        note("an encoded word with raw octets in it")
    if _BROKEN_ESCAPE.search(text):
        note("an encoded word with a broken escape")
    return binascii.a2b_qp(text, header=True)


def _strictly(octets: bytes, codec: str | None) -> str | None:
    """Decode octets that a charset has; None if it has not all of them, so that `charset.decode` must guess."""
    if codec is None:
        return charset.decode(octets, None)
    if codec in _NARROW and _ONLY_WINDOWS.search(octets):
        return None
    if codec in _WIDE and not octets.startswith(_WIDE[codec]):
        codec += "_be"
    try:
        text = octets.decode(codec)
    except UnicodeError:
        return None
    return None if codec == "utf_7" and _SURROGATES.search(text) else text
