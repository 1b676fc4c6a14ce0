"""A mail server of few words that holds a few messages and, when told so, answers one kind of command wrongly."""

from __future__ import annotations

import dataclasses
import enum
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.kit.commands import CommandReader

if TYPE_CHECKING:
    from types import TracebackType

_FETCH = re.compile(r"UID FETCH (\S+) \((.*)\)")
_FIELDS = re.compile(r"BODY\.PEEK\[HEADER\.FIELDS \(([^)]*)\)\]")
_CAPABILITIES = b"IMAP4rev1 LITERAL+"


class Act(enum.Enum):
    """What a server may do instead of talking."""

    CLOSE = enum.auto()
    RESET = enum.auto()
    # No more octets, but the connection stays open.
    HALF_CLOSE = enum.auto()
    # Nothing more is said, until the client leaves.
    HOLD = enum.auto()


Step = bytes | Act | float
"""What is said, done, or waited for in seconds."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """The right answer to a command: `said` are its untagged responses, `end` the tagged one."""

    said: list[bytes]
    end: bytes
    tag: bytes

    @property
    def whole(self) -> bytes:
        return b"".join(self.said) + self.end

    def ended(self, conclusion: bytes) -> bytes:
        """Write another tagged response."""
        return self.tag + b" " + conclusion + b"\r\n"


Play = Callable[[Reply], Iterable[Step]]


TEXT = b"Hello.\r\n"


def literal(name: str, octets: bytes) -> bytes:
    return f"{name} {{{len(octets)}}}\r\n".encode() + octets


@dataclasses.dataclass(frozen=True)
class Held:
    """A message."""

    uid: int
    subject: str
    size: int
    flags: str = ""

    def told(self, number: int, items: str) -> bytes:
        """Write the FETCH response."""
        words = [f"UID {self.uid}"]
        if "FLAGS" in items:
            words.append(f"FLAGS ({self.flags})")
        if "RFC822.SIZE" in items:
            words.append(f"RFC822.SIZE {self.size}")
        if "BODYSTRUCTURE" in items:
            words.append(f'BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" {len(TEXT)} 1)')
        header = b"Subject: " + self.subject.encode() + b"\r\n\r\n"
        sections = {"BODY[HEADER]": header, "BODY[]": header + TEXT, "BODY[1]": TEXT}
        told = [" ".join(words).encode()]
        if fields := _FIELDS.search(items):
            told.append(literal(f"BODY[HEADER.FIELDS ({fields[1]})]", header))
        told += (literal(name, octets) for name, octets in sections.items() if name.replace("[", ".PEEK[") in items)
        return f"* {number} FETCH (".encode() + b" ".join(told) + b")\r\n"


class FaultyServer:
    """An IMAP server on a port of 127.0.0.1 while it is a context; as many connections as are wanted.

    `arm(command, play, times)` has the next `times` commands of that name (`"UID FETCH"`) answered by `play`, which is
    given the right answer; without `times` all of them. `uidvalidity` may be changed at any time.
    """

    host = "127.0.0.1"

    def __init__(self, mailboxes: dict[str, list[Held]]) -> None:
        self.mailboxes = mailboxes
        self.uidvalidity = 7
        self.connections = 0
        self.commands: list[str] = []
        self._armed: tuple[str, Play] | None = None
        self._times: int | None = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def arm(self, command: str, play: Play, times: int | None = None) -> None:
        with self._lock:
            self._armed, self._times = (command, play), times

    def disarm(self) -> None:
        with self._lock:
            self._armed = None

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for opened in (self._listener, *self._open):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="faulty", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                opened, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(opened)
            self._start(self._serve, opened)

    def _serve(self, opened: socket.socket) -> None:
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.sendall(b"* OK [CAPABILITY " + _CAPABILITIES + b"] ready\r\n")
            reader, session = CommandReader(), _Session(self)
            while octets := opened.recv(1 << 16):
                for tag, command in reader.feed_tagged(octets):
                    self.commands.append(command)
                    for step in self._played(command, session.reply(tag.encode(), command)):
                        if not self._take(opened, step):
                            return
        except OSError:
            # The client has left: that is what most of these tests are about.
            return
        finally:
            self._open.discard(opened)
            opened.close()

    def _played(self, command: str, reply: Reply) -> Iterable[Step]:
        with self._lock:
            armed, times = self._armed, self._times
            if armed is None or times == 0 or not command.upper().startswith(armed[0]):
                return [reply.whole]
            if times is not None:
                self._times = times - 1
        return armed[1](reply)

    def _take(self, opened: socket.socket, step: Step) -> bool:
        """Do a step; say whether the connection is still of use."""
        if isinstance(step, bytes):
            opened.sendall(step)
        elif isinstance(step, float):
            self._ended.wait(step)
        elif step is Act.RESET:
            # SO_LINGER with a time of 0: closing sends a reset.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(3) + bytes(4))
        elif step is not Act.CLOSE:
            if step is Act.HALF_CLOSE:
                opened.shutdown(socket.SHUT_WR)
            while opened.recv(1 << 16):
                pass
        return not isinstance(step, Act) and not self._ended.is_set()


class _Session:
    """One connection: what is selected, and the right answer to each command."""

    def __init__(self, server: FaultyServer) -> None:
        self._server = server
        self._selected = ""

    def reply(self, tag: bytes, command: str) -> Reply:
        said: list[bytes] = []
        end = b"OK done"
        word, _, rest = command.partition(" ")
        match word.upper():
            case "LOGIN":
                end = b"OK [CAPABILITY " + _CAPABILITIES + b"] in"
            case "CAPABILITY":
                said = [b"* CAPABILITY " + _CAPABILITIES + b"\r\n"]
            case "LIST" | "LSUB":
                said = [f'* {word.upper()} () "/" {name}\r\n'.encode() for name in self._server.mailboxes]
            case "EXAMINE":
                said, end = self._examine(rest.strip('"'))
            case "UID" if rest.upper().startswith("SEARCH"):
                said = [b"* SEARCH" + b"".join(b" %d" % held.uid for held in self._held(rest)) + b"\r\n"]
            case "UID" if match := _FETCH.match(command):
                wanted = set(_expanded(match[1]))
                numbered = enumerate(self._server.mailboxes[self._selected], 1)
                said = [held.told(number, match[2]) for number, held in numbered if held.uid in wanted]
        return Reply(said, tag + b" " + end + b"\r\n", tag)

    def _examine(self, name: str) -> tuple[list[bytes], bytes]:
        if name not in self._server.mailboxes:
            self._selected = ""
            return [], b"NO [NONEXISTENT] no such mailbox"
        closed = [b"* OK [CLOSED] left\r\n"] if self._selected else []
        self._selected = name
        return [
            *closed,
            b"* FLAGS (\\Seen)\r\n",
            b"* %d EXISTS\r\n" % len(self._server.mailboxes[name]),
            b"* OK [UIDVALIDITY %d] ok\r\n" % self._server.uidvalidity,
        ], b"OK [READ-ONLY] in"

    def _held(self, key: str) -> Iterator[Held]:
        """Find the messages of a UID set in a key; every other condition holds for all of them."""
        sets = [set(_expanded(uids)) for uids in re.findall(r"\bUID ([\d:,]+)", key)]
        for held in self._server.mailboxes.get(self._selected, []):
            if all(held.uid in uids for uids in sets):
                yield held


def _expanded(uid_set: str) -> Iterator[int]:
    for part in uid_set.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def flood(octets: bytes, seconds: float = 30.0) -> Iterator[bytes]:
    """Say the same again and again, until the client leaves."""
    piece = octets * max(1, (1 << 18) // len(octets))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield piece
