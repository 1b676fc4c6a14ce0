"""FETCH: messages asked for in bounded pieces, the next under way while one is read (RFC 3501 6.4.5)."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost, Error, ProtocolError, ServerRefused, StaleMailbox
from imapdb.imap import sets
from imapdb.imap.fetched import NOTHING, Fetched, Items, is_answer, read_fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.imap.connection import Connection, Selected
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Pending

__all__ = ["FetchStream", "Fetched", "Items"]

FIRST_PIECE = 100
LARGEST_PIECE = 1_000
PIECE_OCTETS = 2 * 1024 * 1024
SIZES_AT_ONCE = 10_000


@dataclasses.dataclass(slots=True)
class _Piece:
    """Messages asked for together, from place `start` of the stream's UIDs on.

    A piece is sent (`selected` is set: the mailbox and `session` it was sent in), then read (`is_read`). `asked` are
    those of its items that the server offers, `pending` its commands whose answers have not been read, `found` what has
    been. `error` is what reading it came to.
    """

    start: int
    uids: Sequence[int]
    items: Items
    asked: Items = NOTHING
    found: dict[int, Fetched] = dataclasses.field(default_factory=dict)
    pending: deque[Pending] = dataclasses.field(default_factory=deque)
    session: int = 0
    selected: Selected | None = None
    is_read: bool = False
    was_asked_again: bool = False
    error: Error | None = None


class FetchStream:
    """The messages with these UIDs, in this order, one at a time; those expunged meanwhile are passed over.

    With no items nothing is asked at all: `next` then yields bare UIDs, and `require` has the current message and all
    that follow fetched. Nor is anything asked where the server offers none of the items; save for UIDs that were never
    searched for (`uidvalidity` is None), as then FETCH alone tells which of them are there. A connection that drops is
    reopened and what was missing asked again, once per piece. Raises StaleMailbox where UIDVALIDITY is another than the
    UIDs were found under. `first` is how many messages are likely to be enough.
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
        self._uidvalidity = uidvalidity
        self._was_searched = uidvalidity is not None
        self._uids = uids
        self._asked = 0
        self._size = max(1, min(first or FIRST_PIECE, LARGEST_PIECE))
        self._is_limited = first is not None
        self._sizes: dict[int, int] = {}
        # All of them have the items of now: `require` begins again at the current message.
        self._ahead: deque[_Piece] = deque()
        self._piece: _Piece | None = None
        self._place = 0
        self.items = items

    def next(self) -> Fetched | None:
        """Return the next message, or None at the end."""
        while True:
            piece = self._piece
            if piece is not None:
                while self._place < len(piece.uids):
                    uid = piece.uids[self._place]
                    self._place += 1
                    found = piece.found.pop(uid, None) if piece.items else Fetched(uid)
                    if found is not None:
                        return found
            if self._advance() is None:
                return None

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

    def _advance(self) -> _Piece | None:
        """Make the next piece the current one, with one more under way behind it."""
        self._piece = None
        if not self._ahead and not self._plan():
            self._let_go()
            return None
        if self.items:
            self._send_unsent()
            # Behind the first piece of a LIMIT nothing is sent: mostly nobody wants it.
            if len(self._ahead) == 1 and not self._is_limited and self._plan():
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
        size = self._count_within(PIECE_OCTETS) if self.items.body else self._size
        uids = self._uids[self._asked : self._asked + size]
        self._ahead.append(_Piece(self._asked, uids, self.items))
        self._asked += len(uids)
        self._size = min(self._size * 4, LARGEST_PIECE)
        return True

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
        )
        stream._size = LARGEST_PIECE
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

    def _send(self, piece: _Piece) -> None:
        connection = self._connection
        missing = [uid for uid in piece.uids if uid not in piece.found]
        if not missing:
            # A break that took no more than the end of the answer.
            piece.is_read = True
            return
        if connection.streaming is not self:
            connection.free()
        wire = connection.wire
        # Known only now: another session may be another server behind the same name.
        piece.asked = piece.items.offered(connection.capabilities)
        if not piece.asked and self._was_searched:
            piece.found.update((uid, Fetched(uid)) for uid in missing)
            piece.is_read = True
            return
        connection.enter(wire, self._mailbox, refresh=False)
        connection.streaming = self
        piece.session = connection.opened
        piece.selected = connection.selected
        command = piece.asked.command(connection.capabilities)
        try:
            for uid_set in sets.pieces(missing):
                piece.pending.append(wire.send("UID FETCH", uid_set, command))
        except ConnectionLost:
            # Not sent is not read: without this, no answer under way would look like all of them read.
            self._forget(piece)
            raise

    def _complete(self, piece: _Piece) -> None:
        """Read the answers of a piece, asking once more for what a lost connection kept back."""
        for repeated in (False, True):
            try:
                if piece.selected is None and not piece.is_read:
                    self._send(piece)
                self._collect(piece)
            except ConnectionLost:
                if repeated:
                    raise
            else:
                break
        if piece.error is not None:
            raise piece.error

    def _collect(self, piece: _Piece) -> None:
        """Read the answers of a piece that was sent; nothing of it is under way any more, whatever comes of it."""
        if piece.selected is None or piece.is_read:
            return
        try:
            self._read_answers(piece)
            self._check(piece.selected)
            if self._drop_incomplete(piece) and not piece.was_asked_again:
                # Some servers leave an item out, or say NIL. Whoever answers twice gets a row, with NULL for that item.
                piece.was_asked_again = True
                self._send(piece)
                self._read_answers(piece)
            piece.is_read = True
        except ConnectionLost:
            self._forget(piece)
            raise
        except Exception:
            self._read_off(piece)
            piece.is_read = True
            raise
        finally:
            if not piece.is_read:
                self._drop_incomplete(piece)

    def _drop_incomplete(self, piece: _Piece) -> bool:
        """Drop what is no answer, and say whether there was any.

        Flags that another session changed come as FETCH too, even for messages of which nothing else was sent.
        """
        incomplete = [uid for uid, message in piece.found.items() if not is_answer(message, piece.asked)]
        for uid in incomplete:
            del piece.found[uid]
        return bool(incomplete)

    def _read_answers(self, piece: _Piece) -> None:
        places = [(frozenset(piece.uids), piece.found)]
        # With two commands under way, what answers the second may come early.
        places += [(frozenset(p.uids), p.found) for p in self._ahead if p is not piece and p.pending]
        messages, octets = self._connection.fetched.get(piece.asked, (0, 0))
        while piece.pending:
            # Asked again for every command: another stream may have lost the session meanwhile.
            wire = self._connection.session(piece.session)
            pending = piece.pending[0]
            try:
                for response in wire.answer(pending):
                    message = read_fetch(response)
                    if message is not None:
                        _put(places, message)
                        messages += 1
                        octets += sum(map(len, response))
            except ServerRefused:
                # Expunged while we were reading (RFC 5530): what is still there has been sent.
                if (pending.code or b"").upper() != b"EXPUNGEISSUED":
                    raise
            piece.pending.popleft()
        self._connection.fetched[piece.asked] = messages, octets

    def _forget(self, piece: _Piece) -> None:
        """Have a piece sent again; what was read stays, where it is known to be of the same UIDVALIDITY."""
        if piece.selected is None or piece.selected.uidvalidity != self._uidvalidity:
            piece.found.clear()
        piece.pending.clear()
        piece.selected = None

    def _drop_ahead(self) -> None:
        for piece in self._ahead:
            self._read_off(piece)
        self._ahead.clear()

    def _read_off(self, piece: _Piece) -> None:
        """Read what is under way for a piece and drop it; never raises what a server or a connection did."""
        while piece.pending:
            pending = piece.pending.popleft()
            try:
                for _ in self._connection.session(piece.session).answer(pending):
                    pass
            except (ServerRefused, ProtocolError):
                # The next answer comes all the same; or the session is gone, and `session` says so.
                continue
            except ConnectionLost:
                piece.pending.clear()

    def _let_go(self) -> None:
        if self._connection.streaming is self:
            self._connection.streaming = None

    def _check(self, selected: Selected) -> None:
        """Compare UIDVALIDITY with that of the EXAMINE a piece was asked under."""
        if self._uidvalidity is None:
            self._uidvalidity = selected.uidvalidity
        elif selected.uidvalidity != self._uidvalidity:
            raise StaleMailbox(
                f"mailbox {self._mailbox.name!r} was rebuilt: UIDVALIDITY {self._uidvalidity} became "
                f"{selected.uidvalidity}; run the statement again",
                command="UID FETCH",
            )


def _put(places: list[tuple[frozenset[int], dict[int, Fetched]]], message: Fetched) -> None:
    """Keep a message where it was asked for; a server may tell of one in several responses."""
    for uids, found in places:
        if message.uid in uids:
            held = found.setdefault(message.uid, message)
            if held is not message:
                held.take(message)
            return
