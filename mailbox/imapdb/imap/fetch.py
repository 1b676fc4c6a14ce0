"""FETCH: messages asked for in bounded pieces, the next under way while one is read (RFC 3501 6.4.5)."""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost, Error, ProtocolError, ServerRefused, StaleMailbox
from imapdb.imap import sets
from imapdb.imap.fetched import NOTHING, Fetched, Items, Unreadable, read_fetch, told
from imapdb.imap.patience import Patience
from imapdb.imap.sets import MAX_UID
from imapdb.imap.wire import MAX_ANSWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.imap.connection import Connection, Selected
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Pending, Wire

__all__ = ["FetchStream", "Fetched", "Items"]

FIRST_PIECE = 100
LARGEST_PIECE = 1_000
PIECE_OCTETS = 2 * 1024 * 1024
# Where the messages before were larger than this allows, fewer are asked for together.
HEAVY_OCTETS = 8 * 1024 * 1024
# The largest message that is taken. SQLite holds no larger value.
MAX_MESSAGE = 1_000_000_000
# What is under way when nobody wants it any more is read and dropped up to here; beyond it the session is given up.
MAX_DROPPED = 16 * 1024 * 1024
SIZES_AT_ONCE = 10_000

_IS_PARTIAL = re.compile(rb"MESSAGELIMIT\b", re.IGNORECASE)
_MESSAGE_LIMIT = re.compile(r"MESSAGELIMIT=(\d{1,9})")


@dataclasses.dataclass(slots=True)
class _Piece:
    """Messages asked for together, from place `start` of the stream's UIDs on.

    A piece is sent (`selected` is set: the mailbox and `session` it was sent in), then read (`is_read`). `asked` are
    those of its items that the server offers, `pending` its commands whose answers have not been read, `found` what has
    been. `stray` is what was told that answers nothing, `unreadable` are those told of in a way nobody can read,
    `is_partial` says that the server told no more than so many. `error` is what reading it came to.
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
    is_partial: bool = False
    stray: ProtocolError | None = None
    unreadable: set[int] = dataclasses.field(default_factory=set)
    error: Error | None = None

    @property
    def missing(self) -> list[int]:
        """Those of which nothing was told."""
        return [uid for uid in self.uids if uid not in self.found]


class FetchStream:
    """The messages with these UIDs, in this order, one at a time; those expunged meanwhile are passed over.

    With no items nothing is asked at all: `next` then yields bare UIDs, and `require` has the current message and all
    that follow fetched. Nor is anything asked where the server offers none of the items; save for UIDs that were never
    searched for (`uidvalidity` is None), as then FETCH alone tells which of them are there. A connection that drops is
    reopened and what was missing asked again, once where that brought nothing; what the server refuses for now is asked
    again shortly. Raises StaleMailbox where UIDVALIDITY is another than the UIDs were found under. `first` is how many
    messages are likely to be enough.

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
        self._messages = 0
        self._octets = 0
        # All of them have the items of now: `require` begins again at the current message.
        self._ahead: deque[_Piece] = deque()
        self._piece: _Piece | None = None
        self._place = 0
        self.items = items

    @property
    def total(self) -> int:
        """How many messages it was asked for, those expunged meanwhile among them."""
        return len(self._uids)

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
        size = self._count_within(PIECE_OCTETS) if self.items.body else self._bearable()
        uids = self._uids[self._asked : self._asked + size]
        self._ahead.append(_Piece(self._asked, uids, self.items))
        self._asked += len(uids)
        self._size = min(self._size * 4, LARGEST_PIECE)
        return True

    def _bearable(self) -> int:
        """Say how many messages to ask for together, by what those before came to and what the server allows."""
        size = self._size
        if self._octets:
            size = max(1, min(size, HEAVY_OCTETS * self._messages // self._octets))
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
        missing = piece.missing
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
                pending = wire.send("UID FETCH", uid_set, command)
                if piece.asked.body:
                    pending.max_literal, pending.room = MAX_MESSAGE, MAX_MESSAGE + MAX_ANSWER
                piece.pending.append(pending)
        except ConnectionLost:
            # Not sent is not read: without this, no answer under way would look like all of them read.
            self._forget(piece)
            raise

    def _complete(self, piece: _Piece) -> None:
        """Read the answers of a piece, asking again for what a lost connection or a refusal for now kept back."""
        patience = Patience()
        if piece.selected is not None and self._session(piece) is None:
            # It went down with an earlier piece: not a loss of its own.
            self._forget(piece)
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
                patience.endure(error)
                self._forget(piece)

    def _collect(self, piece: _Piece) -> None:
        """Read the answers of a piece that was sent; nothing of it is under way any more, whatever comes of it."""
        if piece.selected is None or piece.is_read:
            return
        try:
            self._read_answers(piece)
            held = len(piece.found)
            while self._has_to_ask_again(piece):
                self._send(piece)
                self._read_answers(piece)
                if piece.is_partial and len(piece.found) <= held:
                    raise ProtocolError(
                        "the server says that it told a part (MESSAGELIMIT), and told nothing more", command="UID FETCH"
                    )
                held = len(piece.found)
            piece.is_read = True
        except ConnectionLost:
            self._forget(piece)
            raise
        except Error as error:
            self._read_off(piece)
            piece.is_read, piece.error = True, error
            raise
        finally:
            if not piece.is_read:
                self._drop_incomplete(piece)

    def _has_to_ask_again(self, piece: _Piece) -> bool:
        """Say whether some of a piece is still to be told. Raises ProtocolError where asking again was of no use."""
        stray, piece.stray = piece.stray, None
        was_partial, piece.is_partial = piece.is_partial, False
        if was_partial and piece.missing:
            return True
        if piece.was_asked_again:
            if stray is not None and not piece.unreadable.issuperset(piece.missing):
                raise stray
            # Some servers leave an item out, or say NIL. Whoever answers twice gets a row, with NULL for that item.
            self._drop_flags(piece)
            piece.found.update((uid, Fetched(uid)) for uid in piece.unreadable.intersection(piece.missing))
            return False
        piece.was_asked_again = self._drop_incomplete(piece) or (stray is not None and bool(piece.missing))
        return piece.was_asked_again

    def _drop_incomplete(self, piece: _Piece) -> bool:
        """Drop what is no answer, and say whether there was any.

        Flags that another session changed come as FETCH too, even for messages of which nothing else was sent.
        """
        names = told(piece.asked)
        dropped = [uid for uid, message in piece.found.items() if any(getattr(message, n) is None for n in names)]
        for uid in dropped:
            del piece.found[uid]
        return bool(dropped)

    def _drop_flags(self, piece: _Piece) -> None:
        """Drop messages of which still nothing is told but flags, where others were asked for: they are gone."""
        names = told(piece.asked)
        if piece.asked.flags or not names:
            return
        for uid, message in list(piece.found.items()):
            if message.flags is not None and all(getattr(message, name) is None for name in names):
                del piece.found[uid]

    def _read_answers(self, piece: _Piece) -> None:
        places = [(frozenset(piece.uids), piece.found)]
        # With two commands under way, what answers the second may come early.
        places += [(frozenset(p.uids), p.found) for p in self._ahead if p is not piece and p.pending]
        messages = octets = 0
        while piece.pending:
            # Asked again for every command: another stream may have lost the session meanwhile.
            wire = self._connection.session(piece.session)
            pending = piece.pending[0]
            try:
                for response in wire.answer(pending):
                    try:
                        message = read_fetch(response)
                    except Unreadable as error:
                        piece.stray = ProtocolError(str(error), command=error.command)
                        if error.uid is not None:
                            piece.unreadable.add(error.uid)
                        continue
                    if message is None:
                        continue
                    if not _put(places, message):
                        piece.stray = _not_asked_for(message) or piece.stray
                        continue
                    messages += 1
                    octets += sum(map(len, response))
            except ServerRefused:
                # Expunged while we were reading (RFC 5530): what is still there has been sent.
                if (pending.code or b"").upper() != b"EXPUNGEISSUED":
                    raise
            piece.is_partial |= _IS_PARTIAL.match(pending.code or b"") is not None
            piece.pending.popleft()
        before = self._connection.fetched.get(piece.asked, (0, 0))
        self._connection.fetched[piece.asked] = before[0] + messages, before[1] + octets
        self._messages += messages
        self._octets += octets
        if piece.selected is not None:
            self._check(piece.selected)

    def _forget(self, piece: _Piece) -> None:
        """Have a piece sent again; what was read stays, where it is known to be of the same UIDVALIDITY."""
        if piece.selected is not None and piece.selected.uidvalidity != self._uidvalidity:
            piece.found.clear()
        piece.pending.clear()
        piece.selected = None
        piece.is_read = False
        piece.error = None

    def _drop_ahead(self) -> None:
        under_way = sum(self._sizes.get(uid, 0) for piece in self._ahead if piece.pending for uid in piece.missing)
        for piece in self._ahead:
            if under_way > MAX_DROPPED and (wire := self._session(piece)) is not None:
                wire.close()
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

    def _session(self, piece: _Piece) -> Wire | None:
        try:
            return self._connection.session(piece.session)
        except ConnectionLost:
            return None

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


def _put(places: list[tuple[frozenset[int], dict[int, Fetched]]], message: Fetched) -> bool:
    """Keep a message where it was asked for; a server may tell of one in several responses. False: nobody asked."""
    for uids, found in places:
        if message.uid in uids:
            held = found.setdefault(message.uid, message)
            if held is not message:
                held.take(message)
            return True
    return False


def _not_asked_for(message: Fetched) -> ProtocolError | None:
    """Give the error there may be in a message that was not asked for; flags are told of any at any time."""
    if message.size is None and message.date is None and message.header is None and message.body is None:
        return None
    return ProtocolError(
        f"the server told of message {min(message.uid, MAX_UID)}, which was not asked for, and not of all that were",
        command="UID FETCH",
    )
