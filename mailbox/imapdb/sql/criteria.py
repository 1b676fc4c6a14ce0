"""The terms of one Filter call, with their values, as what to ask the server and what to decide here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

from imapdb.imap import keys
from imapdb.imap.fetch import Items
from imapdb.imap.sets import MAX_UID
from imapdb.sql.columns import COLUMNS, FLAGS
from imapdb.sql.narrowing import Narrowing
from imapdb.sql.plan import MAILBOX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imapdb.imap.fetch import Fetched
    from imapdb.imap.profiles import Profile
    from imapdb.sql.plan import Term
    from imapdb.sql.values import SQLValue
    from imapdb.sql.where import Where

__all__ = ["Argument", "Criteria", "accepts", "make_criteria"]

Argument: TypeAlias = "SQLValue | set[SQLValue]"
Test: TypeAlias = "tuple[int, Callable[[SQLValue], bool]]"

SHORT_RANGE = 100  # a range of so few UIDs is as good as a list of them
LARGEST_UID_SET = 2_000  # octets; a longer one is asked as a range and cut down here, so that one command is enough


@dataclasses.dataclass(slots=True)
class Criteria:
    """What a mailbox is searched for.

    `exact` and `narrowing` are keys: those that decide, and those that only narrow and may be left out. `uids` are the
    only ones wanted (None: all). `constants` are the columns whose value is known of every row found. `names` are the
    mailboxes wanted (None: all). `tests` decide, of a column's value, what SQLite was promised and no key can say.
    `flag_tests` decide on the flags again, for rows of which they are fetched anyway: they may have changed meanwhile.
    """

    never: bool = False
    exact: list[keys.Key] = dataclasses.field(default_factory=list)
    narrowing: list[keys.Key] = dataclasses.field(default_factory=list)
    uids: range | frozenset[int] | None = None
    constants: dict[int, SQLValue] = dataclasses.field(default_factory=dict)
    names: frozenset[str] | None = None
    tests: list[Test] = dataclasses.field(default_factory=list)
    flag_tests: list[Test] = dataclasses.field(default_factory=list)

    @property
    def is_uids_only(self) -> bool:
        """Whether the UIDs wanted are all listed and nothing else is asked: then FETCH alone finds them."""
        if self.uids is None or self.exact or self.narrowing:
            return False
        return isinstance(self.uids, frozenset) or len(self.uids) <= SHORT_RANGE

    @property
    def is_decided(self) -> bool:
        """Whether the server's own count of what it finds is right: nothing is left to decide here."""
        return self.is_listed and not self.tests and not self.narrowing

    @property
    def is_listed(self) -> bool:
        """Whether the key lists all of the UIDs wanted, and no others."""
        return not isinstance(self.uids, frozenset) or self._listed.octets <= LARGEST_UID_SET

    @property
    def _listed(self) -> keys.Key:
        return keys.uids(self.uids or {1})

    @property
    def items(self) -> Items:
        """What has to be fetched for the tests."""
        items = Items()
        for column, _ in self.tests:
            items |= COLUMNS[column].items
        return items

    def accepts(self, message: Fetched) -> bool:
        """Decide the tests for a message of which `items` were fetched."""
        return all(accepts(COLUMNS[column].value(message)) for column, accepts in self.tests)

    def key(self, *, narrowed: bool) -> keys.Key:
        """Make the one SEARCH key of it all."""
        wanted = [*self.exact, *(self.narrowing if narrowed else ())]
        if self.uids is not None:
            wanted.insert(0, self._uid_key())
        return keys.both(wanted)

    def _uid_key(self) -> keys.Key:
        if isinstance(self.uids, range):
            first, last = self.uids[0], self.uids[-1]
            return keys.ALL if (first, last) == (1, MAX_UID) else keys.uid_range(first, last)
        listed = self._listed
        if listed.octets <= LARGEST_UID_SET:
            return listed
        chosen = self.uids or {1}
        return keys.uid_range(min(chosen), max(chosen))

    def _restrict(self, uids: range | frozenset[int]) -> None:
        held = self.uids
        if held is None:
            self.uids = uids
        elif isinstance(held, range) and isinstance(uids, range):
            self.uids = range(max(held.start, uids.start), min(held.stop, uids.stop))
        else:
            listed, other = (held, uids) if isinstance(held, frozenset) else (uids, held)
            self.uids = frozenset(uid for uid in listed if uid in other)
        self.never |= not self.uids

    def add(self, term: Term, narrowing: Narrowing) -> None:
        """Take in one term."""
        self._add(term.column, narrowing, is_exact=term.exact)
        if narrowing.is_unproved and narrowing.accepts is not None:
            self.tests.append((term.column, narrowing.accepts))

    def add_where(self, where: Where, profile: Profile) -> None:
        """Take in what a whole WHERE clause says of every row, where it says the same in every mailbox.

        SQLite decides it once more.
        """
        if where.names_mailbox:
            return
        for column, narrowing, is_exact in where.parts(profile):
            self._add(column, narrowing, is_exact=is_exact and not narrowing.is_unproved)

    def within(self, where: Where, profile: Profile, mailbox: str) -> Criteria:
        """Give what is to be searched for in one mailbox, where the WHERE clause says something else of each."""
        if not where.names_mailbox:
            return self
        key = where.key(profile, mailbox)
        return dataclasses.replace(self, narrowing=[*self.narrowing, key])

    def _add(self, column: int | None, narrowing: Narrowing, *, is_exact: bool) -> None:
        self.never |= narrowing.never
        if narrowing.key is not None:
            (self.exact if is_exact else self.narrowing).append(narrowing.key)
        if narrowing.uids is not None:
            self._restrict(narrowing.uids)
        if column is None or not is_exact or narrowing.is_unproved:
            return
        if narrowing.constant is not None:
            self.constants[column] = narrowing.constant
        if narrowing.accepts is not None and COLUMNS[column].items == FLAGS:
            self.flag_tests.append((column, narrowing.accepts))


def make_criteria(terms: Sequence[Term], arguments: Sequence[Argument], profile: Profile) -> Criteria:
    """Put the terms together; NULL on the other side of an ordinary comparison leaves no row (SQL's three values)."""
    criteria = Criteria()
    for term, value in zip(terms, arguments, strict=False):
        if term.column == MAILBOX:
            wanted = _names(value if isinstance(value, set) else {value})
            if wanted is not None:
                criteria.names = wanted if criteria.names is None else criteria.names & wanted
            continue
        criteria.add(term, narrowing_of(term, value, profile))
    return criteria


def _names(values: set[SQLValue]) -> frozenset[str] | None:
    """Give the mailbox names among values; None where SQLite has to say how a number reads as a name.

    apsw hands over None for IN over an empty set, and for NULL: no mailbox either way. Nor is a BLOB a name.
    """
    if any(isinstance(value, float) for value in values):
        return None
    return frozenset(str(value) for value in values if isinstance(value, (str, int)))


def narrowing_of(term: Term, value: Argument, profile: Profile) -> Narrowing:
    """Translate one term with its value."""
    condition = COLUMNS[term.column].condition
    if term.is_set:
        if condition is None:
            return Narrowing()
        return condition.narrow_set(frozenset(value) if isinstance(value, set) else frozenset(), profile)
    if value is None and term.operator in NULL_REJECTING:
        return Narrowing(never=True)
    if condition is None or term.operator not in condition.operators or isinstance(value, set):
        return Narrowing()
    return condition.narrow(term.operator, value, profile)


NULL_REJECTING = frozenset({"=", "!=", "<", "<=", ">", ">=", "MATCH", "has_flag"})


def accepts(narrowing: Narrowing, value: SQLValue) -> bool:
    """Decide an exact term here, for rows that were not searched for it."""
    return not narrowing.never and (narrowing.accepts is None or narrowing.accepts(value))
