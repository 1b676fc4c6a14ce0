"""The parts of a whole message, as a server would tell them by BODYSTRUCTURE (RFC 2046 section 5.1).

For a message that came whole anyway, and for one whose structure the server cannot tell. Where the RFCs leave open what
a broken message means, Dovecot's reading is followed: sections, sizes and octets are the ones it would give.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.mime import entity_header
from imapdb.mime.part_problems import PartProblems
from imapdb.mime.part_tree import Part, made
from imapdb.mime.structure import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imapdb.mime.entity_header import EntityHeader

__all__ = ["MAX_PARTS", "Walked", "walk"]

# More than any mail has; each costs some thousand octets to hold.
MAX_PARTS: Final = 100_000

_EMBEDDED: Final = frozenset({"message/rfc822", "message/global"})
_UNCHANGED: Final = frozenset({"7bit", "8bit", "binary"})  # encodings that are none
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_CR: Final = 13
_DEEPEST_WELL_FORMED: Final = 4  # of what is read the quick way; each level of it is looked through once more


class Walked(NamedTuple):
    """A message taken apart."""

    part: Part
    """Its outermost part, as `structure.parse` makes it; always usable. `problems` of it say what was repaired."""
    spans: Mapping[str, tuple[int, int]]
    """Of each section that is no multipart, where its encoded octets begin and end in the message."""
    is_plain: bool = False
    """Whether it is so well-formed, and written so plainly, that nobody could read it in another way."""


def walk(message: bytes) -> Walked:
    """Take a message apart. Never raises, and takes linear time.

    Line ends may be CRLF or LF, each line its own way.
    """
    return _well_formed(message) or _Walk(message).result()


def _well_formed(message: bytes) -> Walked | None:
    """Take a message apart that is as it should be, as nearly every one is; None for any other.

    None, too, for one that holds others, or very many parts, or whose boundaries might be taken for each other.
    """
    found = _EMPTY_LINE.search(message)
    if found is None or message.startswith((b"\n", b"\r\n")):
        return None
    before, start = found.span()
    reading = _WellFormed(message)
    block = b"\n" + message[: before + 1]
    # Without it Dovecot 2.3 may pass over a Content-Disposition.
    reading.is_plain = b"\nMIME-Version:" in block or b"\nMime-Version:" in block
    header = entity_header.read(block, "text/plain", reading.problems.append)
    part = reading.part(header, "", start, len(message), ())
    return Walked(part, reading.spans, reading.is_plain) if part is not None and not reading.problems else None


class _WellFormed:
    __slots__ = ("_message", "is_plain", "problems", "spans")

    def __init__(self, message: bytes) -> None:
        self._message = message
        self.problems: list[str] = []
        self.spans: dict[str, tuple[int, int]] = {}
        self.is_plain = False

    def part(self, header: EntityHeader, section: str, start: int, end: int, around: tuple[bytes, ...]) -> Part | None:
        """Make a part of what is there; `section` is empty for the outermost, `around` has the boundaries around."""
        kind = header.type
        self.is_plain &= header.is_plain
        size = lines = None
        children: tuple[Part, ...] = ()
        if kind.startswith("multipart/"):
            children = self._children(header, f"{section}." if section else "", start, end, around)
            if not children:
                return None
            section = section or "TEXT"
        elif kind in _EMBEDDED or 100 * len(self.spans) >= MAX_PARTS:
            return None
        else:
            section = section or "1"
            self.spans[section] = start, end
            size = end - start
            if kind.startswith("text/"):
                lines = self._message.count(b"\n", start, end)
        return made(
            section,
            kind,
            header.parameters,
            header.content_id,
            header.description,
            "7bit" if size is None else header.encoding,
            size,
            lines,
            header.md5,
            header.disposition,
            header.disposition_parameters,
            header.language,
            header.location,
            children,
            None,
            (),
        )

    def _children(
        self, header: EntityHeader, prefix: str, start: int, end: int, around: tuple[bytes, ...]
    ) -> tuple[Part, ...]:
        """Make the parts of a multipart; none if that is not well-formed."""
        message, boundary, children = self._message, header.boundary, list[Part]()
        if boundary is None or header.encoding not in _UNCHANGED or header.type == "multipart/digest":
            return ()
        if around and (len(around) == _DEEPEST_WELL_FORMED or any(_alike(boundary, other) for other in around)):
            return ()
        within = (*around, boundary)
        needle = b"\n--" + boundary
        at = message.find(needle, start - 1, end)
        while at >= 0:
            behind = at + len(needle)
            if message.startswith(b"--", behind):
                return tuple(children)
            line_end = message.find(b"\n", behind, end)
            at = message.find(needle, line_end, end) if line_end >= 0 else -1
            # Looked for up to where the part ends, or all of many headers without one would be looked through.
            if at < 0 or not (found := _EMPTY_LINE.search(message, line_end, at + 1)):
                break
            before, first = found.span()
            block = message[line_end : before + 1] if before > line_end else b"\n"
            inner = entity_header.read(block, "text/plain", self.problems.append)
            # An empty body has no line end of its own: the boundary's is the one that ends the header.
            stop = max(first, at - 1 if message[at - 1] == _CR else at)
            part = self.part(inner, f"{prefix}{len(children) + 1}", first, stop, within)
            if part is None:
                break
            children.append(part)
        return ()


def _alike(one: bytes, other: bytes) -> bool:
    return one.startswith(other) or other.startswith(one)


class _Draft:
    """A part that has begun and not ended."""

    __slots__ = ("children", "header", "is_closed", "is_multipart", "is_opened", "prefix", "section", "start")

    def __init__(self, section: str, prefix: str, header: EntityHeader, start: int, *, is_multipart: bool) -> None:
        self.section = section
        self.prefix = prefix  # of the sections inside it
        self.header = header
        self.start = start  # of its body
        self.is_multipart = is_multipart
        self.children: list[Part] = []  # the one message of an embedded message
        self.is_opened = False  # whether parts are looked for in it
        self.is_closed = False  # whether its last boundary was met

    @property
    def is_encoded(self) -> bool:
        return self.header.encoding not in _UNCHANGED


class _Opened(NamedTuple):
    """A multipart whose boundary is being looked for, with all those around it."""

    depth: int
    """Its place among the drafts."""
    levels: Mapping[bytes, int]
    """By boundary, the innermost multipart that has it."""
    lengths: tuple[int, ...]
    """Those of the boundaries, the shortest first."""
    needle: bytes
    """What each line that is one of the boundaries begins with, and the line end before it."""


class _Walk:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._problems = PartProblems("MIME")
        self._spans: dict[str, tuple[int, int]] = {}
        self._drafts: list[_Draft] = []  # each in the one before it
        self._opened: list[_Opened] = []
        self._count = 0
        self._empty_line = (-2, -2)  # the line end before the one looked at last, and where it ends
        self._certain = 0  # what is before this belongs to no boundary line

    def result(self) -> Walked:
        position = self._begin(0)
        while self._opened and (met := self._next_boundary(position, len(self._message))):
            position = self._cross(*met)
        while len(self._drafts) > 1:
            self._end(len(self._message))
        part = self._finished(self._drafts.pop(), len(self._message))
        return Walked(part, self._spans)

    def _cross(self, line_end: int, level: int, length: int) -> int:
        """Go past a boundary line: end the parts before it, and begin the one behind it."""
        message = self._message
        depth = self._opened[level].depth
        end = line_end - 1 if line_end and message[line_end - 1] == _CR else line_end
        # An empty body has no line end of its own: the boundary's is the one that ends the header.
        end = max(end, self._certain)
        while len(self._drafts) > depth + 1:
            self._end(end)
        behind = line_end + 3 + length
        is_last = message.startswith(b"--", behind)
        del self._opened[level if is_last else level + 1 :]
        if is_last:
            self._drafts[-1].is_closed = True
        next_line = message.find(b"\n", behind) + 1
        if not next_line:
            return len(message)
        self._certain = next_line
        return next_line if is_last else self._begin(next_line)

    def _begin(self, position: int) -> int:
        """Begin the part whose header is there, and those that begin with it; give where to look on."""
        while True:
            block, is_cut, position = self._header(position)
            if is_cut and self._drafts[-1].is_opened:
                self._problems.note(self._drafts[-1].section, "the header of a part that runs into a boundary")
            draft = self._draft(block, position)
            self._drafts.append(draft)
            self._count += 1
            if self._count == MAX_PARTS:
                self._problems.note(draft.section, f"more than {MAX_PARTS} parts")
                self._opened.clear()
                return position
            if draft.is_multipart and not is_cut:
                self._open(draft)
            if not self._is_looked_into(draft):
                return position

    def _header(self, position: int) -> tuple[bytes, bool, int]:
        """Give the header that begins there behind one line end, whether a boundary cuts it off, and what follows."""
        message = self._message
        before, end = self._empty_line
        if before < position - 1:
            if not position and message.startswith((b"\n", b"\r\n")):
                before, end = -1, message.find(b"\n") + 1
            else:
                found = _EMPTY_LINE.search(message, max(0, position - 1))
                before, end = found.span() if found else (len(message), len(message))
            self._empty_line = before, end
        if self._opened and (met := self._next_boundary(position, before + 1)):
            line = met[0] + 1
            if line > position and self._opened[met[1]].depth != len(self._drafts) - 1:
                # The line end that ends the header is the boundary's own only if that is the boundary of its parts.
                self._certain = line
            return b"\n" + message[position:line], True, line
        self._certain = end
        return b"\n" + message[position : before + 1], False, end

    def _next_boundary(self, position: int, end: int) -> tuple[int, int, int] | None:
        """Find the next line before `end` that is a boundary.

        Gives the line end before it, the place of the multipart it is of, and the length of the boundary. It need only
        begin with one (RFC 2046 section 5.1.1); of several the longest counts, of several alike the innermost.
        """
        message = self._message
        _, levels, lengths, needle = self._opened[-1]
        line_end = position - 1
        if len(levels) == 1:
            # The needle is the whole boundary then.
            line_end = message.find(needle, line_end, end)
            return (line_end, len(self._opened) - 1, lengths[0]) if line_end >= 0 else None
        while (line_end := message.find(needle, line_end, end)) >= 0:
            start = line_end + 3
            stop = message.find(b"\n", start)
            line = message[start : min(len(message) if stop < 0 else stop, start + lengths[-1] + 3)]
            for length in reversed(lengths[: bisect.bisect_right(lengths, len(line))]):
                if (level := levels.get(line[:length])) is not None:
                    return line_end, *self._exact(line.removesuffix(b"\r"), level, length)
            line_end += 1
        return None

    def _exact(self, line: bytes, level: int, length: int) -> tuple[int, int]:
        """Decide whether `--a--` is the end of `a` or a part of `a--`, where there are both: the innermost."""
        if length == len(line) and line.endswith(b"--"):
            other = self._opened[-1].levels.get(line[:-2], -1)
            if other > level:
                return other, length - 2
        return level, length

    def _open(self, draft: _Draft) -> None:
        """Look for the parts of a multipart."""
        boundary = draft.header.boundary
        if draft.is_encoded:
            self._problems.note(draft.section, "a multipart that says it is encoded")
        if boundary is None:
            self._problems.note(draft.section, "a multipart without a boundary")
        elif self._has_room(draft):
            draft.is_opened = True
            depth, level, needle = len(self._drafts) - 1, len(self._opened), b"\n--" + boundary
            if not level:
                self._opened.append(_Opened(depth, {boundary: 0}, (len(boundary),), needle))
                return
            around = self._opened[-1]
            levels = {**around.levels, boundary: level}
            lengths = tuple(sorted(set(map(len, levels))))
            self._opened.append(_Opened(depth, levels, lengths, _common_start(needle, around.needle)))

    def _is_looked_into(self, draft: _Draft) -> bool:
        """Tell whether this is an embedded message whose parts can be read."""
        if draft.header.type not in _EMBEDDED:
            return False
        if draft.is_encoded:
            self._problems.note(draft.section, "an embedded message that is encoded")
            return False
        return self._has_room(draft)

    def _has_room(self, draft: _Draft) -> bool:
        if len(self._drafts) < MAX_DEPTH:
            return True
        self._problems.note(draft.section, f"parts nested more than {MAX_DEPTH} deep")
        return False

    def _draft(self, block: bytes, start: int) -> _Draft:
        """Read the header of the next part inside the innermost one."""
        around = self._drafts[-1] if self._drafts else None
        number, default = 0, "text/plain"
        if around is not None and around.is_opened:
            number = len(around.children) + 1
            if around.header.type == "multipart/digest":
                default = "message/rfc822"
        found: list[str] = []
        header = entity_header.read(block, default, found.append)
        prefix = around.prefix if around is not None else ""
        is_multipart = header.type.startswith("multipart/")
        section = f"{prefix}{number or ('TEXT' if is_multipart else 1)}"
        for problem in found:
            self._problems.note(section, problem)
        if not is_multipart:
            self._spans[section] = (start, start)  # in the order of the message
        inside = prefix if is_multipart and not number else f"{section}."
        return _Draft(section, inside, header, start, is_multipart=is_multipart)

    def _end(self, end: int) -> None:
        """End the innermost part."""
        draft = self._drafts.pop()
        self._drafts[-1].children.append(self._finished(draft, end))

    def _finished(self, draft: _Draft, end: int) -> Part:
        header, section, children = draft.header, draft.section, tuple(draft.children)
        kind = header.type
        size = lines = message = None
        if draft.is_multipart:
            if not children:
                if draft.is_opened:
                    self._problems.note(section, "a multipart without parts")
                if len(self._drafts) < MAX_DEPTH - 1:
                    # There must be one. This is what Dovecot tells then.
                    first = f"{draft.prefix}1"
                    children = (Part(first, "text/plain", size=0, lines=0),)
                    self._spans[first] = (end, end)
            elif not draft.is_closed and self._count < MAX_PARTS:
                self._problems.note(section, "the last boundary is missing")
        else:
            start = min(draft.start, end)
            self._spans[section] = (start, end)
            size = end - start
            if kind.startswith("text/") or kind in _EMBEDDED:
                lines = self._message.count(b"\n", start, end)
            message, children = children[0] if children else None, ()
        return made(
            section,
            kind,
            header.parameters,
            header.content_id,
            header.description,
            # That of a multipart is not told.
            "7bit" if size is None else header.encoding,
            size,
            lines,
            header.md5,
            header.disposition,
            header.disposition_parameters,
            header.language,
            header.location,
            children,
            message,
            () if self._drafts else self._problems.told(),
        )


def _common_start(one: bytes, other: bytes) -> bytes:
    for place, (octet, its) in enumerate(zip(one, other, strict=False)):
        if octet != its:
            return one[:place]
    return min(one, other, key=len)
