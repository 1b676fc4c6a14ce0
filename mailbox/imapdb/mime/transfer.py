"""Content-Transfer-Encoding to octets, whole or piece by piece (RFC 2045 section 6).

Nothing here raises for any octets, and nothing takes more than linear time. A decoder holds a few kilobytes, however
long the part is, and gives the same octets and problems however the input is cut.
"""

from __future__ import annotations

import abc
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["YENC_HEAD", "YENC_MARK", "Decoded", "Decoder", "decode", "decoder", "well_formed_base64"]

BASE64_JUNK: Final = "base64: characters outside the alphabet"
BASE64_MISSING_PADDING: Final = "base64: padding is missing"
BASE64_EXTRA_PADDING: Final = "base64: padding where none belongs"
BASE64_AFTER_PADDING: Final = "base64: data after the padding"
BASE64_TRUNCATED: Final = "base64: ends inside an octet"
QP_BROKEN_ESCAPE: Final = "quoted-printable: broken escape"
QP_RAW: Final = "quoted-printable: raw 8-bit octets"
UU_NO_BEGIN: Final = "uuencode: no begin line"
UU_NO_END: Final = "uuencode: no end line"
UU_JUNK: Final = "uuencode: line that is no data"
UU_SHORT: Final = "uuencode: short line"
YENC: Final = "yenc: not supported"
UNKNOWN: Final = "transfer encoding: unknown"

_PIECE: Final = 1 << 16  # lists of lines and of runs are made of no more octets than this at once
_BLANKS: Final = b" \t"
_WHITE: Final = b" \t\r\n\v\f"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_JUNK: Final = bytes(n for n in range(256) if n not in _LETTERS + b"=")
_RUN: Final = re.compile(rb"([^=]*+)(=*+)")
_QUANTUM: Final = 4  # base64 letters that stand for three octets
_TAIL: Final = 16  # octets, the last line end and the padding among them
_PADDING: Final = {1: 0, 2: 2, 3: 1}  # by letters in the last quantum; one letter is no octet

# Blanks at the end of a line were added on the way (RFC 2045 section 6.7, rule 3). A longer run than any line may be
# (RFC 5322 section 2.1.1) stays, so that no more than this must be held back.
_LONGEST_BLANKS: Final = 998
_LINE_END_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]{1,%d}+(?=\r?\n)" % _LONGEST_BLANKS)
_TAB_ENDS: Final = (b"\t\r", b"\t\n")
_NO_ESCAPE: Final = re.compile(rb"=(?:\r(?!\n)|(?![0-9A-Fa-f]{2}|[\r\n]))")
_ESCAPE_BEGUN: Final = re.compile(rb"=[0-9A-Fa-f]?\Z")

_UU_BEGIN: Final = re.compile(rb"^begin[ \t]++[0-7]{3,6}[ \t\r\n]", re.MULTILINE)
_UU_HEAD: Final = 1 << 14  # a begin line is looked for in these first octets
_UU_LONGEST: Final = 256  # octets of a line; 61 in a regular one
_YENC_BEGIN: Final = re.compile(rb"^=ybegin .*line=\d", re.MULTILINE)
YENC_HEAD: Final = 1 << 10
YENC_MARK: Final = b"=ybegin"
_AS_THEY_ARE: Final = frozenset({"7bit", "8bit", "binary"})


class Decoded(NamedTuple):
    """What a part says, and what had to be repaired to read it: nothing in good mail."""

    octets: bytes
    problems: list[str]


class Decoder(Protocol):
    """Decodes one part in pieces; `problems` is complete after `end`."""

    problems: list[str]

    def feed(self, octets: bytes) -> bytes:
        """Take the next encoded octets, and give what is certain by now."""
        ...

    def end(self) -> bytes:
        """Give what was held back. The decoder is not used any more afterwards."""
        ...


def decode(octets: bytes, encoding: str | None) -> Decoded:
    """Decode the octets of a part whose Content-Transfer-Encoding is `encoding`; None where it has none.

    The encoding is taken in any case and spelling (`Base-64`, `quoted_printable`). What it does not tell is read as it
    is: 7bit, 8bit, binary, yEnc and names nobody knows.
    """
    if encoding in _AS_THEY_ARE and YENC_MARK not in octets[:YENC_HEAD]:
        return Decoded(octets, [])
    if encoding == "base64" and (known := well_formed_base64(octets)) is not None:
        return Decoded(known, [])
    one = decoder(encoding)
    if isinstance(one, _QuotedPrintable) and one.is_complete(octets):
        return Decoded(one.read(octets), one.problems)
    body = one.feed(octets)
    rest = one.end()
    return Decoded(body + rest if rest else body, one.problems)


def well_formed_base64(octets: bytes) -> bytes | None:
    """Decode lines of letters that end in as much padding as they need; None for anything else."""
    try:
        decoded = binascii.a2b_base64(octets)
    except binascii.Error:
        return None
    letters = len(octets) - 2 * octets.count(b"\r\n")
    padding = octets[-_TAIL:].rstrip(b"\r\n").count(b"=")
    # Whatever it passes over, other characters or letters behind a padding, makes it shorter than its letters say.
    is_whole = letters % _QUANTUM == 0 and len(decoded) == letters // _QUANTUM * 3 - padding
    return decoded if is_whole and padding < 3 else None  # noqa: PLR2004 - one of three is passed over, too


def decoder(encoding: str | None) -> Decoder:
    """Make a decoder for a Content-Transfer-Encoding, as in `decode`."""
    name = re.sub(r"[^a-z0-9]", "", re.split(r"[;(]", (encoding or "")[:64].lower())[0])
    match name.removeprefix("x"):
        case "base64":
            return _Base64()
        case "quotedprintable":
            return _QuotedPrintable()
        case "uuencode" | "uue" | "uu":
            return _Uuencode()
        case "" | "7bit" | "8bit" | "binary":
            return _Identity([])
        case "yenc":
            return _Identity([YENC])
    return _Identity([UNKNOWN])


class _Steps(abc.ABC):
    """Notes each problem once, in the order they are met, and cuts what it is given into pieces."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def feed(self, octets: bytes) -> bytes:
        if len(octets) <= _PIECE:
            return self._step(octets)
        return b"".join(self._step(octets[start : start + _PIECE]) for start in range(0, len(octets), _PIECE))

    @abc.abstractmethod
    def _step(self, octets: bytes) -> bytes: ...

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


class _Identity:
    """Gives what it is given; only yEnc, which has no label of its own in mail, is noted."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        self._head = b""

    def feed(self, octets: bytes) -> bytes:
        if len(self._head) < YENC_HEAD:
            self._head += octets[: YENC_HEAD - len(self._head)]
        return octets

    def end(self) -> bytes:
        if _YENC_BEGIN.search(self._head) and YENC not in self.problems:
            self.problems.append(YENC)
        return b""


class _Base64(_Steps):
    """Letters in quanta of four; a padding closes one, and another run may follow (RFC 2045 section 6.8).

    That happens where a program encoded its pieces one by one and put the results behind each other.
    """

    def __init__(self) -> None:
        super().__init__()
        self._letters = b""  # fewer than a quantum
        self._due = 0  # signs of padding that are still to come
        self._padded = False

    def _step(self, octets: bytes) -> bytes:
        told = octets.translate(None, _WHITE)
        kept = told.translate(None, _JUNK)
        if len(kept) != len(told):
            self._note(BASE64_JUNK)
        if b"=" not in kept:
            return self._read(kept) if kept else b""
        return b"".join(self._runs(kept))

    def _runs(self, kept: bytes) -> Iterator[bytes]:
        for run in _RUN.finditer(kept):
            if run[1]:
                yield self._read(run[1])
            if run[2]:
                yield self._pad(len(run[2]))

    def _read(self, letters: bytes) -> bytes:
        if self._padded:
            self._note(BASE64_AFTER_PADDING)
            if self._due:
                self._note(BASE64_MISSING_PADDING)
            self._padded, self._due = False, 0
        letters = self._letters + letters
        whole = len(letters) - len(letters) % _QUANTUM
        self._letters = letters[whole:]
        return binascii.a2b_base64(letters[:whole])

    def _pad(self, signs: int) -> bytes:
        octets = b""
        if self._letters:
            self._due = _PADDING[len(self._letters)]
            octets = self._last()
            self._padded = True
        if signs > self._due:
            self._note(BASE64_EXTRA_PADDING)
        self._due = max(0, self._due - signs)
        return octets

    def _last(self) -> bytes:
        letters, self._letters = self._letters, b""
        if len(letters) == 1:
            self._note(BASE64_TRUNCATED)  # six bits are no octet
            return b""
        return binascii.a2b_base64(letters + b"=" * (_QUANTUM - len(letters)))

    def end(self) -> bytes:
        if len(self._letters) > 1 or self._due:
            self._note(BASE64_MISSING_PADDING)
        return self._last() if self._letters else b""


class _QuotedPrintable(_Steps):
    """RFC 2045 section 6.7. An escape may be in lower case; one that is broken stays as it is written.

    Line ends stay as they are, LF too. A `=` at the end of everything is a soft line break.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held = b""
        self._in_long_run = False  # of blanks, whose first part was given already

    def _step(self, octets: bytes) -> bytes:
        given = b""
        if self._in_long_run:
            rest = octets.lstrip(_BLANKS)
            if not rest:
                return octets
            given, octets, self._in_long_run = octets[: len(octets) - len(rest)], rest, False
        octets = self._held + octets
        self._held = octets[self._certain(octets) :]
        return given + self.read(octets[: len(octets) - len(self._held)])

    def _certain(self, octets: bytes) -> int:
        """Count the octets whose meaning does not depend on what follows."""
        if begun := _ESCAPE_BEGUN.search(octets, max(0, len(octets) - 2)):
            return begun.start()
        line = octets.removesuffix(b"\r")
        stripped = line.rstrip(_BLANKS)
        blanks = len(line) - len(stripped)
        if blanks > _LONGEST_BLANKS:
            self._in_long_run = len(line) == len(octets)
            return len(octets)
        if stripped.endswith(b"="):
            return len(stripped) - 1
        return len(stripped) if blanks else len(octets)

    def is_complete(self, octets: bytes) -> bool:
        """Whether octets are all of a part, and nothing at their end has to be held back."""
        return self._certain(octets) == len(octets) and not self._in_long_run

    def read(self, octets: bytes) -> bytes:
        """Decode octets whose meaning does not depend on what follows."""
        if not octets.isascii():
            self._note(QP_RAW)
        if b"=" not in octets and b" " not in octets and b"\t" not in octets:
            return octets
        # a2b_qp leaves trailing blanks, drops everything from "=" CR to the next LF, and makes one of two "=".
        if b" \r" in octets or b" \n" in octets or (b"\t" in octets and any(end in octets for end in _TAB_ENDS)):
            octets = _LINE_END_BLANKS.sub(b"", octets)
        decoded = binascii.a2b_qp(octets)
        # Each escape is two octets shorter then, each soft line break is gone; what is not mended makes it longer.
        breaks = octets.count(b"=\r\n")
        soft = octets.count(b"=\n")
        if octets.count(b"=\r") == breaks:
            escapes = octets.count(b"=") - breaks - soft
            if len(octets) - len(decoded) == 2 * escapes + 3 * breaks + 2 * soft:
                return decoded
        return binascii.a2b_qp(_NO_ESCAPE.sub(self._mend, octets))

    def _mend(self, found: re.Match[bytes]) -> bytes:
        if found[0] != b"=":
            return b""  # a soft line break of CR alone
        self._note(QP_BROKEN_ESCAPE)
        return b"=="

    def end(self) -> bytes:
        held, self._held = self._held.rstrip(_BLANKS), b""
        return b"" if held == b"=" else self.read(held)


class _Uuencode(_Steps):
    """One file between `begin` and `end` (POSIX uuencode; RFC 2045 section 6.3 knows it by x-tokens only).

    Without a begin line near the beginning the octets come out as they are. Lines around the file and lines in it that
    are no data are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""  # the head before it is decided what this is, later a line without its end
        self._state = "head"

    def _step(self, octets: bytes) -> bytes:
        if self._state == "as it is":
            return octets
        self._rest += octets
        if self._state == "head":
            return self._begin() if len(self._rest) >= _UU_HEAD else b""
        return self._lines()

    def _begin(self) -> bytes:
        begin = _UU_BEGIN.search(self._rest[:_UU_HEAD])
        if begin is None:
            self._note(UU_NO_BEGIN)
            self._state = "as it is"
            octets, self._rest = self._rest, b""
            return octets
        if self._rest[: begin.start()].strip():
            self._note(UU_JUNK)
        self._rest = self._rest[begin.start() :]
        self._state = "begin"
        return self._lines()

    def _lines(self) -> bytes:
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest[: _UU_LONGEST + 1]  # enough to know that it is too long
        return b"".join(map(self._line, lines))

    def _line(self, line: bytes) -> bytes:
        line = line.removesuffix(b"\r")
        if self._state == "begin":
            self._state = "data"
        elif line.rstrip() == b"end" and self._state == "data":
            self._state = "end"
        elif not line.strip():
            pass
        elif self._state == "end" or len(line) > _UU_LONGEST:
            self._note(UU_JUNK)
        else:
            return self._data(line)
        return b""

    def _data(self, line: bytes) -> bytes:
        count = line[0] - 0x20 & 0x3F
        letters = (count + 2) // 3 * 4
        try:
            # Some write a checksum behind the letters. Blanks that were cut off are zeros, as a2b_uu reads them.
            octets = binascii.a2b_uu(line[: 1 + letters])
        except binascii.Error:
            try:
                # Some fill up the last letters with anything.
                octets = binascii.a2b_uu(line[: 1 + (4 * count + 2) // 3])
            except binascii.Error:
                self._note(UU_JUNK)
                return b""
        if len(line) < 1 + letters:
            self._note(UU_SHORT)
        return octets

    def end(self) -> bytes:
        octets = self._begin() if self._state == "head" else b""
        if self._state == "as it is":
            return octets
        octets += self._line(self._rest)
        if self._state != "end":
            self._note(UU_NO_END)
        return octets
