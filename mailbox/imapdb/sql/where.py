"""A whole WHERE clause, and the one SEARCH key that every row it lets through satisfies.

SQLite hands a table only the terms that all rows must satisfy, one by one. The tree, read from the statement's text,
knows of OR and NOT too. It only ever narrows: SQLite decides each row itself.

A condition of SQL is true, false or NULL. The key for "not true" is made from the leaves up, never by NOT of a key: a
key that finds more than it should would then hide rows.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.imap import keys
from imapdb.sql.columns import COLUMNS, by_name
from imapdb.sql.conditions import FlagTerm, KeywordTerm, UidTerm, refuse_breaks
from imapdb.sql.narrowing import EVERY, NEVER, Narrowing
from imapdb.sql.tree import All, AnyOf, Constant, Is, Leaf, Node, Not, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.imap.keys import Key
    from imapdb.imap.profiles import Profile
    from imapdb.sql.narrowing import Condition
    from imapdb.sql.tree import Parameters
    from imapdb.sql.values import SQLValue

__all__ = ["Part", "Where"]

MAILBOX: Final = by_name()["mailbox"]


class _Outcome(Enum):
    """What a condition is to be for a row to be wanted."""

    TRUE = "true"
    FALSE = "false"
    NOT_TRUE = "false or NULL"
    NOT_FALSE = "true or NULL"


_OPPOSITE: Final = {
    _Outcome.TRUE: _Outcome.FALSE,
    _Outcome.FALSE: _Outcome.TRUE,
    _Outcome.NOT_TRUE: _Outcome.NOT_FALSE,
    _Outcome.NOT_FALSE: _Outcome.NOT_TRUE,
}
_STRICT: Final = {
    _Outcome.TRUE: _Outcome.TRUE,
    _Outcome.FALSE: _Outcome.FALSE,
    _Outcome.NOT_TRUE: _Outcome.FALSE,
    _Outcome.NOT_FALSE: _Outcome.TRUE,
}
_NEGATED: Final = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "IS": "IS NOT",
    "IS NOT": "IS",
    "IS NULL": "IS NOT NULL",
    "IS NOT NULL": "IS NULL",
    "has_flag": "NOT has_flag",
}
# True or false even of NULL.
_NULL_SAFE: Final = frozenset({"IS", "IS NOT", "IS NULL", "IS NOT NULL"})


class Part(NamedTuple):
    """One of the conditions that every row must satisfy: of one column (None: of several), and what it says."""

    column: int | None
    narrowing: Narrowing
    is_exact: bool


class Where:
    """A tree with the values of one run of the statement."""

    def __init__(self, node: Node, parameters: Parameters) -> None:
        self._node = node
        self._parameters = parameters
        self.names_mailbox = any(leaf.column == MAILBOX for leaf in leaves(node))

    def parts(self, profile: Profile, mailbox: str | None = None) -> Iterator[Part]:
        """Yield the conditions that every row of `mailbox` must satisfy (None: of any mailbox).

        Raises UnsendableValue for CR, LF and NUL in a text to search for.
        """
        try:
            return iter(list(_Reading(self._parameters, profile, mailbox).parts(self._node, _Outcome.TRUE)))
        except RecursionError:
            # Read where there was more room on the stack: SQLite decides alone.
            return iter(())

    def key(self, profile: Profile, mailbox: str | None = None) -> Key:
        """Make one key of it all; `NOTHING` where no row can satisfy it."""
        return keys.both(_key_of(part.narrowing) for part in self.parts(profile, mailbox))


class _Reading:
    """A tree as one server and one mailbox take it."""

    def __init__(self, parameters: Parameters, profile: Profile, mailbox: str | None) -> None:
        self._parameters = parameters
        self._profile = profile
        self._mailbox = mailbox

    def parts(self, node: Node, outcome: _Outcome) -> Iterator[Part]:
        match node:
            case Not(inner):
                yield from self.parts(inner, _OPPOSITE[outcome])
            case Is(inner, truth):
                yield from self.parts(inner, _of_is(outcome, truth=truth))
            case All(nodes) if outcome in (_Outcome.TRUE, _Outcome.NOT_FALSE):
                for inner in nodes:
                    yield from self.parts(inner, outcome)
            case AnyOf(nodes) if outcome in (_Outcome.FALSE, _Outcome.NOT_TRUE):
                for inner in nodes:
                    yield from self.parts(inner, outcome)
            case All(nodes) | AnyOf(nodes):
                yield Part(None, Narrowing(key=self._any_of(nodes, outcome)), is_exact=False)
            case Constant(value) if not _is_possible(value, outcome):
                yield Part(None, NEVER, is_exact=True)
            case Leaf() as leaf if (condition := COLUMNS[leaf.column].condition) is not None:
                yield Part(leaf.column, self._leaf(leaf, condition, outcome), condition.exact)

    def _any_of(self, nodes: tuple[Node, ...], outcome: _Outcome) -> Key:
        if not self._profile.takes_or:
            return keys.ALL
        return keys.either(keys.both(_key_of(part.narrowing) for part in self.parts(node, outcome)) for node in nodes)

    def _leaf(self, leaf: Leaf, condition: Condition, outcome: _Outcome) -> Narrowing:
        """Say which rows may give the term this outcome."""
        values = [value.of(self._parameters) for value in leaf.values]
        for value in values:
            refuse_breaks(COLUMNS[leaf.column].name, condition, value)
        if leaf.column == MAILBOX:
            return self._name(leaf.operator, values, outcome)
        if leaf.operator == "IN":
            return self._set(values, condition, outcome)
        value = values[0] if values else None
        strict = _STRICT[outcome]
        if leaf.operator not in _NULL_SAFE:
            if value is None:
                return NEVER if outcome == strict else EVERY
            can_be_null = not isinstance(condition, (FlagTerm, UidTerm, KeywordTerm)) or (
                isinstance(condition, KeywordTerm) and not isinstance(value, str)
            )
            if can_be_null and outcome != strict:
                return EVERY
        operator = leaf.operator if strict == _Outcome.TRUE else _NEGATED.get(leaf.operator)
        known = condition.operators | ({"NOT has_flag"} if isinstance(condition, KeywordTerm) else set())
        return EVERY if operator is None or operator not in known else condition.narrow(operator, value, self._profile)

    def _set(self, values: list[SQLValue], condition: Condition, outcome: _Outcome) -> Narrowing:
        held = frozenset(value for value in values if value is not None)
        if outcome == _Outcome.TRUE:
            if not held:
                return NEVER
            return condition.narrow_set(held, self._profile) if condition.takes_sets else EVERY
        if outcome == _Outcome.FALSE and len(held) < len(set(values)):
            # Beside a NULL in the list no value is known not to be in it.
            return NEVER
        if outcome == _Outcome.FALSE and isinstance(condition, FlagTerm):
            return Narrowing(key=keys.both(_key_of(condition.narrow("!=", v, self._profile)) for v in held))
        return EVERY

    def _name(self, operator: str, values: list[SQLValue], outcome: _Outcome) -> Narrowing:
        """Decide a term on the mailbox: its name is known, and never NULL."""
        if self._mailbox is None or any(isinstance(value, float) for value in values):
            return EVERY
        same = [self._mailbox == (str(int(v)) if isinstance(v, int) else v) for v in values if v is not None]
        has_null = len(same) < len(values)
        truth: bool | None
        match operator:
            case "IN":
                truth = True if any(same) else None if has_null else False
            case "=" | "!=":
                truth = None if has_null else same[0] == (operator == "=")
            case "IS" | "IS NOT":
                truth = (bool(same) and same[0]) == (operator == "IS")
            case "IS NULL" | "IS NOT NULL":
                truth = operator == "IS NOT NULL"
            case _:
                return EVERY
        return EVERY if _is_possible(truth, outcome) else NEVER


def _is_possible(truth: bool | None, outcome: _Outcome) -> bool:
    """Say whether a condition of which the value is known comes out as wanted."""
    match outcome:
        case _Outcome.TRUE:
            return truth is True
        case _Outcome.FALSE:
            return truth is False
        case _Outcome.NOT_TRUE:
            return truth is not True
        case _Outcome.NOT_FALSE:
            return truth is not False


def _of_is(outcome: _Outcome, *, truth: bool) -> _Outcome:
    """Say what a condition has to be for `condition IS TRUE` (or FALSE), which is never NULL, to come out as wanted."""
    wanted = _STRICT[outcome] == _Outcome.TRUE
    if truth:
        return _Outcome.TRUE if wanted else _Outcome.NOT_TRUE
    return _Outcome.FALSE if wanted else _Outcome.NOT_FALSE


def _key_of(narrowing: Narrowing) -> Key:
    """Make one key of all that a narrowing says."""
    if narrowing.never:
        return keys.NOTHING
    found = [] if narrowing.key is None else [narrowing.key]
    if isinstance(narrowing.uids, range):
        found.append(keys.uid_range(narrowing.uids[0], narrowing.uids[-1]))
    elif narrowing.uids is not None:
        found.append(keys.uids(narrowing.uids))
    return keys.both(found)
