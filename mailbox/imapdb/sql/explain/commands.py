"""The commands of a loop, rehearsed by the code that sends them on a connection without a server, and their yield."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from typing import TYPE_CHECKING, Final

from imapdb.imap import keys
from imapdb.imap.rehearsal import Rehearsal
from imapdb.imap.status import can_list_statuses, list_with_statuses, statuses_of
from imapdb.sql.catalog import RESERVED, Numbered
from imapdb.sql.columns import COLUMNS
from imapdb.sql.counting import Counted
from imapdb.sql.explain.terms import ELSEWHERE
from imapdb.sql.kept import Kept
from imapdb.sql.listing import MailboxesScan
from imapdb.sql.plan import DECLARED, MAILBOX, Plan
from imapdb.sql.request import Request, decide
from imapdb.sql.scan import KEEP_FROM, MessageScan
from imapdb.sql.sources import numbers_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imapdb.imap.fetch import Items
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.status import Statuses
    from imapdb.sql.catalog import Catalog
    from imapdb.sql.criteria import Argument
    from imapdb.sql.dbapi import Connection
    from imapdb.sql.explain.loops import Loop, Reading
    from imapdb.sql.explain.terms import Known
    from imapdb.sql.tables import Tables

__all__ = ["Asked", "Estimate", "Rehearsed", "Rehearser"]

_IS_LISTING: Final = re.compile(r"(?:NAMESPACE|LIST|LSUB)\b")
MOST_MAILBOXES: Final = 50  # of which STATUS is asked, or whose commands are told apart
# Octets of an answer about one message, where this connection has not seen any such.
OCTETS: Final = {"flags": 60, "size": 40, "date": 60, "email_id": 50, "thread_id": 50, "labels": 60, "structure": 600}
FIELD_OCTETS: Final = 120
HEADER_OCTETS: Final = 4_000
TEXT_OCTETS: Final = 10_000
BODY_OCTETS: Final = 50_000


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """The commands sent for the first of some mailboxes, and for the others alike. For no mailbox: for the account."""

    mailboxes: tuple[str, ...]
    commands: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds: messages found, octets fetched; None where the server does not say enough.

    `is_extrapolated`: only the first mailboxes were asked about.
    """

    messages: int | None = None
    octets: int | None = None
    is_extrapolated: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a loop would ask. `is_kept`: its rows would be loaded once, for every row of the loops around it."""

    asked: tuple[Asked, ...]
    request: Request
    mailboxes: tuple[Mailbox, ...]
    items: Items
    is_kept: bool


class _Lister:
    """Lists nothing anew: what would be said is said to nobody, the mailboxes are those that are known."""

    explaining = None

    def __init__(self, imap: Rehearsal, tables: Tables) -> None:
        self._imap = imap
        self._tables = tables

    def refresh_with(self, items: Sequence[str]) -> tuple[Catalog, Statuses]:
        """Say what would list the mailboxes. Where numbers come along, they do so for all of them."""
        list_with_statuses(self._imap, items)
        catalog = self._tables.catalog
        told = bool(items) and can_list_statuses(self._imap)
        return catalog, {mailbox.name: {} for mailbox in catalog.selectable} if told else {}


class Rehearser:
    """Rehearses the loops of one statement, in their order, on one session."""

    def __init__(self, connection: Connection, reading: Reading) -> None:
        self._tables = connection.tables
        self._real = connection.imap
        self._reading = reading
        self._counting = connection.counts(reading.text, reading.parameters)
        self._imap = Rehearsal(connection.imap)
        self._statuses: dict[str, Mapping[str, int]] = {}

    def listed(self, loop: Loop) -> tuple[Asked, ...]:
        """Rehearse a scan of the table `mailboxes`: LIST, and STATUS where it tells what is read."""
        scan = MailboxesScan(self._imap, _Lister(self._imap, self._tables))
        self._imap.begin(())
        scan.Filter(0, loop.written, tuple(a for a in loop.arguments if loop.is_certain and not isinstance(a, set)))
        listing, said = self._split()
        count = sum(command.startswith("STATUS ") for command in said)
        if not count:
            return (listing,)
        names = [mailbox.name for mailbox in self._tables.catalog.selectable]
        return (listing, Asked(tuple(names[:count]), tuple(said[: len(said) - count + 1])))

    def messages(self, loop: Loop, plan: Plan, values: list[Known]) -> Rehearsed:
        """Rehearse a scan of messages."""
        known = {n: value for n, value in enumerate(values) if value is not ELSEWHERE}
        limit = loop.arguments[len(plan.terms) :] or (0,) * plan.limit
        where = self._reading.statement.where(loop.table)
        # What is asked whatever the rows of other tables hold.
        sure = dataclasses.replace(plan, terms=tuple(plan.terms[n] for n in known))
        arguments = (*known.values(), *limit)
        request = decide(sure, arguments, where, self._imap.profile)
        is_many = not loop.calls or loop.calls >= KEEP_FROM
        is_kept = len(known) < len(values) and is_many and Kept.can_keep(plan, frozenset(known))
        runs = [(sure.write(), arguments)]
        if is_kept:
            runs = [
                (plan.write(), (*(known.get(n, _made_up(plan, n, turn)) for n in range(len(values))), *limit))
                for turn in range(KEEP_FROM)
            ]
        everywhere = tuple(place.mailbox for place in self._tables.behind(loop.table))
        names = request.criteria.names
        wanted = tuple(mailbox for mailbox in everywhere if names is None or mailbox.name in names)
        found = () if request.criteria.uids is None else itertools.islice(request.criteria.uids, 2)
        uids = sorted(found) or [1, 2]
        differ = where is not None and where.names_mailbox
        groups: dict[tuple[str, ...], tuple[list[str], tuple[str, ...]]] = {}
        for number, mailbox in enumerate(wanted):
            if number and (not differ or number >= MOST_MAILBOXES):
                break
            said = self._run(loop, mailbox, runs, uids)
            alike = tuple(command for command in said if not command.startswith("EXAMINE "))
            groups.setdefault(alike, ([], said))[0].append(mailbox.name)
        if wanted and not differ:
            next(iter(groups.values()))[0][:] = [mailbox.name for mailbox in wanted]
        asked = [Asked(tuple(names), said) for names, said in groups.values() if said]
        if loop.table in RESERVED:
            asked.insert(0, self._listing(request))
        return Rehearsed(tuple(asked), request, wanted, self._items(loop, request, is_kept=is_kept), is_kept)

    def _listing(self, request: Request) -> Asked:
        self._imap.begin(())
        list_with_statuses(self._imap, numbers_wanted(request.criteria))
        return self._split()[0]

    def _split(self) -> tuple[Asked, list[str]]:
        """Part what was said into that which lists the mailboxes, and the rest."""
        said = self._imap.commands
        end = max((number for number, command in enumerate(said, 1) if _IS_LISTING.match(command)), default=0)
        return Asked((), tuple(said[:end])), said[end:]

    def _run(
        self, loop: Loop, mailbox: Mailbox, runs: Sequence[tuple[str, tuple[Argument, ...]]], uids: list[int]
    ) -> tuple[str, ...]:
        """Have a scan of one mailbox say what it would say, of FETCH the first command of each kind."""
        statement = self._reading.statement
        scan = MessageScan(
            self._imap,
            lambda _: [Numbered(1, mailbox)],
            of_all=loop.table in RESERVED,
            name=loop.table,
            statement=statement,
            where=statement.where(loop.table),
            counting=self._counting,
        )
        for written, arguments in runs:
            self._imap.begin(uids)
            with contextlib.suppress(Counted):
                scan.Filter(0, written, arguments)
        for place in self._reads(loop):
            # Where the search decides all that SQLite named, FETCH waits for a value that is read, and then for others.
            scan.Column(place)
        scan.Close()
        said: dict[str, str] = {}
        for command in self._imap.commands:
            is_fetch = command.startswith("UID FETCH ")
            said.setdefault(command.partition("(")[2] if is_fetch else command, command)
        return tuple(said.values())

    def _reads(self, loop: Loop) -> Iterable[int]:
        """Say which columns of a message a loop reads, as it goes on."""
        return () if loop.table == "attachments" else loop.reads

    def _items(self, loop: Loop, request: Request, *, is_kept: bool) -> Items:
        """Say what is fetched of each message, at once or when it is read."""
        items = request.items
        for place in self._reads(loop):
            column = DECLARED[place]
            if column not in request.constants and column != MAILBOX:
                items |= COLUMNS[column].items
        if is_kept:
            items = dataclasses.replace(items, body=False, header=False, texts=frozenset())
        return items.offered(self._imap.capabilities)

    # What it comes to.

    def estimate(self, rehearsed: Rehearsed, *, limit: int | None) -> Estimate:
        """Estimate what a scan finds and fetches. `limit` is there where nothing else ends it."""
        request = rehearsed.request
        if request.criteria.never or not rehearsed.mailboxes:
            return Estimate(0, 0)
        asked = rehearsed.mailboxes[:MOST_MAILBOXES]
        self._ask(asked)
        counts = [self._count(mailbox, request) for mailbox in asked]
        if any(count is None for count in counts):
            return Estimate()
        share = len(rehearsed.mailboxes) / len(asked)
        messages = round(sum(count or 0 for count in counts) * share)
        if limit is not None:
            messages = min(messages, limit)
        total = sum(self._statuses[mailbox.name].get("MESSAGES", 0) for mailbox in asked)
        size = sum(self._statuses[mailbox.name].get("SIZE", 0) for mailbox in asked)
        each = self._octets(rehearsed.items, size / total if size and total else BODY_OCTETS)
        return Estimate(messages, round(messages * each), share > 1)

    def _ask(self, mailboxes: Sequence[Mailbox]) -> None:
        unknown = [mailbox for mailbox in mailboxes if mailbox.name not in self._statuses]
        if unknown:
            # An estimate: not worth opening a mailbox anew for.
            self._statuses.update(statuses_of(self._real, unknown, ["MESSAGES", "UNSEEN", "SIZE"], renew=False))

    def _count(self, mailbox: Mailbox, request: Request) -> int | None:
        """Bound the messages that are found in a mailbox; None where the server does not say."""
        status = self._statuses.get(mailbox.name, {})
        if "MESSAGES" not in status:
            return None
        bounds = [status["MESSAGES"]]
        criteria = request.criteria
        if criteria.uids is not None:
            bounds.append(len(criteria.uids))
        for key in (*criteria.exact, *criteria.narrowing):
            for part in key.keys if key.joined == "and" else (key,):
                if part == keys.system_flag("seen", False) and "UNSEEN" in status:
                    bounds.append(status["UNSEEN"])
                elif part == keys.system_flag("seen", True) and "UNSEEN" in status:
                    bounds.append(status["MESSAGES"] - status["UNSEEN"])
        return max(0, min(bounds))

    def _octets(self, items: Items, body: float) -> float:
        """Estimate the octets of an answer: as seen on this connection, else as is usual."""
        if not items:
            return 0
        messages, octets = self._real.fetched.get(items, (0, 0))
        if messages:
            return octets / messages
        fixed = sum(number for name, number in OCTETS.items() if getattr(items, name))
        text = body if items.body else HEADER_OCTETS if items.header else FIELD_OCTETS * len(items.fields)
        if items.texts and not items.body:
            text += min(body, TEXT_OCTETS)
        return fixed + text


def _made_up(plan: Plan, n: int, turn: int) -> Argument:
    """Make a value for a term that is decided by a row of another table; another one each turn."""
    term = plan.terms[n]
    made: Argument = f"imapdb{turn}" if COLUMNS[term.column].sql_type == "TEXT" else turn + 1
    return {made} if term.is_set and not isinstance(made, set) else made
