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
from imapdb.sql.narrowing import EVERY, PATTERNS
from imapdb.sql.plan import MAILBOX, Plan, Term
from imapdb.sql.reader import occurrences
from imapdb.sql.texts import TextTerm
from imapdb.sql.tree import UNKNOWN, All, AnyOf, Constant, Is, Leaf, Node, Not, leaves
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
    known = zip(plan.terms, values, strict=True)
    terms = [(term, value) for term, value in known if not _is_added(term, value, plan, values, said)]
    handed = {_asked(term) for term, _ in terms}
    found: list[Judged] = []
    left = list(said)
    for term, value in terms:
        if value is not ELSEWHERE:
            told = judge.term(term, value)
        else:
            own = _own(said, term)
            name, operator = COLUMNS[term.column].name, _asked(term)[1]
            told = Judged(f"{name} {operator} (…)" if own is None else own.text, "local", why=OF_ROWS)
            left = [conjunct for conjunct in left if conjunct is not own]
        if told not in found:
            found.append(told)
    if where is not None:
        node, parameters = where
        for part in _parts(node):
            if (said and _within(part)[0] == UNKNOWN) or _is_handed(part, handed):
                continue
            found.append(judge.part(part, parameters))
    for conjunct in left:
        rest = judge.rest(conjunct, handed, is_read=where is not None)
        if rest is not None:
            found.append(rest)
    return found


def _parts(node: Node) -> Iterator[Node]:
    """Yield the conditions joined by AND, those of WHERE and of ON alike."""
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, All):
            stack.extend(reversed(top.nodes))
        else:
            yield top


def _asked(term: Term) -> tuple[int, str]:
    return term.column, "IN" if term.is_set else term.operator


def _own(said: list[Conjunct], term: Term) -> Conjunct | None:
    """Find the condition that was handed over as a term whose value nobody knows."""
    name = COLUMNS[term.column].name
    unread = [conjunct for conjunct in said if not isinstance(conjunct.node, Leaf)]
    found = (conjunct for conjunct in unread if _asked(term) in conjunct.terms)
    return next(found, next((c for c in unread if c.is_join and not c.terms and name in c.text), None))


def _is_handed(node: Node, handed: set[tuple[int, str]]) -> bool:
    """Say whether SQLite handed over all of a condition: BETWEEN as two terms, a list of one as that one."""
    match node:
        case Leaf(column, "IN", (_,)):
            return bool({(column, "IN"), (column, "=")} & handed)
        case Leaf(column, operator):
            return (column, operator) in handed
        case All(nodes):
            return all(_is_handed(inner, handed) for inner in nodes)
    return False


def _is_added(term: Term, value: Known, plan: Plan, values: list[Known], said: list[Conjunct]) -> bool:
    """Say whether SQLite itself made a term, of how a pattern begins."""
    if term.operator not in (">=", "<") or not isinstance(value, str) or not said:
        return False
    asked = _asked(term)
    if any(asked in c.terms or asked in {(leaf.column, leaf.operator) for leaf in leaves(c.node)} for c in said):
        return False
    start = (value if term.operator == ">=" else value[:-1]).lower()
    return any(
        other.column == term.column
        and other.operator in ("LIKE", "GLOB")
        and isinstance(pattern, str)
        and pattern.lower().startswith(start)
        for other, pattern in zip(plan.terms, values, strict=True)
    )


def _within(node: Node) -> tuple[Node, bool]:
    """Give what NOT, IS TRUE and IS FALSE are said of, and whether something else than its being true is asked."""
    is_negated = False
    while isinstance(node, Not | Is):
        is_negated |= isinstance(node, Not) or not node.truth
        node = node.node
    return node, is_negated


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
        leaf, is_negated = _within(node)
        if isinstance(leaf, Leaf) and COLUMNS[leaf.column].condition is not None and leaf.column != MAILBOX:
            (one,) = Where(node, parameters).parts(self._profile)
            if is_negated and one.narrowing == EVERY:
                return Judged(text, "local", why="the opposite of it is nothing SEARCH has")
            # SQLite looks at it again: at nothing new only where the value is known without being fetched.
            is_known = one.narrowing.constant is not None or not COLUMNS[leaf.column].items
            return self._judged(text, leaf.column, leaf.operator, one.narrowing, is_exact=one.is_exact and is_known)
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
        if conjunct.terms and conjunct.terms <= handed:
            return None
        match conjunct.node:
            case node if _within(node)[0] == UNKNOWN:
                return Judged(conjunct.text, "local", why=conjunct.why or self._of_terms(conjunct.terms - handed))
            case Constant(value):
                return None if value else Judged(conjunct.text, "exact", why=NOTHING)
            case node if is_read or _is_handed(node, handed):
                return None
            case Leaf(column, operator):
                return Judged(conjunct.text, "local", why=self._not_handed(column, operator))
            case AnyOf() as node if any((leaf.column, leaf.operator) in handed for leaf in leaves(node)):
                return None
            case _:
                return Judged(conjunct.text, "local", why="OR, NOT and IS TRUE could not be read for this table")

    def _of_terms(self, terms: frozenset[tuple[int, str]]) -> str:
        """Say why SQLite kept what looks like terms to itself."""
        return min((self._not_handed(*term) for term in terms), default="its value cannot be read from the text")

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
            return self._why_no_text(condition, text_is_odd=text_is_odd)
        if isinstance(condition, SentTerm) and not self._profile.finds_undated:
            return f"dates this server cannot read would be missed {profile}"
        if isinstance(condition, DateTerm):
            if not self._profile.finds_arrival:
                return f"SINCE is not trusted {profile}"
            return f"no single day{', month or year' * (operator in PATTERNS)} from 1971 to 2036"
        said = next((why for kind, why in _WHY_NOT.items() if isinstance(condition, kind)), None)
        return "not a value SEARCH has" if said is None else f"{said} {profile}"

    def _why_no_text(self, condition: TextTerm, *, text_is_odd: bool) -> str:
        field = condition.field
        has_key = field in ("FROM", "TO", "CC", "BCC", "SUBJECT")
        if self._search_exact:
            return "search=exact pushes no text"
        if not condition.is_trusted(self._profile):
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
