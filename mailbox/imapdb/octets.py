"""The octets of one part of a message, decoded while they come, from whichever session there is for it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from imapdb.errors import ProtocolError, ServerRefused, StaleMailbox
from imapdb.imap.partial import SectionStream
from imapdb.mime import transfer
from imapdb.mime.walk import walk
from imapdb.sql.said import is_as_described

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from imapdb.database import Database
    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.mime.part_tree import Part
    from imapdb.mime.transfer import Decoder

__all__ = ["PartFile", "Reading", "Source"]

_EMBEDDED: Final = "message/rfc822"


class Source:
    """The message that parts are read from, and what its server has told of it: nothing at first.

    `structure` is its outermost part, told under `uidvalidity`. Where the server's word on that is of no use, the
    message is read whole, once, and taken apart here: then `spans` says where in it each part begins and ends.
    """

    def __init__(self, database: Database, mailbox: str, uid: int) -> None:
        self.database = database
        self.mailbox = mailbox
        self.uid = uid
        self.structure: Part | None = None
        self.uidvalidity: int | None = None
        self.spans: Mapping[str, tuple[int, int]] = {}

    def describe(self) -> Part:
        """Give the outermost part, asked for once. Raises what reading raises."""
        if self.structure is not None:
            return self.structure
        with self.database.reading(self.mailbox) as (connection, mailbox):
            # One octet of the message is asked for with it: so much a question must be about.
            asking = SectionStream(
                connection, mailbox, self.uid, "", span=(0, 1), uidvalidity=self.uidvalidity, describe=True
            )
            try:
                asking.next()
            finally:
                asking.close()
            return self.note(asking, mailbox)

    def note(self, stream: SectionStream, mailbox: Mailbox) -> Part:
        """Keep what was told along with octets. Raises ProtocolError where the server told of no structure."""
        self.uidvalidity = stream.uidvalidity
        told = self.structure or stream.structure
        if told is None:
            raise ProtocolError(f"the server does not tell the structure of message {self.uid}", command="UID FETCH")
        if not told.usable:
            return self.take_apart(stream.connection, mailbox)
        self.structure = told
        return told

    def take_apart(self, connection: Connection, mailbox: Mailbox) -> Part:
        """Read the whole message and find its parts here."""
        whole = SectionStream(connection, mailbox, self.uid, "", uidvalidity=self.uidvalidity)
        try:
            walked = walk(b"".join(iter(whole.next, b"")))
        finally:
            whole.close()
        self.uidvalidity = whole.uidvalidity
        self.structure, self.spans = walked.part, walked.spans
        return walked.part

    def find(self, section: str) -> Part | None:
        """Find a part by its section, in what was told."""
        every = self.structure.walk() if self.structure is not None else ()
        return next((part for part in every if part.section == section), None)


class Reading:
    """A part that is being read, from its beginning to its end. `wanted` is what was `described` of it.

    `ahead` is how many pieces are under way behind the one that is read. `problems` is complete once `is_over`: what
    had to be repaired.
    """

    def __init__(self, source: Source, wanted: dict[str, Any], *, ahead: int = 1) -> None:
        self.is_over = False
        self.problems: tuple[str, ...] = ()
        self._source = source
        self._wanted = wanted
        self._ahead = ahead
        self._stream: SectionStream | None = None
        self._decoder: Decoder | None = None
        # The server's refusal to give the part alone.
        self._refusal: ServerRefused | None = None
        # Sections that come behind the one that is read.
        self._behind: list[str] = []

    def next(self, connection: Connection, mailbox: Mailbox) -> bytes:
        """Give what follows; that may be nothing while it is not over.

        The connection may be another one each time, after `rest`. Raises StaleMailbox where the UID names another
        message than it did, OperationalError where that is gone, and the errors of a connection.
        """
        if self._stream is None:
            section = self._wanted["part"]
            if self._wanted["content_type"] == _EMBEDDED and not connection.profile.gives_messages:
                section, self._behind = f"{section}.HEADER", [f"{section}.TEXT"]
            self._stream = self._begin(connection, mailbox, section)
        self._stream.connection = connection
        try:
            octets = self._stream.next()
        except ServerRefused as error:
            if self._decoder is not None or self._source.spans:
                raise
            # Some servers cannot give a part of odd mail; all of it they can.
            self._refusal = error
            self._stream.close()
            self._source.take_apart(connection, mailbox)
            self._stream, self._behind = self._begin(connection, mailbox, self._wanted["part"]), []
            octets = self._stream.next()
        decoder = self._decoder
        if decoder is None:
            was_apart = bool(self._source.spans)
            try:
                decoder = self._decoder = self._learn(self._stream, mailbox)
            except BaseException:
                # Whoever tries again begins at the beginning: nothing has been given yet.
                self.close()
                self._stream = None
                raise
            if self._source.spans and not was_apart:
                # Whatever the server calls by that section, it need not be the part we mean.
                self._stream.close()
                self._stream, self._behind = self._begin(connection, mailbox, self._wanted["part"]), []
                octets = self._stream.next()
        if octets:
            return decoder.feed(octets)
        if self._behind:
            self._stream = self._begin(connection, mailbox, self._behind.pop())
            return b"\r\n"
        self.is_over = True
        rest = decoder.end()
        self.problems = tuple(decoder.problems)
        return rest

    def rest(self) -> None:
        """Leave the connection to others."""
        if self._stream is not None:
            self._stream.park()
            self._stream.connection.let_go(self._stream)

    def close(self) -> None:
        """Read no more."""
        if self._stream is not None:
            self._stream.close()

    def whole(self) -> Generator[bytes]:
        """Give all of it, piece by piece, on one connection."""
        with self._source.database.reading(self._source.mailbox) as (connection, mailbox):
            try:
                while not self.is_over:
                    yield self.next(connection, mailbox)
            finally:
                self.close()

    def piece(self) -> bytes:
        """Give what follows and leave the connection to others; empty at the end."""
        octets = b""
        while not octets and not self.is_over:
            with self._source.database.reading(self._source.mailbox) as (connection, mailbox):
                try:
                    octets = self.next(connection, mailbox)
                finally:
                    self.rest()
        return octets

    def _begin(self, connection: Connection, mailbox: Mailbox, section: str) -> SectionStream:
        source = self._source
        known, span = source.find(section), source.spans.get(section)
        return SectionStream(
            connection,
            mailbox,
            source.uid,
            section if span is None else "",
            span=span,
            size=None if known is None else known.size,
            uidvalidity=source.uidvalidity,
            describe=source.structure is None,
            ahead=self._ahead,
        )

    def _learn(self, stream: SectionStream, mailbox: Mailbox) -> Decoder:
        """Find out how the part is encoded, and whether it is the one that was described."""
        if not self._source.spans:
            self._source.note(stream, mailbox)
        wanted = self._wanted
        part = self._source.find(wanted["part"])
        if not self._source.spans and (part is None or not is_as_described(part, wanted, by_size=True)):
            # Perhaps it was described by our own reading, in a session that the server's would have ended.
            self._source.take_apart(stream.connection, mailbox)
            part = self._source.find(wanted["part"])
        if part is None or not is_as_described(part, wanted, by_size=not self._source.spans):
            if self._refusal is not None:
                # It describes another part than there is.
                raise self._refusal
            raise StaleMailbox(
                f"part {wanted['part']} of message {self._source.uid} in {self._source.mailbox!r} is not what it was: "
                "the mailbox was rebuilt; run the query again",
                command="UID FETCH",
            )
        return transfer.decoder(part.encoding)


class PartFile(io.RawIOBase):
    """A part as a file. Between two reads it holds no connection, so that one left open costs nobody anything."""

    def __init__(self, reading: Reading, name: str, finish: Any) -> None:
        self.name = name
        self._reading = reading
        self._finish = finish
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as octets have come; 0 at the end. Raises what `Reading.next` raises."""
        if not self._held:
            self._held = memoryview(self._reading.piece())
            if not self._held:
                self._finish(self._reading)
        count = min(len(buffer), len(self._held))
        memoryview(buffer)[:count] = self._held[:count]
        self._held = self._held[count:]
        return count
