"""Where the rows of a scan come from: mailbox by mailbox, searched some ahead, each as a stream of messages."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from imapdb.errors import ProtocolError, ServerRefused
from imapdb.imap import keys
from imapdb.imap.survey import Surveyed, can_survey, count_each, fetch_each, search_each
from imapdb.sql.arrivals import count_between, find_arranged
from imapdb.sql.bodies import MessageStream
from imapdb.sql.coverage import Coverage
from imapdb.sql.find import count, find, found_of
from imapdb.sql.order import arranged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imapdb.errors import Error
    from imapdb.imap.connection import Connection
    from imapdb.imap.fetch import Fetched
    from imapdb.imap.keys import Key
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.arrivals import Bound
    from imapdb.sql.catalog import Numbered
    from imapdb.sql.criteria import Criteria
    from imapdb.sql.find import Found
    from imapdb.sql.order import Order
    from imapdb.sql.request import Request
    from imapdb.sql.statement import Statement
    from imapdb.sql.where import Where

__all__ = ["Source", "Sources", "numbers_wanted"]

T = TypeVar("T")

# How many mailboxes are searched together: one at first, as a LIMIT may want no more.
GROWTH: Final = 4
MOST_AHEAD: Final = 32
# So that what was found ahead, four octets a message, stays small.
MOST_MESSAGES: Final = 500_000
# Of how many messages a mailbox is fetched together with others, and how many are fetched together.
FEW: Final = 100
MOST_FETCHED: Final = 1_000


class Source(NamedTuple):
    """A mailbox, its messages from the second on, and the first of them."""

    number: int
    mailbox: Mailbox
    stream: MessageStream
    first: Fetched
    uidvalidity: int | None


class Sources:
    """The mailboxes of a table. `of_all` says that it is `messages`, which goes on without those it cannot read."""

    def __init__(
        self,
        connection: Connection,
        behind: Callable[[Sequence[str]], Sequence[Numbered]],
        *,
        of_all: bool,
        statement: Statement | None,
        where: Where | None,
    ) -> None:
        self._connection = connection
        self._behind = behind
        self._of_all = of_all
        self._statement = statement
        self._where = where
        self._coverage = Coverage() if statement is None or not of_all else statement.coverage
        self._may_survey = True

    def streams(self, request: Request, order: Order) -> Iterator[Source]:
        """Yield each mailbox in which there is a message. The stream of the one before has to be at its end by then."""
        is_fetching = bool(request.items)
        for group in self._searched(request.criteria, is_fetching=is_fetching, survey=search_each):
            fetched = {} if order else self._fetched(group, request)
            for place, criteria, surveyed in group:
                mailbox = place.mailbox
                try:
                    if surveyed is not None:
                        found = found_of(criteria, surveyed.uids, surveyed.uidvalidity)
                    else:
                        found = self._found(mailbox, criteria, order, is_fetching=is_fetching)
                    if not found.uids:
                        # Not asked, where no message of it could be wanted.
                        if found.uidvalidity is not None:
                            self._coverage.note_read(mailbox.name)
                        continue
                    stream = MessageStream(
                        self._connection,
                        mailbox,
                        found.uids,
                        request.items,
                        uidvalidity=found.uidvalidity,
                        first=request.first or None,
                    )
                    if place.number in fetched:
                        stream.provide(fetched.pop(place.number))
                    first = _begun(stream)
                except (ServerRefused, ProtocolError) as error:
                    self._leave_out(mailbox, error, criteria)
                    continue
                self._coverage.note_read(mailbox.name)
                if first is not None:
                    yield Source(place.number, mailbox, stream, first, found.uidvalidity)
        self._end(request.criteria)

    def _found(self, mailbox: Mailbox, criteria: Criteria, order: Order, *, is_fetching: bool) -> Found:
        """Search one mailbox; what is found is in that order."""
        found = find_arranged(self._connection, mailbox, criteria, order)
        if found is None:
            patience = self._coverage.patience()
            found = find(self._connection, mailbox, criteria, fetching=is_fetching, patience=patience)
            found = found._replace(uids=arranged(self._connection, mailbox, found, order))
        return found

    def _fetched(
        self, group: Sequence[tuple[Numbered, Criteria, Surveyed | None]], request: Request
    ) -> dict[int, dict[int, Fetched]]:
        """Fetch the messages of mailboxes where few were found, together; by the number of the mailbox."""
        items = request.items
        if not items or items.is_large or items.structure or request.first:
            return {}
        asked: dict[int, tuple[Mailbox, Surveyed]] = {}
        total = 0
        for place, criteria, surveyed in group:
            if surveyed is None:
                continue
            uids = found_of(criteria, surveyed.uids, surveyed.uidvalidity).uids
            if 0 < len(uids) <= FEW and total + len(uids) <= MOST_FETCHED:
                asked[place.number] = (place.mailbox, Surveyed(uids, surveyed.uidvalidity))
                total += len(uids)
        if len(asked) < 2:  # noqa: PLR2004 - one is fetched as it is
            return {}
        told = fetch_each(self._connection, list(asked.values()), items)
        return {number: found for number, found in zip(asked, told, strict=True) if found is not None}

    def count(self, criteria: Criteria) -> int:
        """Have the server count the messages, for criteria that it decides alone."""
        total = 0
        for place, _, told in itertools.chain.from_iterable(
            self._searched(criteria, is_fetching=False, survey=count_each)
        ):
            mailbox = place.mailbox
            try:
                if told is not None:
                    total += told
                else:
                    total += count(self._connection, mailbox, criteria, patience=self._coverage.patience())
            except (ServerRefused, ProtocolError) as error:
                self._leave_out(mailbox, error, criteria)
                continue
            self._coverage.note_read(mailbox.name)
        self._end(criteria)
        return total

    def count_between(self, criteria: Criteria, bounds: Sequence[Bound]) -> int | None:
        """Count the messages of one mailbox within bounds of `created`; None where the server is no help with it."""
        if self._of_all:
            return None
        (place,) = self._behind(())
        return count_between(self._connection, place.mailbox, criteria, bounds)

    def _searched(
        self,
        criteria: Criteria,
        *,
        is_fetching: bool,
        survey: Callable[[Connection, Sequence[tuple[Mailbox, Key]]], Sequence[T | None]],
    ) -> Iterator[list[tuple[Numbered, Criteria, T | None]]]:
        """Yield the mailboxes wanted, some at a time, each with what to search it for, and with what was found."""
        places = self._wanted(criteria)
        size = 1
        while ahead := list(itertools.islice(places, size)):
            size = min(size * GROWTH, MOST_AHEAD)
            for group in _within(ahead, MOST_MESSAGES):
                wanted = [self._criteria_of(criteria, place.mailbox) for place in group]
                asked = {
                    place.number: (place.mailbox, key)
                    for place, one in zip(group, wanted, strict=True)
                    if (key := one.key(narrowed=True)) != keys.NOTHING and can_survey(place.mailbox, key)
                }
                found: dict[int, T | None] = {}
                if len(asked) > 1 and self._may_survey and not (is_fetching and criteria.is_uids_only):
                    found = dict(zip(asked, survey(self._connection, list(asked.values())), strict=True))
                    # Where it brings nothing, it is not worth a third command to each.
                    self._may_survey = any(told is not None for told in found.values())
                yield [(place, one, found.get(place.number)) for place, one in zip(group, wanted, strict=True)]

    def _wanted(self, criteria: Criteria) -> Iterator[Numbered]:
        for place in self._behind(numbers_wanted(criteria) if self._of_all else ()):
            name = place.mailbox.name
            if criteria.names is not None and name not in criteria.names:
                continue
            if place.messages == 0:
                self._coverage.note_read(name)
            elif not self._coverage.is_left_out(name):
                yield place

    def _criteria_of(self, criteria: Criteria, mailbox: Mailbox) -> Criteria:
        if self._where is None:
            return criteria
        return criteria.within(self._where, self._connection.profile, mailbox.name)

    def _leave_out(self, mailbox: Mailbox, error: Error, criteria: Criteria) -> None:
        """Go on without a mailbox, unless it was asked for by its name."""
        is_chosen = criteria.names is not None or (self._where is not None and self._where.names_mailbox)
        is_named = is_chosen and (self._statement is None or self._statement.names(mailbox.name))
        if not self._of_all or is_named:
            raise error
        self._coverage.leave_out(mailbox.name, error)

    def _end(self, criteria: Criteria) -> None:
        if criteria.names is None:
            self._coverage.require_any()


def numbers_wanted(criteria: Criteria) -> tuple[str, ...]:
    """Say what STATUS should tell of the mailboxes of `messages`: an empty one need not be entered."""
    return ("MESSAGES",) if criteria.names is None and not criteria.never else ()


def _begun(stream: MessageStream) -> Fetched | None:
    try:
        return stream.next()
    except BaseException:
        stream.close()
        raise


def _within(places: Sequence[Numbered], most: int) -> Iterator[list[Numbered]]:
    """Part mailboxes into groups that hold no more messages than that, as far as it is known."""
    group: list[Numbered] = []
    total = 0
    for place in places:
        total += place.messages or 0
        if group and total > most:
            yield group
            group, total = [], place.messages or 0
        group.append(place)
    if group:
        yield group
