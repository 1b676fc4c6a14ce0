"""FETCH: messages asked for in bounded pieces, the next ones under way while one is read (RFC 3501 6.4.5)."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost, Error, ProtocolError, ServerRefused
from imapdb.imap import sets
from imapdb.imap.blocks import Block
from imapdb.imap.fetched import Fetched
from imapdb.imap.items import Items
from imapdb.imap.patience import Patience, has_taken_long
from imapdb.imap.piece import Piece, take_in
from imapdb.imap.wire import MAX_ANSWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Wire

__all__ = ["FetchStream", "Fetched", "Items"]

FIRST_PIECE = 100
LARGEST_PIECE = 1_000
PIECE_OCTETS = 2 * 1024 * 1024
# Pieces under way behind the one that is read: over a line of 40 ms one alone leaves the server waiting. Whoever wants
# no more than the first few, or whole messages, gets one.
AHEAD = 2
AHEAD_AT_FIRST = 1
# Where the messages before were larger than this allows, fewer are asked for together.
HEAVY_OCTETS = 8 * 1024 * 1024
# The largest message that is taken. SQLite holds no larger value.
MAX_MESSAGE = 1_000_000_000
# What is under way when nobody wants it any more is read and dropped up to here; beyond it the session is given up.
MAX_DROPPED = 16 * 1024 * 1024
SIZES_AT_ONCE = 10_000

_IS_PARTIAL = re.compile(rb"MESSAGELIMIT\b", re.IGNORECASE)
_MESSAGE_LIMIT = re.compile(r"MESSAGELIMIT=(\d{1,9})")


class FetchStream:
    """The messages with these UIDs, in this order, one at a time; those expunged meanwhile are passed over.

    With no items nothing is asked at all: `next` then yields bare UIDs, and `require` has the current message and all
    that follow fetched. Nor is anything asked where the server offers none of the items; save for UIDs that were never
    searched for (`uidvalidity` is None), as then FETCH alone tells which of them are there. A connection that drops is
    reopened and what was missing asked again, once where that brought nothing; what the server refuses for now is asked
    again shortly. Raises StaleMailbox where UIDVALIDITY is another than the UIDs were found under. `first` is how many
    messages are likely to be enough.

    `besides` are items that are asked of single messages only, in the same round trip; `octets` is then how much is
    expected of each message. `piece` is how many are asked for together at first, where nobody says how many are
    wanted.

    A message of which an item is left out or cannot be read is asked for once more, and then is a row without it.
    Raises ProtocolError where one may be missing because an answer could not be read.
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
        besides: Mapping[int, Items] | None = None,
        octets: Mapping[int, int] | None = None,
        piece: int | None = None,
    ) -> None:
        self._connection = connection
        self._mailbox = mailbox
        self._uidvalidity = uidvalidity
        self._was_searched = uidvalidity is not None
        self._is_to_refresh = not self._was_searched
        self._uids = uids
        self._asked = 0
        self._size = max(1, min(first or piece or FIRST_PIECE, LARGEST_PIECE))
        self._is_limited = first is not None
        self._besides: Mapping[int, Items] = besides or {}
        self._sizes: Mapping[int, int] = octets or {}
        self._messages = 0
        self._octets = 0
        # All of them have the items of now: `require` begins again at the current message.
        self._ahead: deque[Piece] = deque()
        self._piece: Piece | None = None
        self._place = 0
        self.items = items

    @property
    def uidvalidity(self) -> int | None:
        """The UIDVALIDITY of the messages; None where nothing was asked yet."""
        return self._uidvalidity

    @property
    def total(self) -> int:
        """How many messages it was asked for, those expunged meanwhile among them."""
        return len(self._uids)

    def next(self) -> Fetched | None:
        """Return the next message, or None at the end."""
        while True:
            piece = self._piece
            if piece is not None:
                uids, found, is_bare = piece.uids, piece.found, piece.is_bare
                while self._place < len(uids):
                    uid = uids[self._place]
                    self._place += 1
                    message = Fetched(uid) if is_bare else found.pop(uid, None)
                    if message is not None:
                        return message
            if self._advance() is None:
                return None

    def put_back(self, message: Fetched) -> None:
        """Have the message that `next` gave last come again."""
        if self._piece is not None:
            self._piece.found[message.uid] = message
            self._place -= 1

    @property
    def octets(self) -> int:
        """How many octets were told of messages so far."""
        return self._octets

    def provide(self, found: dict[int, Fetched]) -> None:
        """Take all messages as they were read already, under the UIDVALIDITY this stream was given."""
        self._ahead.append(Piece(0, self._uids, self.items, found=found, is_read=True))
        self._asked = len(self._uids)

    def require(self, items: Items, current: Fetched) -> None:
        """Have `items` too, from the current message on."""
        if self.items.covers(items):
            return
        self.items |= items
        piece = self._piece
        if piece is None:
            return
        self._drop_ahead()
        self._asked = piece.start + self._place - 1
        piece = self._advance()
        self._place = 1
        told = None if piece is None else piece.found.pop(current.uid, None)
        if told is not None:
            current.take(told)

    def close(self) -> None:
        """End: what is under way is read and dropped, so that the session stays in step."""
        self._asked = len(self._uids)
        self._piece = None
        self._drop_ahead()
        self._let_go()

    def park(self) -> None:
        """Read all that is under way, so that another command can be sent.

        Never raises: what went wrong is raised when its messages are asked for, by whoever asks for them.
        """
        for piece in self._ahead:
            try:
                self._collect(piece)
            except ConnectionLost:
                # Asked for again when its turn comes.
                continue
            except Error as error:
                piece.error = error

    def _advance(self) -> Piece | None:
        """Make the next piece the current one, with more under way behind it."""
        self._piece = None
        if not self._ahead and not self._plan():
            self._let_go()
            return None
        if self.items or self._besides:
            self._send_unsent()
            # Behind the first piece of a LIMIT nothing is sent: mostly nobody wants it.
            most = 1 if self._is_limited else 1 + (AHEAD if self._messages and not self._is_heavy else AHEAD_AT_FIRST)
            while len(self._ahead) < most and self._plan():
                self._send_unsent()
            self._complete(self._ahead[0])
        self._is_limited = False
        self._piece = self._ahead.popleft()
        self._place = 0
        return self._piece

    def _plan(self) -> bool:
        """Cut the next piece off the UIDs."""
        if self._asked >= len(self._uids):
            return False
        size = self._bearable()
        if self._is_heavy:
            size = min(size, self._count_within(PIECE_OCTETS))
        uids = self._uids[self._asked : self._asked + size]
        self._ahead.append(Piece(self._asked, uids, self.items, self._besides))
        self._asked += len(uids)
        self._size = min(self._size * 4, LARGEST_PIECE)
        return True

    @property
    def _is_heavy(self) -> bool:
        """Whether messages come whole, or in parts as large: then their octets are counted, not their number."""
        return self.items.body or bool(self._besides)

    def _bearable(self) -> int:
        """Say how many messages to ask for together, by what those before came to and what the server allows."""
        size = self._size
        if self._octets:
            # The words of a structure take twenty times its octets.
            most = HEAVY_OCTETS // 8 if self.items.structure or self._besides else HEAVY_OCTETS
            size = max(1, min(size, most * self._messages // self._octets))
        limits = [int(m[1]) for c in self._connection.capabilities if (m := _MESSAGE_LIMIT.fullmatch(c))]
        return max(1, min([size, *limits]))

    def _count_within(self, octets: int) -> int:
        """Say how many of the next messages come to `octets` together, one at least.

        Whole messages are cut by their sizes, which are asked for first: a thousand of them could be gigabytes.
        """
        uids = self._uids[self._asked : self._asked + self._size]
        if len(uids) > 1 and not self._sizes.keys() >= set(uids):
            self._learn_sizes()
        total = 0
        for count, uid in enumerate(uids):
            total += self._sizes[uid] if len(uids) > 1 else 0
            if count and total > octets:
                return count
        return len(uids)

    def _learn_sizes(self) -> None:
        """Ask for the sizes of the next messages: few at first, where a LIMIT may want no more."""
        count = SIZES_AT_ONCE if self._sizes else self._size
        uids = self._uids[self._asked : self._asked + count]
        stream = FetchStream(
            self._connection,
            self._mailbox,
            uids,
            Items(size=True),
            uidvalidity=self._uidvalidity,
            piece=LARGEST_PIECE,
        )
        sizes = dict.fromkeys(uids, 0)
        try:
            while (message := stream.next()) is not None:
                sizes[message.uid] = message.size or 0
        finally:
            stream.close()
        self._sizes = sizes
        self._uidvalidity = stream._uidvalidity

    def _send_unsent(self) -> None:
        """Send what is planned, and again what a lost session took with it."""
        try:
            for piece in self._ahead:
                if piece.selected is None and not piece.is_read:
                    self._send(piece)
        except ConnectionLost:
            # _complete sees that the session these pieces belonged to is gone, and asks again.
            return

    def _send(self, piece: Piece) -> None:
        missing = piece.missing
        if not missing:
            # A break that took no more than the end of the answer.
            piece.is_read = True
            return
        # The same, or a second one where two streams take turns.
        connection = self._connection = self._connection.beside(self, len(self._uids) - piece.start)
        if connection.streaming is not self:
            connection.free()
        wire = connection.wire
        # Known only now: another session may be another server behind the same name.
        piece.asked = piece.items.offered(connection.capabilities)
        if not piece.asked and not piece.besides and self._was_searched:
            piece.found.update((uid, Fetched(uid)) for uid in missing)
            piece.is_read = True
            return
        # UIDs nobody searched for may be of mail that came after the mailbox was opened.
        connection.enter(wire, self._mailbox, refresh=self._is_to_refresh)
        self._is_to_refresh = False
        connection.streaming = self
        piece.session = connection.opened
        piece.selected = connection.selected
        try:
            for items, uids in piece.alike(missing):
                command = items.command(connection.capabilities)
                for uid_set in sets.pieces(uids):
                    pending = wire.send("UID FETCH", uid_set, command)
                    if items.body or items.whole or items.sections:
                        pending.max_literal, pending.room = MAX_MESSAGE, MAX_MESSAGE + MAX_ANSWER
                    piece.pending.append((pending, items))
        except ConnectionLost:
            # Not sent is not read: without this, no answer under way would look like all of them read.
            piece.forget(self._uidvalidity)
            raise

    def _complete(self, piece: Piece) -> None:
        """Read the answers of a piece, asking again for what a lost connection or a refusal for now kept back."""
        patience = Patience()
        if piece.selected is not None and self._session(piece) is None:
            # It went down with an earlier piece: not a loss of its own.
            piece.forget(self._uidvalidity)
        while not piece.is_read or piece.error is not None:
            held = len(piece.found)
            try:
                if piece.error is not None:
                    raise piece.error
                if piece.selected is None:
                    self._send(piece)
                self._collect(piece)
            except Error as error:
                if len(piece.found) > held:
                    patience.note_progress()
                try:
                    patience.endure(error)
                except ConnectionLost:
                    if has_taken_long(error) or not piece.leave_undescribed():
                        raise
                    patience = Patience()
                piece.forget(self._uidvalidity)

    def _collect(self, piece: Piece) -> None:
        """Read the answers of a piece that was sent; nothing of it is under way any more, whatever comes of it."""
        if piece.selected is None or piece.is_read:
            return
        try:
            self._read_answers(piece)
            held = len(piece.found)
            while piece.has_to_be_asked_again():
                self._send(piece)
                self._read_answers(piece)
                if piece.is_partial and len(piece.found) <= held:
                    raise ProtocolError(
                        "the server says that it told a part (MESSAGELIMIT), and told nothing more", command="UID FETCH"
                    )
                held = len(piece.found)
            piece.note_undescribed()
            piece.is_read = True
        except ConnectionLost:
            piece.forget(self._uidvalidity)
            raise
        except Error as error:
            self._read_off(piece)
            piece.is_read, piece.error = True, error
            raise
        finally:
            if not piece.is_read:
                piece.drop_incomplete()

    def _read_answers(self, piece: Piece) -> None:
        places = [(frozenset(piece.uids), piece.found)]
        # With two commands under way, what answers the second may come early.
        places += [(frozenset(p.uids), p.found) for p in self._ahead if p is not piece and p.pending]
        messages = octets = 0
        blocks = {items: Block(*places[0], items) for _, items in piece.pending}
        while piece.pending:
            # Asked again for every command: another stream may have lost the session meanwhile.
            wire = self._connection.session(piece.session)
            pending, items = piece.pending[0]
            pending.take = blocks[items].take
            try:
                for response in wire.answer(pending):
                    if take_in(piece, response, places):
                        messages += 1
                        octets += sum(map(len, response))
            except ServerRefused:
                # Expunged while we were reading (RFC 5530): what is still there has been sent.
                if (pending.code or b"").upper() != b"EXPUNGEISSUED":
                    raise
            piece.is_partial |= _IS_PARTIAL.match(pending.code or b"") is not None
            piece.pending.popleft()
        piece.complete += sum(block.complete for block in blocks.values())
        messages += sum(block.messages for block in blocks.values())
        octets += sum(block.octets for block in blocks.values())
        if not piece.besides:
            before = self._connection.fetched.get(piece.asked, (0, 0))
            self._connection.fetched[piece.asked] = before[0] + messages, before[1] + octets
        self._messages += messages
        self._octets += octets
        if piece.selected is not None:
            self._uidvalidity = piece.selected.checked(self._uidvalidity)

    def _drop_ahead(self) -> None:
        under_way = sum(self._sizes.get(uid, 0) for piece in self._ahead if piece.pending for uid in piece.missing)
        for piece in self._ahead:
            if under_way > MAX_DROPPED and (wire := self._session(piece)) is not None:
                wire.close()
            self._read_off(piece)
        self._ahead.clear()

    def _read_off(self, piece: Piece) -> None:
        """Read what is under way for a piece and drop it; never raises what a server or a connection did."""
        while piece.pending:
            pending, _ = piece.pending.popleft()
            try:
                for _ in self._connection.session(piece.session).answer(pending):
                    pass
            except (ServerRefused, ProtocolError):
                # The next answer comes all the same; or the session is gone, and `session` says so.
                continue
            except ConnectionLost:
                piece.pending.clear()

    def _session(self, piece: Piece) -> Wire | None:
        try:
            return self._connection.session(piece.session)
        except ConnectionLost:
            return None

    def _let_go(self) -> None:
        self._connection.let_go(self)
