"""The terms of a condition, one by one: how each is decided, by which key, and why not by the server alone."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from imapdb.imap import keys
from imapdb.sql.catalog import fold
from imapdb.sql.columns import COLUMNS
from imapdb.sql.conditions import FlagTerm, KeywordTerm, ObjectIdTerm, SizeTerm
from imapdb.sql.criteria import narrowing_of
from imapdb.sql.days import DateTerm, SentTerm
from imapdb.sql.explain.text import Conjunct, in_sql, written
from imapdb.sql.plan import MAILBOX, Plan, Term
from imapdb.sql.reader import occurrences
from imapdb.sql.texts import TextTerm
from imapdb.sql.tree import UNKNOWN, All, AnyOf, Constant, Leaf, Node, Unknown, leaves
from imapdb.sql.where import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.imap.profiles import Profile
    from imapdb.sql.criteria import Argument
    from imapdb.sql.explain.loops import Loop, Reading
    from imapdb.sql.narrowing import Narrowing
    from imapdb.sql.tree import Parameters

__all__ = ["ELSEWHERE", "How", "Judged", "Known", "judged", "known_values", "nodes"]

How = Literal["exact", "narrowing", "local"]


class _Elsewhere(Enum):
    """The value of a term that comes from a row of mail."""

    ELSEWHERE = "another table's"


ELSEWHERE: Final = _Elsewhere.ELSEWHERE
Known: TypeAlias = "Argument | _Elsewhere"

OF_ROWS: Final = "decided per row of the other table"
NOTHING: Final = "no message can satisfy it: nothing is asked"
CHECKED: Final = "checked again"
LONGEST_KEY: Final = 100  # characters


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """A term, how it is decided ("exact" by the server alone, "narrowing" by it and again here, "local" here), and why.

    `key` is what SEARCH is asked for it, where it is.
    """

    text: str
    how: How
    key: str | None = None
    why: str = ""


def nodes(reading: Reading, loop: Loop) -> list[Node]:
    """Give the trees of the places in the text that a loop may be at: those of its table under its alias."""
    return [
        place.node
        for place in occurrences(reading.text)
        if (fold(place.table), fold(place.alias)) == (loop.table, fold(loop.alias))
    ]


def known_values(loop: Loop, plan: Plan, trees: list[Node], parameters: Parameters) -> list[Known]:
    """Give the values of a loop's terms: those of the dry run where they are certain, else what the text holds."""
    if loop.is_certain:
        return [ELSEWHERE if n in loop.varying else loop.arguments[n] for n in range(len(plan.terms))]
    leafs = [leaf for tree in trees for leaf in _conditions(tree, is_or=loop.is_side)]
    found: list[Known] = []
    for n, term in enumerate(plan.terms):
        operator = "IN" if term.is_set else term.operator
        values = [_value(leaf, parameters) for leaf in leafs if (leaf.column, leaf.operator) == (term.column, operator)]
        if loop.calls:
            # With rows of mail it may come here with another value, unless it is one that the text holds.
            found.append(loop.arguments[n] if loop.arguments[n] in values else ELSEWHERE)
        else:
            found.append(values[0] if len(values) == 1 else ELSEWHERE)
    return found


def _conditions(node: Node, *, is_or: bool) -> Iterator[Leaf]:
    """Yield the leaves that are terms: those joined by AND, or all where SQLite takes an OR apart."""
    if is_or:
        yield from leaves(node)
    elif isinstance(node, Leaf):
        yield node
    elif isinstance(node, All):
        for inner in node.nodes:
            yield from _conditions(inner, is_or=False)


def _value(leaf: Leaf, parameters: Parameters) -> Argument:
    values = [value.of(parameters) for value in leaf.values]
    return set(values) if leaf.operator == "IN" else values[0] if values else None


def judged(
    plan: Plan,
    values: list[Known],
    where: tuple[Node, Parameters] | None,
    said: list[Conjunct],
    profile: Profile,
    *,
    search_exact: bool,
) -> list[Judged]:
    """Judge every term of a scan: those SQLite handed over, those read from the text, and those that are left."""
    judge = _Judge(profile, search_exact=search_exact)
    found: list[Judged] = []
    handed: set[tuple[int, str]] = set()
    left = list(said)
    for term, value in zip(plan.terms, values, strict=True):
        handed.add((term.column, "IN" if term.is_set else term.operator))
        if value is ELSEWHERE:
            name = COLUMNS[term.column].name
            own = next((c for c in left if not isinstance(c.node, Leaf) and name in c.text), None)
            if own is not None:
                left.remove(own)
            text = f"{name} {'IN' if term.is_set else term.operator} (…)" if own is None else own.text
            found.append(Judged(text, "local", why=OF_ROWS))
        else:
            found.append(judge.term(term, value))
    if where is not None:
        node, parameters = where
        for part in node.nodes if isinstance(node, All) else (node,):
            if (part == UNKNOWN and said) or (isinstance(part, Leaf) and (part.column, part.operator) in handed):
                continue
            found.append(judge.part(part, parameters))
    for conjunct in left:
        rest = judge.rest(conjunct, handed, is_read=where is not None)
        if rest is not None:
            found.append(rest)
    return found


class _Judge:
    def __init__(self, profile: Profile, *, search_exact: bool) -> None:
        self._profile = profile
        self._search_exact = search_exact

    def term(self, term: Term, value: Argument) -> Judged:
        """Judge a term SQLite handed over."""
        text = in_sql(term.column, "IN" if term.is_set else term.operator, value)
        if term.column == MAILBOX:
            return Judged(text, "narrowing", why="only these mailboxes are opened")
        return self._judged(
            text, term.column, term.operator, narrowing_of(term, value, self._profile), is_exact=term.exact
        )

    def part(self, node: Node, parameters: Parameters) -> Judged:
        """Judge a condition read from the text."""
        text = written(node, parameters)
        if isinstance(node, Leaf) and COLUMNS[node.column].condition is not None and node.column != MAILBOX:
            parts = list(Where(node, parameters).parts(self._profile))
            narrowing = parts[0].narrowing
            return self._judged(text, node.column, node.operator, narrowing, is_exact=parts[0].is_exact)
        if any(leaf.column == MAILBOX for leaf in leaves(node)):
            return Judged(text, "narrowing", why="read for each mailbox as far as its name decides")
        key = Where(node, parameters).key(self._profile)
        if key == keys.NOTHING:
            return Judged(text, "exact", why=NOTHING)
        if key == keys.ALL:
            said = "no OR is sent to this server" if not self._profile.takes_or else "not every side of it has a key"
            return Judged(text, "local", why=f"{said} (profile {self._profile.name})")
        return Judged(text, "narrowing", _cut(str(key)), "OR/NOT: narrowed as a whole, " + CHECKED)

    def rest(self, conjunct: Conjunct, handed: set[tuple[int, str]], *, is_read: bool) -> Judged | None:
        """Judge a condition nobody handed over; None for one that was judged, or is of another table too."""
        if conjunct.is_join:
            return None
        match conjunct.node:
            case Unknown():
                return Judged(conjunct.text, "local", why="more than one column beside one value")
            case Constant(value):
                return None if value else Judged(conjunct.text, "exact", why=NOTHING)
            case Leaf(column, operator):
                if (column, operator) in handed or is_read:
                    return None
                return Judged(conjunct.text, "local", why=self._not_handed(column, operator))
            case All(members) if all(isinstance(m, Leaf) and (m.column, m.operator) in handed for m in members):
                return None
            case _ if is_read:
                return None
            case AnyOf() as node if any((leaf.column, leaf.operator) in handed for leaf in leaves(node)):
                return None
            case _:
                return Judged(conjunct.text, "local", why="OR and NOT could not be read for this table")

    def _not_handed(self, column: int, operator: str) -> str:
        name = COLUMNS[column].name
        if isinstance(COLUMNS[column].condition, FlagTerm):
            return f"a bare column: {name} = 1 would be searched for"
        return self._why_unasked(column, operator, text_is_odd=True)

    def _judged(self, text: str, column: int, operator: str, narrowing: Narrowing, *, is_exact: bool) -> Judged:
        condition = COLUMNS[column].condition
        if narrowing.never:
            return Judged(text, "exact", why=NOTHING)
        key = _key(narrowing)
        if key is None:
            if narrowing.accepts is not None and not narrowing.is_unproved:
                return Judged(text, "exact", why="true of every message")
            return Judged(text, "local", why=self._why_unasked(column, operator))
        if operator == "MATCH":
            return Judged(text, "exact", key, "the server's own search, not checked again")
        if is_exact and not narrowing.is_unproved:
            return Judged(text, "exact", key)
        why = CHECKED
        if isinstance(condition, DateTerm):
            why = "SEARCH knows days only"
        elif isinstance(condition, TextTerm):
            why = "the server's words, checked again"
        return Judged(text, "narrowing", key, why)

    def _why_unasked(self, column: int, operator: str, *, text_is_odd: bool = False) -> str:
        """Say why a term has no key on this server."""
        condition = COLUMNS[column].condition
        profile = f"(profile {self._profile.name})"
        if condition is None:
            return "no SEARCH key for this column"
        if operator not in condition.operators and not (operator == "IN" and condition.takes_sets):
            return "not an operator SEARCH has"
        if isinstance(condition, TextTerm):
            return self._why_no_text(condition.field, text_is_odd=text_is_odd)
        if isinstance(condition, SentTerm) and not self._profile.finds_undated:
            return f"dates this server cannot read would be missed {profile}"
        if isinstance(condition, DateTerm):
            return (
                "no single day from 1971 to 2036" if self._profile.finds_arrival else f"SINCE is not trusted {profile}"
            )
        said = next((why for kind, why in _WHY_NOT.items() if isinstance(condition, kind)), None)
        return "not a value SEARCH has" if said is None else f"{said} {profile}"

    def _why_no_text(self, field: str, *, text_is_odd: bool) -> str:
        has_key = field in ("FROM", "TO", "CC", "BCC", "SUBJECT")
        is_trusted = field in self._profile.text_keys if has_key else self._profile.headers
        if self._search_exact:
            return "search=exact pushes no text"
        if not is_trusted:
            return f"this server's {field if has_key else 'HEADER'} is not trusted (profile {self._profile.name})"
        return "another collation" if text_is_odd else "no word in it that the server surely finds"


_WHY_NOT: Final[dict[type, str]] = {
    SizeTerm: "this server counts another size",
    KeywordTerm: "this server's KEYWORD is not trusted with it",
    ObjectIdTerm: "this server has no such key",
    FlagTerm: "this server is sent no NOT",
}


def _key(narrowing: Narrowing) -> str | None:
    found = [] if narrowing.key is None or narrowing.key == keys.ALL else [narrowing.key]
    if isinstance(narrowing.uids, range):
        found.append(keys.uid_range(narrowing.uids[0], narrowing.uids[-1]))
    elif narrowing.uids is not None:
        found.append(keys.uids(narrowing.uids))
    return _cut(str(keys.both(found))) if found else None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_KEY else text[:LONGEST_KEY] + "…"
