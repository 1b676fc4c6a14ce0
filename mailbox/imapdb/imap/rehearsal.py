"""A connection that sends nothing: what would have been said on it is written down as text.

The code that searches and fetches runs on it as it does on a real one, so that what is written down is what would go
out. A SEARCH finds the UIDs it is told to find. A FETCH finds nothing; but where sizes alone are asked for, every other
message is a small one and the rest are large, so that what depends on it is said of both.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imapdb.imap import sets
from imapdb.imap.connection import Connection
from imapdb.imap.wire import Pending, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imapdb.imap.wire import Argument, Response

__all__ = ["FOUND", "Rehearsal"]

# Stands for the UIDs that a search is going to find.
FOUND = "…"
# Octets.
MADE_UP_SIZES = (1_000, 1_000_000)


class Rehearsal(Connection):
    """The session a connection would use, as it is now: the same server, capabilities, profile and open mailbox."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(dataclasses.replace(connection.account, connections=1))
        # Logs in where that has not been done: nobody knows what to say to a server that was never met.
        self._profile = connection.profile
        self._is_introduced = True
        self.capabilities = connection.capabilities
        self.greeting = connection.greeting
        self.server_id = connection.server_id
        self.selected = connection.selected
        self.refuses_list_status = connection.refuses_list_status
        self.namespaces = dataclasses.replace(connection.namespaces)
        self._said = _Said(connection.capabilities)

    @property
    def wire(self) -> Wire:
        """The session nobody hears."""
        return self._said

    def session(self, number: int) -> Wire:
        """Return the session nobody hears: it never drops."""
        return self._said

    @property
    def commands(self) -> list[str]:
        """What was said since `begin`, without tags; literals are quoted text."""
        return self._said.commands

    def begin(self, found: Iterable[int]) -> None:
        """Begin anew; searches find these UIDs."""
        self._said.commands = []
        self._said.found = sets.uid_array(found)
        self._said.has_searched = False
        self.streaming = None


class _Said(Wire):
    """A session that is only written down."""

    def __init__(self, capabilities: frozenset[str]) -> None:
        self.capabilities = capabilities
        self.commands: list[str] = []
        self.found = sets.uid_array()
        self.has_searched = False
        self._sized: dict[bytes, bytes] = {}

    @property
    def alive(self) -> bool:
        """Whether another command can be written down: always."""
        return True

    def send(self, command: str, *arguments: Argument) -> Pending:
        """Write a command down."""
        words = [_text(argument) for argument in arguments]
        tag = b"A%d" % len(self.commands)
        if command == "UID FETCH" and arguments[1:] == (b"(UID RFC822.SIZE)",) and isinstance(arguments[0], bytes):
            self._sized[tag] = arguments[0]
        if command in ("UID SEARCH", "UID SORT"):
            self.has_searched = True
        elif command == "UID FETCH" and self.has_searched:
            words[0] = FOUND
        said = command
        glued = False
        for word in words:
            said += word if glued or word == ")" else f" {word}"
            glued = word == "("
        self.commands.append(said)
        return Pending(tag, command, conclusion=b"OK")

    def send_ahead(
        self, then: Callable[[Pending, Iterator[Response]], None], command: str, *arguments: Argument
    ) -> None:
        """Write a command down; its answer says nothing."""
        then(self.send(command, *arguments), iter(()))

    def settle(self) -> None:
        """Nothing is owed."""

    def answer(self, pending: Pending) -> Iterator[Response]:
        """Yield what a search found, or sizes."""
        for place, uid in enumerate(_listed(self._sized.pop(pending.tag, b""))):
            yield [b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (place + 1, uid, MADE_UP_SIZES[place % 2])]
        if pending.command == "UID SEARCH" and "RETURN (COUNT)" in self.commands[-1]:
            yield [b"* ESEARCH UID COUNT %d\r\n" % len(self.found)]
        elif pending.command == "UID SORT":
            yield [b"* SORT " + b" ".join(b"%d" % uid for uid in self.found) + b"\r\n"]
        elif pending.command == "UID SEARCH":
            yield [b"* SEARCH " + b" ".join(b"%d" % uid for uid in self.found)]


def _text(argument: Argument) -> str:
    if isinstance(argument, bytes):
        return argument.decode("utf-8", "backslashreplace")
    return repr(argument.octets.decode("utf-8", "replace"))


def _listed(uid_set: bytes) -> Sequence[int]:
    return sets.expand(uid_set) if uid_set else ()
