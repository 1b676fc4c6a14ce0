"""What a scan is going to ask for, decided before anything is sent, and for explain() alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from imapdb.sql.columns import COLUMNS
from imapdb.sql.criteria import Criteria, make_criteria
from imapdb.sql.plan import MAILBOX, UID, Plan

if TYPE_CHECKING:
    from imapdb.imap.fetch import Items
    from imapdb.imap.profiles import Profile
    from imapdb.sql.criteria import Argument
    from imapdb.sql.values import SQLValue
    from imapdb.sql.where import Where

__all__ = ["Recorder", "Request", "decide"]

_FREE = frozenset({UID, MAILBOX})


class Recorder(Protocol):
    """Whoever wants to know of scans without having them done: see sql/explain.py."""

    def tag(self, table: str, written: str) -> str:
        """Mark a plan offered to SQLite for a table, so that a scan by it can be told from every other."""

    def note(self, tagged: str, arguments: tuple[Argument, ...]) -> str:
        """Take note of a scan that would begin now; return the plan without its mark."""


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What a scan is going to ask for, decided before anything is sent.

    `items` are fetched with every message found, `constants` the columns whose value is known without. `first` is how
    many messages are likely to be enough (0: nobody says).
    """

    criteria: Criteria
    items: Items
    constants: dict[int, SQLValue]
    first: int = 0


def decide(plan: Plan, arguments: tuple[Argument, ...], where: Where | None, profile: Profile) -> Request:
    """Decide what a Filter call comes to on a server of that profile."""
    criteria = make_criteria(plan.terms, arguments[: len(plan.terms)], profile)
    if where is not None and not criteria.never:
        criteria.add_where(where, profile)
    constants = criteria.constants
    items = _foreseen(plan, criteria)
    if items.flags:
        # Flags are fetched anyway, and may have changed since the search: the newer ones count, in every column.
        criteria.tests += criteria.flag_tests
        constants = {}
    return Request(criteria, items, constants, _first(arguments[len(plan.terms) :]))


def _foreseen(plan: Plan, criteria: Criteria) -> Items:
    """Say what the rows will be asked for.

    SQLite names the columns a statement reads anywhere. Where every one of them is decided by the search already,
    none may be read at all (`SELECT count(*) … WHERE size < 6000`): then nothing is fetched until a value is
    asked for.
    """
    decided = {term.column for term in plan.terms if term.exact} | _FREE | criteria.constants.keys()
    items = criteria.items
    if not items and plan.used <= decided:
        return items
    for column in plan.used:
        if column not in criteria.constants:
            items |= COLUMNS[column].items
    return items


def _first(limits: tuple[Argument, ...]) -> int:
    """Read LIMIT and OFFSET as the size of the first piece; it never cuts, SQLite does."""
    limit, offset = (*limits, 0, 0)[:2]
    if not isinstance(limit, int) or limit <= 0:
        return 0
    return limit + (offset if isinstance(offset, int) and offset > 0 else 0)
