"""Messages with their structure and texts: what is fetched for these, message by message.

A small message comes whole, in one trip. Of a larger one BODYSTRUCTURE is asked for, and then the parts that hold a
text; messages whose texts stand in the same sections share a FETCH. Where a structure cannot be used, the message comes
whole, and is taken apart here.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING, Final

from imapdb.errors import ServerRefused
from imapdb.imap.fetch import FIRST_PIECE, LARGEST_PIECE, PIECE_OCTETS, SIZES_AT_ONCE, FetchStream
from imapdb.imap.items import NOTHING, Items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.fetch import Fetched
    from imapdb.imap.mailboxes import Mailbox

__all__ = ["SMALL", "MessageStream"]

# Octets. Most mail without attachments is smaller; a structure, and a trip for the parts behind it, save little then.
SMALL: Final = 16 * 1024
STRUCTURE_OCTETS: Final = 1024
# More sections than this are not asked for, as servers bear no command of any length: the message comes whole then.
MOST_SECTIONS: Final = 50
# What a section is reckoned to cost beside its octets, so that the commands of a piece stay short: a server that is
# still writing does not read, and both would wait.
SECTION_OCTETS: Final = 500
WHOLE: Final = Items(whole=True)
STRUCTURE: Final = Items(structure=True)
SIZE: Final = Items(size=True)


class MessageStream:
    """The messages with these UIDs, as a FetchStream gives them, and with their texts and structure where wanted.

    Takes the arguments of FetchStream, and raises what that raises.
    """

    def __init__(
        self,
        connection: Connection,
        mailbox: Mailbox,
        uids: Sequence[int],
        items: Items,
        *,
        uidvalidity: int | None,
        first: int | None = None,
    ) -> None:
        self._connection = connection
        self._mailbox = mailbox
        self._uids = uids
        self._open(items, uidvalidity, first)

    def _open(self, items: Items, uidvalidity: int | None, first: int | None) -> None:
        kind = _Described if _is_described(items) else FetchStream
        self._stream: FetchStream | _Described = kind(
            self._connection, self._mailbox, self._uids, items, uidvalidity=uidvalidity, first=first
        )
        # Called for every message: not through a method of its own.
        self.next: Callable[[], Fetched | None] = self._stream.next

    @property
    def items(self) -> Items:
        """What every message comes with."""
        return self._stream.items

    @property
    def uidvalidity(self) -> int | None:
        """The UIDVALIDITY of the messages; None where nothing was asked yet."""
        return self._stream.uidvalidity

    @property
    def total(self) -> int:
        """How many messages it was asked for, those expunged meanwhile among them."""
        return len(self._uids)

    def provide(self, found: dict[int, Fetched]) -> None:
        """Take all messages as they were read already; they must have all items."""
        if isinstance(self._stream, FetchStream):
            self._stream.provide(found)

    def require(self, items: Items, current: Fetched) -> None:
        """Have `items` too, from the current message on."""
        stream = self._stream
        if stream.items.covers(items):
            return
        wanted = stream.items | items
        if isinstance(stream, FetchStream) and not _is_described(wanted):
            stream.require(items, current)
            return
        stream.close()
        self._uids = self._uids[self._uids.index(current.uid) :]
        self._open(wanted, stream.uidvalidity, None)
        told = self.next()
        if told is None:
            return
        if told.uid == current.uid:
            current.take(told)
        else:
            # The current one is gone meanwhile.
            self._stream.put_back(told)

    def close(self) -> None:
        """End: what is under way is read and dropped, so that the session stays in step."""
        self._stream.close()


def _is_described(items: Items) -> bool:
    """Whether it depends on the message what is to be fetched."""
    return bool(items.texts or items.structure) and not items.body


class _Described:
    """The messages of a mailbox, whose structure or texts are wanted."""

    def __init__(
        self,
        connection: Connection,
        mailbox: Mailbox,
        uids: Sequence[int],
        items: Items,
        *,
        uidvalidity: int | None,
        first: int | None,
    ) -> None:
        self.items = items
        self.uidvalidity = uidvalidity
        self._connection = connection
        self._mailbox = mailbox
        self._uids = uids
        self._first = first
        self._asked = 0
        self._chunk = first or FIRST_PIECE
        self._size = min(self._chunk, LARGEST_PIECE)
        self._octets: dict[int, int] = {}
        self._stream: FetchStream | None = None
        # Messages that were told of, what is still to come of some of these, and the stream it comes by.
        self._told: deque[Fetched] = deque()
        self._planned: dict[int, Items] = {}
        self._parts: FetchStream | None = None
        self._part: Fetched | None = None

    def next(self) -> Fetched | None:
        """Return the next message, or None at the end."""
        while self._told or self._tell():
            message = self._told.popleft()
            if message.uid not in self._planned or self._complete(message):
                return message
        return None

    def put_back(self, message: Fetched) -> None:
        """Have a message come again, complete as it is."""
        self._planned.pop(message.uid, None)
        self._told.appendleft(message)

    def close(self) -> None:
        """End: what is under way is read and dropped, so that the session stays in step."""
        self._asked = len(self._uids)
        self._told.clear()
        for stream in (self._parts, self._stream):
            if stream is not None:
                stream.close()
        self._parts = self._stream = None

    def _complete(self, message: Fetched) -> bool:
        """Put to a message what was planned for it; say whether it is still there."""
        parts = self._parts
        if parts is None:
            return self._complete_alone(message)
        try:
            if self._part is None:
                self._part = parts.next()
        except ServerRefused:
            # It may be for one message only: each is asked for by itself.
            parts.close()
            self._parts = None
            return self._complete_alone(message)
        if self._part is None or self._part.uid != message.uid:
            return False
        message.take(self._part)
        self._part = None
        return True

    def _complete_alone(self, message: Fetched) -> bool:
        """Ask for what was planned for one message, and for all of it where that is refused."""
        for items in dict.fromkeys((self._planned[message.uid], WHOLE)):
            alone = FetchStream(
                self._connection,
                self._mailbox,
                [message.uid],
                NOTHING,
                uidvalidity=self._known_uidvalidity,
                besides={message.uid: items},
                octets={message.uid: 0},
            )
            try:
                told = alone.next()
            except ServerRefused as error:
                message.problems += (f"{error.command or 'FETCH'}: {error.server_text}",)
                continue
            finally:
                alone.close()
            if told is None:
                return False
            message.take(told)
            return True
        return True

    def _tell(self) -> bool:
        """Have the next messages told, and their parts asked for; say whether there are any more."""
        if self._parts is not None:
            self._parts.close()
            self._parts = self._part = None
        self._planned = {}
        while not self._told:
            if self._stream is None and not self._plan():
                return False
            before = 0 if self._stream is None else self._stream.octets
            while self._stream is not None and self._has_room(self._stream.octets - before):
                message = self._stream.next()
                if message is None:
                    self._close_stream(self._stream)
                else:
                    self._told.append(message)
        self._size = min(self._size * 4, LARGEST_PIECE)
        self._ask_for_parts()
        return True

    def _has_room(self, octets: int) -> bool:
        """Whether one more message may be told of before those that were are given."""
        return not self._told or (len(self._told) < self._size and octets < PIECE_OCTETS)

    def _close_stream(self, stream: FetchStream) -> None:
        self.uidvalidity = stream.uidvalidity
        stream.close()
        self._stream = None

    def _plan(self) -> bool:
        """Begin with the next messages: by their sizes is decided what is asked of each."""
        uids = self._uids[self._asked : self._asked + self._chunk]
        if not uids:
            return False
        # Where the server's word on small messages can be foreseen, it is asked for of those only whose cannot.
        is_foreseen = bool(self.items.texts) and self._connection.profile.tells_as_written
        base = dataclasses.replace(self.items, texts=frozenset(), structure=self.items.structure and not is_foreseen)
        besides: dict[int, Items] = {}
        octets: dict[int, int] = {}
        if self.items.texts:
            self._octets = sizes = self._sizes(uids)
            besides = {uid: WHOLE if sizes[uid] <= SMALL else STRUCTURE for uid in uids}
            octets = {uid: size if size <= SMALL else STRUCTURE_OCTETS for uid, size in sizes.items()}
        self._stream = FetchStream(
            self._connection,
            self._mailbox,
            uids,
            base,
            uidvalidity=self.uidvalidity,
            first=self._first if not self._asked else None,
            besides=besides,
            octets=octets,
        )
        self._asked += len(uids)
        self._chunk = SIZES_AT_ONCE
        return True

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        stream = FetchStream(
            self._connection, self._mailbox, uids, SIZE, uidvalidity=self.uidvalidity, piece=LARGEST_PIECE
        )
        sizes = dict.fromkeys(uids, 0)
        try:
            while (message := stream.next()) is not None:
                sizes[message.uid] = message.size or 0
        finally:
            self._close_stream(stream)
        return sizes

    def _ask_for_parts(self) -> None:
        """Ask for the parts of the messages that were told of."""
        # Imported here, as in the registry of columns.
        from imapdb.mime.texts import wanted  # noqa: PLC0415
        from imapdb.sql.said import said  # noqa: PLC0415

        octets: dict[int, int] = {}
        for message in self._told:
            if message.body is not None:
                if self.items.structure and message.structure is None and not said(message).is_plain:
                    self._planned[message.uid] = STRUCTURE
                    octets[message.uid] = STRUCTURE_OCTETS
                continue
            tree = said(message).structure
            is_usable = tree is not None and tree.usable
            parts = wanted(tree, self.items.texts) if tree is not None and is_usable else []
            if not is_usable or len(parts) > MOST_SECTIONS:
                self._planned[message.uid] = WHOLE
                # Of unknown size it comes alone.
                octets[message.uid] = self._octets.get(message.uid) or message.size or PIECE_OCTETS
            elif parts:
                self._planned[message.uid] = Items(sections=tuple(part.section.encode("ascii") for part in parts))
                octets[message.uid] = sum(part.size or 0 for part in parts) + SECTION_OCTETS * len(parts)
        if self._planned:
            self._parts = FetchStream(
                self._connection,
                self._mailbox,
                list(self._planned),
                NOTHING,
                uidvalidity=self._known_uidvalidity,
                besides=self._planned,
                octets=octets,
                piece=LARGEST_PIECE,
            )

    @property
    def _known_uidvalidity(self) -> int | None:
        return self.uidvalidity if self._stream is None else self._stream.uidvalidity
