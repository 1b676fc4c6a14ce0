"""The floor: a socket that sends the commands and reads each answer to its end. Nothing is parsed, nothing kept."""

from __future__ import annotations

import re
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks.contender import Contender

if TYPE_CHECKING:
    from benchmarks.place import Place
    from benchmarks.questions import Count, Listing

__all__ = ["EnvelopeFloor", "FieldsFloor", "Raw"]

_PIECE = 1 << 18
_LONGEST_SET = 7_900  # octets; servers take commands of 8,000
# More than the line that ends an answer.
_LONGEST_END = 300
_FIELDS = {"sender": "FROM", "subject": "SUBJECT", "to": "TO", "cc": "CC", "sent": "DATE", "message_id": "MESSAGE-ID"}
_FOUND = re.compile(rb" ALL ([\d,:]+)")
_SORTED = re.compile(rb"\* SORT ([\d ]+)")


class Raw:
    """A connection that has logged in. Commands may be sent ahead; answers are read in their order."""

    def __init__(self, place: Place) -> None:
        self._socket = socket.create_connection((place.host, place.port), 120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0
        self._rest = b""
        self._expected: deque[bytes] = deque()
        self._socket.recv(_PIECE)  # the greeting comes in one piece
        password = place.password.replace("\\", "\\\\").replace('"', '\\"')
        self.run(f'LOGIN "{place.user}" "{password}"')

    @property
    def waiting(self) -> int:
        """How many answers have not been read."""
        return len(self._expected)

    def send(self, command: str | bytes) -> None:
        """Send a command."""
        octets = command.encode() if isinstance(command, str) else command
        self._sent += 1
        tag = b"F%08d" % self._sent
        self._expected.append(tag)
        self._socket.sendall(tag + b" " + octets + b"\r\n")

    def read(self, kept: bytearray | None = None) -> None:
        """Read the oldest answer to its end, into `kept` where that is given. Raises where it is not OK."""
        mark = b"\r\n" + self._expected.popleft() + b" "
        tail = b"\r\n" + self._rest
        while True:
            found = tail.find(mark)
            end = tail.find(b"\r\n", found + len(mark)) if found >= 0 else -1
            if kept is not None:
                kept += tail if end < 0 else tail[:end]
            if end >= 0:
                # What follows is of the next answer, which may have come whole.
                self._rest = tail[end + 2 :]
                if not tail.startswith(b"OK ", found + len(mark)):
                    raise ConnectionError(tail[found:end].decode(errors="replace"))
                return
            piece = self._socket.recv(_PIECE)
            if not piece:
                raise ConnectionError("the server went away")
            if kept is not None:
                del kept[-_LONGEST_END:]
            tail = tail[-_LONGEST_END:] + piece

    def drain(self) -> None:
        """Read all answers that are under way."""
        while self._expected:
            self.read()

    def run(self, command: str) -> None:
        """Send a command and read everything up to the end of its answer."""
        self.send(command)
        self.drain()

    def whole(self, command: str | bytes) -> bytes:
        """Do the same, and return the answer."""
        self.send(command)
        while self.waiting > 1:
            self.read()
        kept = bytearray()
        self.read(kept)
        return bytes(kept)

    def close(self) -> None:
        """End the session without waiting."""
        self._socket.close()


class EnvelopeFloor(Contender):
    """What fetching ENVELOPE costs without a client."""

    name = "floor"
    answers: ClassVar[bool] = False

    def open(self) -> None:
        """Log in; EXAMINE goes ahead of what comes next."""
        self._raw = Raw(self.place)
        self._raw.send("EXAMINE INBOX")

    def warm(self) -> None:
        """Be done with EXAMINE."""
        self._raw.drain()

    def close(self) -> None:
        """Hang up."""
        self._raw.close()

    def count(self, question: Count) -> int:
        """Have the server count."""
        since = f"{question.since:%d-%b-%Y}"
        self._raw.run(f"UID SEARCH RETURN (COUNT) UNSEEN UNFLAGGED SMALLER {question.smaller} SINCE {since}")
        return 0

    def rows(self, question: Listing) -> list[Any]:
        """Search where there is a condition, then fetch, two commands under way."""
        items = self.items(question.columns)
        if not question.unseen:
            self._raw.run(f"UID FETCH 1:* {items}")
            return []
        if question.newest == "created":
            sorted_ = _SORTED.search(self._raw.whole("UID SORT (REVERSE ARRIVAL) US-ASCII UNSEEN"))
            newest = sorted_[1].decode().split()[: question.limit] if sorted_ else []
            self.fetch([",".join(newest)], items)
            return []
        pieces = self.search("UNSEEN")
        if question.newest:
            pieces = [_last(pieces, question.limit)]
        self.fetch(pieces, items)
        return []

    def items(self, columns: tuple[str, ...]) -> str:
        """Name what is fetched for some columns."""
        return "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)"

    def search(self, criteria: str) -> list[str]:
        """Have the server search, and give its answer in sets that are not too long."""
        found = _FOUND.search(self._raw.whole(f"UID SEARCH RETURN (ALL) {criteria}"))
        return _pieces(found[1].decode() if found else "")

    def fetch(self, pieces: list[str], items: str) -> None:
        """Fetch, two commands under way."""
        for piece in pieces:
            self._raw.send(f"UID FETCH {piece} {items}")
            if self._raw.waiting > 1:
                self._raw.read()
        self._raw.drain()


class FieldsFloor(EnvelopeFloor):
    """What fetching only the header fields of the columns costs."""

    name = "floor, header fields"

    def items(self, columns: tuple[str, ...]) -> str:
        """Name the fields."""
        fields = " ".join(sorted(_FIELDS[column] for column in columns if column in _FIELDS))
        return f"(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({fields})])"


def _pieces(uids: str) -> list[str]:
    pieces = []
    while len(uids) > _LONGEST_SET:
        end = uids.rfind(",", 0, _LONGEST_SET)
        pieces.append(uids[:end])
        uids = uids[end + 1 :]
    return [*pieces, uids]


def _last(pieces: list[str], count: int) -> str:
    """Name the last UIDs of a set."""
    found: list[int] = []
    for run in reversed(",".join(pieces[-2:]).split(",")):
        first, _, last = run.partition(":")
        found += range(int(last or first), int(first) - 1, -1)
        if len(found) >= count:
            break
    return ",".join(map(str, found[:count]))
