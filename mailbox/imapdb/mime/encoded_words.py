"""Encoded words, `=?charset?Q?text?=`, to text (RFC 2047, with the language suffix of RFC 2231 section 5)."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from imapdb.mime import charset

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WORD", "decode", "without_controls"]

# The text may hold spaces and single question marks, which the RFC forbids and mailers write. It ends before the next
# `=?`, so an unterminated word does not swallow the good one after it, and no octet is looked at more than a few times.
WORD: Final = re.compile(rb"=\?([^?\s]++)\?([bBqQ])\?([^?]*+(?:(?<!=)\?(?!=)[^?]*+)*)\?=")

_BEGINNING: Final = re.compile(rb"=\?([\w.:-]{1,64}+)\?([bBqQ])\?", re.ASCII)
_NOT_JOINED: Final = frozenset({None, "utf_7"})  # each UTF-7 word closes its own shifts
_BROKEN_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(n for n in range(256) if n not in _BASE64)
_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUANTUM: Final = 4  # base64 letters that stand for three octets


def without_controls(text: str) -> str:
    """Give `text` with every control character but the tab as a space.

    This is what keeps CR, LF and NUL out of values: an encoded word can spell each of them.
    """
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


def decode(unfolded: bytes) -> str:
    """Decode the encoded words of an unfolded value, and whatever raw octets stand between them.

    White space between two words is dropped (RFC 2047 section 6.2). Neighbours in the same charset are joined before
    they are decoded, since mailers cut inside characters. What is no complete word stays as it is written. Control
    characters are not taken out here.
    """
    text = _decode_alike(unfolded)
    return _decode_any(unfolded) if text is None else text


def _decode_any(unfolded: bytes) -> str:
    parts: list[str] = []
    run: list[re.Match[bytes]] = []  # neighbouring words in one charset
    run_label = b""
    position = 0
    for word in WORD.finditer(unfolded):
        label = word[1].partition(b"*")[0].lower()
        if word[2] in b"bB" and word[3] and not word[3].translate(None, _NOT_BASE64):
            continue  # no letter of base64 in it: left as it is
        gap = unfolded[position : word.start()]
        if run and (not gap or gap.isspace()):
            # Each UTF-7 word closes its own shifts, so joined ones would read differently.
            if label != run_label or charset.codec_of(label.decode("ascii", "replace")) == "utf_7":
                parts.append(_decode_run(run, run_label))
                run = []
        else:
            if run:
                parts.append(_decode_run(run, run_label))
                run = []
            parts.append(charset.decode(gap, None))
        run.append(word)
        run_label = label
        position = word.end()
    if run:
        parts.append(_decode_run(run, run_label))
    parts.append(charset.decode(unfolded[position:], None))
    return "".join(parts)


def _decode_alike(unfolded: bytes) -> str | None:
    """Decode what is nothing but flawless words of one charset and encoding: most of what is encoded at all."""
    beginning = _BEGINNING.match(unfolded)
    if beginning is None or not unfolded.endswith(b"?="):
        return None
    word, label, encoding = beginning.group(0, 1, 2)
    read = _reader(label)
    rest = unfolded[len(word) : -2]
    if read is None:
        return None
    if b"?" not in rest:
        octets = _flawless(rest, encoding)
    else:
        decoded = [_flawless(text, encoding) for text in rest.split(b"?= " + word)]
        octets = b"" if b"" in decoded else b"".join(decoded)
    return read(octets) if octets else None


def _flawless(text: bytes, encoding: bytes) -> bytes:
    """Decode the text of a word; empty where there is anything wrong with it."""
    if encoding in b"bB":
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            return b""
    return b"" if b"?" in text or _BROKEN_ESCAPE.search(text) else binascii.a2b_qp(text, header=True)


@lru_cache(maxsize=256)
def _reader(label: bytes) -> Callable[[bytes], str] | None:
    """Give what decodes a known charset whose words can be joined first."""
    codec = charset.codec_of(label.decode("ascii"))
    return None if codec in _NOT_JOINED else charset.decoder(codec)


def _decode_run(run: list[re.Match[bytes]], label: bytes) -> str:
    octets: list[bytes] = []
    letters: list[bytes] = []  # base64 of words that were cut inside a quantum
    count = 0
    for word in run:
        text, is_base64 = word[3], word[2] in b"bB"
        if is_base64:
            letters.append(text)
            count += len(text)
            if count % _QUANTUM and not text.endswith(b"="):
                continue
        if letters:
            octets.append(_from_base64(b"".join(letters)))
            letters, count = [], 0
        if not is_base64:
            octets.append(_from_q(text))
    if letters:
        octets.append(_from_base64(b"".join(letters)))
    joined = b"".join(octets)
    if not joined and any(word[3] for word in run):
        return charset.decode(b"".join(word[0] for word in run), None)  # too few letters for one octet
    return charset.decode(joined, label.decode("ascii", "replace"))


def _from_q(text: bytes) -> bytes:
    if not _BROKEN_ESCAPE.search(text):
        return binascii.a2b_qp(text, header=True)
    # a2b_qp drops what is no escape; here it stays as it is written.
    return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode("ascii")), text.replace(b"_", b" "))


def _from_base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        pass
    octets: list[bytes] = []
    for piece in text.split(b"="):  # padding in the middle: two words were pasted into one
        letters = piece.translate(None, _NOT_BASE64)
        if len(letters) % _QUANTUM == 1:
            letters = letters[:-1]  # six bits are no octet
        octets.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % _QUANTUM)))
    return b"".join(octets)
