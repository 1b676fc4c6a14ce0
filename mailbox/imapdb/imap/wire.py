"""Commands out, responses in: the session layer under every other module of this package.

A response is cut at its boundary before anything is parsed (RFC 3501 2.2.2 and 4.3): a list whose even members are
pieces of the line and whose odd members are the literals between them.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections import deque
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost, ProtocolError, ServerRefused, UnsendableValue
from imapdb.imap.patience import is_for_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imapdb.imap.client import Client

__all__ = ["Argument", "Literal", "Pending", "Response", "Wire", "astring", "quoted"]

# Octets up to which a server is believed: three million UIDs in a line, ten thousand header fields in a literal.
MAX_LINE = 32 * 1024 * 1024
MAX_LITERAL = 32 * 1024 * 1024
# All responses to one command together, each with what it costs to hold it.
MAX_ANSWER = 128 * 1024 * 1024
OVERHEAD = 256
LITERAL_MINUS = 4096

Response = list[bytes]

_LITERAL = re.compile(rb"\{(\d{1,1000})\+?\}\r?\n\Z")
# Only data holds literals. Texts do not, even where they repeat a command that ended in `{5}`.
_DATA = re.compile(rb"\* (?!(?:OK|NO|BAD|BYE|PREAUTH)[ \r\n])", re.IGNORECASE)
# What is said before either of these is about the mailbox that was left (RFC 7162 3.2.11, RFC 3501 6.3.1).
_ENTERED = re.compile(rb"\* OK \[(?:CLOSED|UIDVALIDITY)\b", re.IGNORECASE)
_TAGGED = re.compile(rb"(OK|NO|BAD)(?: (?:\[([^\]]*)\] ?)?(.*))?\r?\n\Z", re.IGNORECASE | re.DOTALL)
_ATOM = re.compile(rb"[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]+\Z")
# Whoever fails to log in may be told goodbye first and why afterwards.
_SAYS_BYE = frozenset({"LOGIN", "AUTHENTICATE"})
_QUOTABLE = re.compile(rb"[^\r\n\0\x80-\xff]{0,1000}\Z")


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """Octets that go out as `{n}` and then themselves: any octet but NUL (RFC 3501 4.3)."""

    octets: bytes


Argument = bytes | Literal


def quoted(octets: bytes) -> bytes:
    """Write a quoted string (RFC 3501 4.3).

    Raises UnsendableValue for what a quoted string cannot hold.
    """
    if not _QUOTABLE.match(octets):
        raise UnsendableValue("a quoted string cannot hold CR, LF, NUL or 8-bit octets")
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def astring(text: str | bytes) -> Argument:
    """Write a value in the safest form it allows: quoted where that holds it, else a literal.

    Raises UnsendableValue for CR, LF and NUL: no IMAP value needs them, and they are how commands are smuggled in.
    """
    try:
        octets = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise UnsendableValue("a value holds half of a character (a lone surrogate); it was not sent") from None
    if any(byte in octets for byte in (b"\r", b"\n", b"\0")):
        raise UnsendableValue("a value holds CR, LF or NUL; it was not sent")
    if _QUOTABLE.match(octets):
        return quoted(octets)
    return Literal(octets)


@dataclasses.dataclass(slots=True)
class Pending:
    """A command that was sent and whose tagged response has not been read.

    `max_literal` is the largest literal its answer may hold, `room` how many octets are left for all of it: both are
    known before anything is read, so that nobody's announcement alone allocates memory.
    """

    tag: bytes
    command: str
    max_literal: int = MAX_LITERAL
    room: int = MAX_ANSWER
    code: bytes | None = None
    text: str = ""
    conclusion: bytes | None = None
    # What answers a challenge of the server (SASL); without it there is none to expect.
    challenged: Callable[[bytes], bytes] | None = None
    # Reads whole responses off the beginning of what has come: says how many octets they took, and how many they are.
    take: Callable[[bytes], tuple[int, int]] | None = None


class Wire:
    """One session, seen as commands and responses. `capabilities` decide how literals go out.

    Every failure of the connection is a ConnectionLost, every NO a ServerRefused, every BAD a ProtocolError; after a
    ConnectionLost or ProtocolError of the stream itself the session is of no further use (`alive` is False).
    """

    def __init__(self, client: Client, capabilities: frozenset[str] = frozenset()) -> None:
        self.capabilities = capabilities
        # What the server's words are not repeated for in an error.
        self.secret = ""
        self._client = client
        self._stream = client.incoming
        self._count = 0
        self._bye: str | None = None
        self._outstanding: dict[bytes, Pending] = {}
        self._owed: deque[tuple[Pending, Callable[[Pending, Iterator[Response]], None]]] = deque()
        # Untagged responses that came before anybody read the answer they may belong to.
        self._early: deque[Response] = deque()
        self._reading: Pending | None = None
        # Commands sent ahead leave in one packet with what follows them.
        self._is_holding = False
        self._held = bytearray()
        self._alive = True

    @property
    def alive(self) -> bool:
        """Whether another command can be sent.

        Not where an answer was given up half way: its rest would be taken for the next one's.
        """
        return self._alive and (self._reading is None or self._reading.conclusion is not None)

    def send(self, command: str, *arguments: Argument) -> Pending:
        """Send a command without waiting for its answer, except where a synchronising literal demands it.

        Arguments are set off by one space each, save after `b"("` and before `b")"`.
        """
        self._count += 1
        pending = Pending(b"A%d" % self._count, command)
        out = bytearray(b"%s %s" % (pending.tag, command.encode("ascii")))
        glued = False
        for argument in arguments:
            if not glued and argument != b")":
                out += b" "
            glued = argument == b"("
            if isinstance(argument, bytes):
                out += argument
                continue
            size = len(argument.octets)
            if self._may_send_at_once(size):
                out += b"{%d+}\r\n" % size
            else:
                out += b"{%d}\r\n" % size
                self.settle()
                self._write(out, command)
                out.clear()
                try:
                    self._await_continuation(pending)
                except Exception:
                    raise
                except BaseException:
                    # Interrupted: the server waits for octets of a literal, and would take the next command for them.
                    self._abandon()
                    raise
            out += argument.octets
        out += b"\r\n"
        self._write(out, command)
        self._outstanding[pending.tag] = pending
        return pending

    def authenticate(
        self, mechanism: bytes, response: bytes, *, challenged: Callable[[bytes], bytes] | None = None
    ) -> Pending:
        """Send AUTHENTICATE with its first response, in one go where SASL-IR lets it (RFC 4959).

        `challenged` is given what the server asks behind that and returns the answer; both are as they are sent.
        """
        octets = base64.b64encode(response)
        if "SASL-IR" in self.capabilities:
            pending = self.send("AUTHENTICATE", mechanism, octets)
        else:
            pending = self.send("AUTHENTICATE", mechanism)
            self._await_continuation(pending)
            self._write(octets + b"\r\n", pending.command)
        pending.challenged = challenged
        return pending

    def send_ahead(
        self,
        then: Callable[[Pending, Iterator[Response]], None],
        command: str,
        *arguments: Argument,
    ) -> None:
        """Send a command whose answer nobody waits for now: `then` gets it before the next answer is read.

        So EXAMINE and the SEARCH behind it cost one round trip. What `then` raises comes out of that next reading.
        """
        self._is_holding = all(isinstance(argument, bytes) for argument in arguments)
        try:
            self._owed.append((self.send(command, *arguments), then))
        finally:
            self._is_holding = False

    def settle(self) -> None:
        """Read the answers of all that was sent ahead; what else came is kept for the next answer that is read.

        Dovecot 2.3 puts the answer to a SEARCH before the tagged response of the NOOP sent in front of it.
        """
        while self._owed:
            pending, then = self._owed.popleft()
            came: list[Response] = []
            responses = _noted(self._answer(pending), came)
            try:
                then(pending, responses)
                deque(responses, 0)
            except (ServerRefused, ProtocolError):
                if pending.conclusion is None and self._alive:
                    self._discard(pending)
                raise
            entered = max((number for number, (line, *_) in enumerate(came, 1) if _ENTERED.match(line)), default=0)
            if entered:
                self._early.clear()
            self._early.extend(came[entered:])

    def run(self, command: str, *arguments: Argument) -> list[Response]:
        """Send a command and return its untagged responses."""
        return list(self.answer(self.send(command, *arguments)))

    def answer(self, pending: Pending) -> Iterator[Response]:
        """Yield the untagged responses up to the tagged one of `pending`, then keep that one's code and text in it.

        Untagged responses do not say what they answer: with several commands under way, those of another may be among
        them (RFC 3501 5.5), and the caller takes what it knows.
        """
        if self._owed:
            try:
                self.settle()
            except ConnectionLost:
                raise
            except Exception:
                # What is behind the failed command was sent on its strength; its answer means nothing, but will come.
                if self._alive:
                    self._discard(pending)
                raise
        yield from self._answer(pending)

    def _discard(self, pending: Pending) -> None:
        try:
            for _ in self._answer(pending):
                pass
        except (ServerRefused, ProtocolError):
            # Expected: without the mailbox the server refuses what was meant for it.
            return

    def _answer(self, pending: Pending) -> Iterator[Response]:
        if self._reading is not pending:
            self._require_alive(pending.command)
        if self._held:
            self._write(b"", pending.command)
        self._reading = pending
        while self._early:
            yield self._early.popleft()
        while pending.conclusion is None:
            if pending.take is not None and self._bye is None:
                self._let_take(pending, pending.take)
            response = self.read_response(pending)
            line = response[0]
            if line.startswith(b"* "):
                if self._bye is not None and pending.command not in _SAYS_BYE:
                    # Nothing follows a BYE but the end (RFC 3501 7.1.5); some servers make one wait for that.
                    raise self._lost(pending.command, None)
                yield response
                continue
            if line.startswith(b"+") and pending.challenged is not None:
                # Not by _write, which refuses to speak in the midst of an answer.
                self._speak(pending.challenged(line[1:].strip()) + b"\r\n", pending.command)
                continue
            self._note_tagged(line, pending)
        self._conclude(pending, pending.conclusion)

    def _let_take(self, pending: Pending, take: Callable[[bytes], tuple[int, int]]) -> None:
        """Have whole responses taken from what has come, as long as there are any."""
        while True:
            try:
                block = self._stream.peek()
            except (OSError, ValueError) as error:
                raise self._lost(pending.command, error) from error
            taken, count = take(block)
            if not taken:
                return
            self._stream.skip(taken)
            pending.room -= taken + OVERHEAD * count
            if pending.room < 0:
                raise self._too_large("an answer that does not end", pending)

    def read_response(self, pending: Pending) -> Response:
        """Read one whole response, its literals included, before anything in it is looked at.

        Raises ProtocolError, and drops the session, where it is larger than an answer to `pending` may be.
        """
        line = self._readline(pending)
        response = [line]
        pending.room -= len(line) + OVERHEAD
        if not _DATA.match(line):
            if line[:5].upper() == b"* BYE":
                self._bye = self._said(line[6:])
        else:
            while line.endswith((b"}\r\n", b"}\n")) and (announced := _LITERAL.search(line)):
                size = int(announced[1])
                if size > pending.max_literal:
                    raise self._too_large(f"a literal of {size} octets, where {pending.max_literal} are taken", pending)
                pending.room -= size + OVERHEAD
                if pending.room < 0:
                    break
                try:
                    literal = self._stream.read(size)
                except (OSError, ValueError) as error:
                    raise self._lost(pending.command, error) from error
                if len(literal) != size:
                    raise self._lost(pending.command, None)
                line = self._readline(pending)
                pending.room -= len(line)
                response += (literal, line)
        if pending.room < 0:
            raise self._too_large("an answer that does not end", pending)
        return response

    def close(self) -> None:
        """Say LOGOUT, do not wait for the answer, and close; never raises."""
        if self.alive:
            try:
                self._client.write(b"A%d LOGOUT\r\n" % (self._count + 1))
            except OSError:
                # The server hung up first: closed is closed.
                self._bye = self._bye or ""
        self._abandon()

    def forget(self) -> None:
        """Drop the socket of a parent process without a word to the server."""
        self._alive = False
        self._client.forget_socket()

    def _readline(self, pending: Pending) -> bytes:
        try:
            line: bytes = self._stream.readline(MAX_LINE)
        except (OSError, ValueError) as error:
            raise self._lost(pending.command, error) from error
        if line[-1:] == b"\n":
            return line
        if len(line) >= MAX_LINE:
            raise self._too_large(f"a line of over {MAX_LINE} octets", pending)
        raise self._lost(pending.command, None)

    def _too_large(self, what: str, pending: Pending) -> ProtocolError:
        return self._broken(
            ProtocolError(
                f"the server sent {what} (during {pending.command}); the session was dropped", command=pending.command
            )
        )

    def _write(self, octets: bytes | bytearray, command: str) -> None:
        self._require_alive(command)
        self._held += octets
        if self._is_holding:
            return
        out = bytes(self._held)
        self._held.clear()
        self._speak(out, command)

    def _speak(self, octets: bytes, command: str) -> None:
        try:
            self._client.write(octets)
        except OSError as error:
            raise self._lost(command, error) from error

    def _require_alive(self, command: str) -> None:
        if not self.alive:
            self._abandon()
            raise ConnectionLost("the session is of no further use; open a new one", command=command)

    def _await_continuation(self, pending: Pending) -> None:
        """Wait for the server to ask for a literal; raise its NO or BAD, after which it expects a new command."""
        while True:
            response = self.read_response(pending)
            line = response[0]
            if line.startswith(b"+"):
                return
            if line.startswith(b"* "):
                self._early.append(response)
            elif line.startswith(pending.tag + b" "):
                self._outstanding.pop(pending.tag, None)
                self._conclude(pending, line[len(pending.tag) + 1 :])
                raise self._broken(ProtocolError("the server took a command before its end", command=pending.command))
            else:
                self._note_tagged(line, pending)

    def _note_tagged(self, line: bytes, reading: Pending) -> None:
        """Keep a tagged response with its command. Raises ProtocolError where nobody sent that tag."""
        tag, _, conclusion = line.partition(b" ")
        concluded = self._outstanding.pop(tag, None)
        if concluded is None:
            # Out of step: nothing read from here on could be trusted.
            raise self._broken(
                ProtocolError(
                    f"the server answered what was not asked (during {reading.command}); the session was dropped",
                    command=reading.command,
                )
            )
        concluded.conclusion = conclusion

    def _may_send_at_once(self, size: int) -> bool:
        """Whether a literal of that size may go out without being asked for (RFC 7888)."""
        if "LITERAL+" in self.capabilities:
            return True
        return size <= LITERAL_MINUS and not self.capabilities.isdisjoint(("LITERAL-", "IMAP4REV2"))

    def _conclude(self, pending: Pending, line: bytes) -> None:
        match = _TAGGED.match(line)
        if match is None:
            raise self._broken(
                ProtocolError("the server ended a command neither well nor badly", command=pending.command)
            )
        status, pending.code, text = match.groups()
        pending.text = self._said(text or b"")
        said = f"[{self._said(pending.code)}] {pending.text}" if pending.code else pending.text
        advice = "; that holds for now only: try again later" if is_for_now(said) else ""
        if status.upper() == b"NO":
            raise ServerRefused(
                f"the server refused {pending.command}: {said}{advice}", command=pending.command, server_text=said
            )
        if status.upper() == b"BAD":
            raise ProtocolError(
                f"the server rejects {pending.command}: {said}{advice}", command=pending.command, server_text=said
            )

    def _said(self, octets: bytes) -> str:
        text = _text(octets)
        return "(what it said repeats the password)" if self.secret and self.secret in text else text

    def _lost(self, command: str, cause: Exception | None) -> ConnectionLost:
        if isinstance(cause, TimeoutError):
            why = "the server did not answer in time"
        elif self._bye is not None:
            why = f"the server said goodbye: {self._bye}"
        else:
            why = "the server closed the connection" if cause is None else f"the connection broke: {cause}"
        self._abandon()
        return ConnectionLost(f"{why} (during {command})", command=command, server_text=self._bye)

    def _broken(self, error: ProtocolError) -> ProtocolError:
        self._abandon()
        return error

    def _abandon(self) -> None:
        self._alive = False
        self._client.close_socket()


def _noted(responses: Iterator[Response], notes: list[Response]) -> Iterator[Response]:
    for response in responses:
        notes.append(response)
        yield response


def _text(octets: bytes) -> str:
    """Make a server's text fit for a message: one line, printable, bounded."""
    text = octets.decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() else " " for char in text)[:500]
