"""A piece of a listing: messages asked for together, and what was told of them so far."""

from __future__ import annotations

import dataclasses
import operator
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap.fetched import Fetched, Unreadable, read_fetch
from imapdb.imap.items import NOTHING, Items, lacking, told
from imapdb.imap.sets import MAX_UID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imapdb.errors import Error
    from imapdb.imap.connection import Selected
    from imapdb.imap.wire import Pending, Response

__all__ = ["UNDESCRIBED", "UNREADABLE", "Piece", "take_in"]


# Each costs two sessions: a server that ends every one is not asked for long. pymap ends them over one in ten messages
# that were made to be odd.
MOST_UNDESCRIBED = 100
UNDESCRIBED = "BODYSTRUCTURE: the server ends the session over it"
UNREADABLE = "the server's answer about it: not readable"
_ITEMS = {
    "flags": "FLAGS",
    "size": "RFC822.SIZE",
    "date": "INTERNALDATE",
    "header": "header",
    "body": "message",
    "email_id": "EMAILID",
    "thread_id": "THREADID",
    "labels": "X-GM-LABELS",
    "structure": "BODYSTRUCTURE",
    "sections": "parts",
}


@dataclasses.dataclass(slots=True)
class Piece:
    """Messages asked for together, from place `start` of the stream's UIDs on.

    A piece is sent (`selected` is set: the mailbox and `session` it was sent in), then read (`is_read`). `asked` are
    those of its items that the server offers, `besides` what is asked of single messages more than that. `pending` are
    its commands whose answers have not been read, each with what it asks for, `found` what has been read; of `complete`
    of these all items were. `stray` is what was told that answers nothing, `unreadable` are those
    told of in a way nobody can read, `undescribed` those that are not asked for their structure, `is_partial` says that
    the server told no more than so many. `error` is what reading it came to.
    """

    start: int
    uids: Sequence[int]
    items: Items
    besides: Mapping[int, Items] = dataclasses.field(default_factory=dict)
    is_bare: bool = dataclasses.field(init=False)
    asked: Items = NOTHING
    found: dict[int, Fetched] = dataclasses.field(default_factory=dict)
    complete: int = 0
    pending: deque[tuple[Pending, Items]] = dataclasses.field(default_factory=deque)
    session: int = 0
    selected: Selected | None = None
    is_read: bool = False
    was_asked_again: bool = False
    is_partial: bool = False
    stray: ProtocolError | None = None
    unreadable: set[int] = dataclasses.field(default_factory=set)
    undescribed: set[int] = dataclasses.field(default_factory=set)
    error: Error | None = None

    def __post_init__(self) -> None:
        self.is_bare = not self.items and not self.besides

    @property
    def missing(self) -> list[int]:
        """Those of which nothing was told."""
        return [uid for uid in self.uids if uid not in self.found]

    def asked_of(self, uid: int) -> Items:
        """Say what is asked of one message."""
        more = self.besides.get(uid)
        items = self.asked if more is None else _together(self.asked, more)
        return dataclasses.replace(items, structure=False) if uid in self.undescribed else items

    def alike(self, uids: Iterable[int]) -> Iterable[tuple[Items, list[int]]]:
        """Group messages by what is asked of them."""
        groups: dict[Items, list[int]] = {}
        if not self.besides and not self.undescribed:
            groups[self.asked] = list(uids)
        else:
            for uid in uids:
                groups.setdefault(self.asked_of(uid), []).append(uid)
        return groups.items()

    def forget(self, uidvalidity: int | None) -> None:
        """Have a piece sent again; what was read stays, where it is known to be of the same UIDVALIDITY."""
        if self.selected is not None and self.selected.uidvalidity != uidvalidity:
            self.found.clear()
            self.complete = 0
        self.pending.clear()
        self.selected = None
        self.is_read = False
        self.error = None

    def leave_undescribed(self) -> bool:
        """Do without the structure of the message whose turn it was when the session was lost, again and again.

        GreenMail and pymap end it over structures they cannot tell. False where that cannot be the reason.
        """
        # What was asked for before it, and answered, may have gone down with the session: it is passed over here.
        described = (uids[0] for items, uids in self.alike(self.missing) if items.structure)
        uid = next(described, None)
        if uid is None or len(self.undescribed) >= MOST_UNDESCRIBED:
            return False
        self.undescribed.add(uid)
        return True

    def has_to_be_asked_again(self) -> bool:
        """Say whether some of a piece is still to be told. Raises ProtocolError where asking again was of no use."""
        stray, self.stray = self.stray, None
        was_partial, self.is_partial = self.is_partial, False
        if was_partial and self.missing:
            return True
        if self.was_asked_again:
            if stray is not None and not self.unreadable.issuperset(self.missing):
                raise stray
            # Some servers leave an item out, or say NIL. Whoever answers twice gets a row, with NULL for that item.
            self._drop_flags()
            self._note_problems()
            return False
        self.was_asked_again = self.drop_incomplete() or (stray is not None and bool(self.missing))
        return self.was_asked_again

    def drop_incomplete(self) -> bool:
        """Drop what is no answer, and say whether there was any.

        Flags that another session changed come as FETCH too, even for messages of which nothing else was sent.
        """
        if self.complete == len(self.found):
            return False
        dropped = [uid for uid, message in self.found.items() if lacking(self.asked_of(uid))(message)]
        for uid in dropped:
            del self.found[uid]
        return bool(dropped)

    def _note_problems(self) -> None:
        """Have messages say what was not told of them, even when it was asked for again."""
        for message in self.found.values():
            lost = [name for name in told(self.asked_of(message.uid)) if getattr(message, name) is None]
            message.problems += tuple(f"{_ITEMS[name]}: not told, or not readable" for name in lost)
        for uid in self.unreadable.intersection(self.missing):
            message = self.found[uid] = Fetched(uid)
            message.problems = (UNREADABLE,)

    def note_undescribed(self) -> None:
        """Have messages say that their structure was left out."""
        for uid in self.undescribed & self.found.keys():
            message = self.found[uid]
            message.structure = []
            message.problems += (UNDESCRIBED,)

    def _drop_flags(self) -> None:
        """Drop messages of which still nothing is told but flags, where others were asked for: they are gone."""
        if self.asked.flags:
            return
        for uid, message in list(self.found.items()):
            names = told(self.asked_of(uid))
            if message.flags is not None and names and all(getattr(message, name) is None for name in names):
                del self.found[uid]


_together = lru_cache(maxsize=1024)(operator.or_)


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
    if message.is_flags_only:
        return None
    return ProtocolError(
        f"the server told of message {min(message.uid, MAX_UID)}, which was not asked for, and not of all that were",
        command="UID FETCH",
    )


def take_in(piece: Piece, response: Response, places: list[tuple[frozenset[int], dict[int, Fetched]]]) -> bool:
    """Put what a response tells where it was asked for, and say whether it tells of a message that was."""
    try:
        message = read_fetch(response)
    except Unreadable as error:
        piece.stray = ProtocolError(str(error), command=error.command)
        if error.uid is not None:
            piece.unreadable.add(error.uid)
        return False
    if message is None:
        return False
    if not _put(places, message):
        piece.stray = _not_asked_for(message) or piece.stray
        return False
    return True
