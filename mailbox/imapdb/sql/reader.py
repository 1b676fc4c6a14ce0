"""A statement's text read for the conditions on each of its tables: what SQLite does not hand over.

sqlglot parses; what it makes of the text is believed only in the shapes SQLite is known to read the same way. Of
everything else a table's tree says Unknown, and nothing is pushed for it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from imapdb.sql.catalog import fold
from imapdb.sql.columns import ALIASES, COLUMNS, by_name
from imapdb.sql.lexer import FUNCTION, is_worth_reading, prepare
from imapdb.sql.plan import FUNCTIONS
from imapdb.sql.tree import (
    ANY_FOR_ESCAPED,
    TRUE,
    UNKNOWN,
    All,
    Called,
    Constant,
    Fixed,
    Is,
    Leaf,
    Node,
    Not,
    Parameter,
    Value,
    all_of,
    any_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlglot import exp

    from imapdb.sql.lexer import Prepared

__all__ = ["Occurrence", "occurrences", "trees"]

logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_INTEGERS: Final = ("INTEGER", "BOOLEAN")
_LARGEST: Final = 2**63 - 1
# What each part of a statement may hold to be believed.
_OF_SELECT: Final = frozenset(
    [
        "with_",
        "with",
        "expressions",
        "distinct",
        "from_",
        "from",
        "joins",
        "where",
        "group",
        "having",
        "windows",
        "order",
        "limit",
        "offset",
    ]
)
_OF_JOIN: Final = frozenset({"this", "on", "using", "side", "kind", "method"})
_OF_TABLE: Final = frozenset({"this", "alias", "db"})
_OF_CONDITION: Final = frozenset({"this", "expression", "expressions", "low", "high"})
# The other columns of `attachments` are none of a message, whatever their names.
_OF_ATTACHMENTS: Final = {name: by_name()[name] for name in ("mailbox", "uid")}
_OF_COLUMN: Final = frozenset({"this", "table", "db"})


@dataclasses.dataclass(frozen=True, slots=True)
class Occurrence:
    """A table where a statement names it: under which alias, and what its rows there must satisfy."""

    table: str
    alias: str
    node: Node


@lru_cache(maxsize=256)
def trees(text: str) -> Mapping[str, Node]:
    """Say, for each table by its folded name, what a row must satisfy to be of use anywhere in the statement.

    Empty where the statement holds nothing SQLite would not hand over by itself, or cannot be read.
    """
    if not is_worth_reading(text):
        return {}
    found: dict[str, list[Node]] = {}
    for occurrence in occurrences(text):
        found.setdefault(fold(occurrence.table), []).append(occurrence.node)
    return {name: any_of(nodes) for name, nodes in found.items() if TRUE not in nodes and UNKNOWN not in nodes}


@lru_cache(maxsize=256)
def occurrences(text: str) -> tuple[Occurrence, ...]:
    """List every place where a table is named; none where the statement cannot be read."""
    import sqlglot  # noqa: PLC0415 - a seventh of a second, for the statements that need it
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        prepared = prepare(text)
        statements = sqlglot.parse(prepared.text, read="sqlite")
        if len([statement for statement in statements if statement is not None]) != 1 or statements[0] is None:
            return ()
        return tuple(_Statement(statements[0], prepared).occurrences())
    except (SqlglotError, RecursionError, ValueError):
        # SQLite may well run it; nothing is pushed for what could not be read.
        return ()


class _Statement:
    def __init__(self, root: exp.Expr, prepared: Prepared) -> None:
        from sqlglot import exp  # noqa: PLC0415 - see occurrences

        self._exp = exp
        self._parameters = prepared.parameters
        self._selects: list[exp.Select] = []
        self._tables: list[exp.Table] = []
        self._common: set[str] = set()
        self._joined = Counter[str]()
        # sqlglot does without the AND of a BETWEEN, and takes it for another: every one is to be accounted for.
        self._is_known = all(map(self._note, root.walk())) and +self._joined == +prepared.joined

    def _note(self, node: Any) -> bool:
        """Note what is of use later, and say whether all of the statement can be relied on."""
        exp = self._exp
        kind = type(node)
        if kind is exp.Select:
            self._selects.append(node)
        elif kind is exp.Table:
            self._tables.append(node)
            return bool(_name(node))
        elif kind in (exp.And, exp.Between):
            self._joined["and"] += 1
        elif kind is exp.Or:
            self._joined["or"] += 1
        elif kind is exp.CTE:
            self._common.add(fold(node.alias))
        elif kind is exp.In:
            # `IN table` names a table where nobody looks for one.
            return node.args.get("field") is None
        elif kind is exp.Identifier:
            # A column or result of that name is meant by the bare word too.
            return fold(node.name) not in ("true", "false")
        return True

    def occurrences(self) -> Iterator[Occurrence]:
        if not self._is_known:
            return
        read: set[int] = set()
        for select in self._selects:
            for table, occurrence in self._of_select(select):
                read.add(id(table))
                yield occurrence
        for table in self._tables:
            if id(table) not in read:
                yield Occurrence(_name(table), table.alias or _name(table), UNKNOWN)

    def _of_select(self, select: exp.Select) -> Iterator[tuple[exp.Table, Occurrence]]:
        """Yield the tables of one SELECT with what its own WHERE and ON say of them."""
        exp = self._exp
        start = select.args.get("from_") or select.args.get("from")
        joins: Sequence[Any] = select.args.get("joins") or ()
        if start is None or not _holds_only(select, _OF_SELECT) or not all(map(_is_plain_join, joins)):
            return
        where = select.args.get("where")
        everywhere = [] if where is None else [where.this]
        everywhere += [join.args["on"] for join in joins if join.side != "LEFT" and join.args.get("on") is not None]
        sources = [(start.this, everywhere)]
        for join in joins:
            own = [join.args["on"]] if join.args.get("on") is not None else []
            sources.append((join.this, own if join.side == "LEFT" else everywhere))
        if any(type(source) is exp.Table and source.args.get("joins") for source, _ in sources):
            return
        names = [fold(source.alias_or_name) for source, _ in sources]
        for source, conditions in sources:
            if type(source) is not exp.Table or not self._is_plain(source):
                continue
            alias = fold(source.alias_or_name)
            if names.count(alias) > 1:
                continue
            reading = _Reading(exp, self._parameters, alias, fold(source.name), is_alone=len(sources) == 1)
            node = all_of(reading.node(condition) for condition in conditions)
            yield source, Occurrence(source.name, source.alias_or_name, node)

    def _is_plain(self, table: exp.Table) -> bool:
        """Say whether it is a table of ours, by its looks: no CTE, no function."""
        if not isinstance(table.this, self._exp.Identifier) or not _holds_only(table, _OF_TABLE):
            return False
        schema = fold(table.db) if table.args.get("db") else ""
        return schema == "main" or (schema == "" and fold(table.name) not in self._common)


def _name(table: exp.Table) -> str:
    """Give a table's name, or the function's, as SQLite takes a virtual table for one; empty for anything else."""
    named = table.this
    return str(named.this) if type(named).__name__ in ("Identifier", "Anonymous") else ""


def _holds_only(node: exp.Expr, names: frozenset[str]) -> bool:
    """Say whether sqlglot found nothing in it but that; what it takes for more, SQLite does not know."""
    return all(name in names or not value for name, value in node.args.items())


def _is_plain_join(join: exp.Join) -> bool:
    """Say whether the left side of a join is in every row of it, as it is not in those of RIGHT and FULL JOIN."""
    return (
        join.side in ("", "LEFT")
        and join.kind in ("", "INNER", "CROSS", "OUTER")
        and join.method in ("", "NATURAL")
        and _holds_only(join, _OF_JOIN)
    )


class _Reading:
    """The conditions of one SELECT as one of its tables sees them."""

    def __init__(
        self, exp: Any, parameters: Mapping[str, Parameter], alias: str, table: str, *, is_alone: bool
    ) -> None:
        self._exp = exp
        self._parameters = parameters
        self._alias = alias
        self._columns = _OF_ATTACHMENTS if table == "attachments" else by_name()
        self._is_alone = is_alone
        self._comparisons = {
            exp.EQ: ("=", "="), exp.NEQ: ("!=", "!="), exp.LT: ("<", ">"), exp.LTE: ("<=", ">="), exp.GT: (">", "<"),
            exp.GTE: (">=", "<="), exp.NullSafeEQ: ("IS", "IS"), exp.NullSafeNEQ: ("IS NOT", "IS NOT"),
        }  # fmt: skip

    def node(self, written: Any) -> Node:
        """Make a tree of a condition."""
        if type(written) is self._exp.Column:
            return self._bare(written, type(written))
        if not _holds_only(written, _OF_CONDITION | {"negate", "is_string"}):
            return UNKNOWN
        found = self._positive(written)
        return Not(found) if written.args.get("negate") else found

    def _positive(self, written: Any) -> Node:
        exp = self._exp
        kind = type(written)
        if kind is exp.Paren:
            return self.node(written.this)
        if kind is exp.And:
            return all_of(map(self.node, _chain(written, kind)))
        if kind is exp.Or:
            return any_of(map(self.node, _chain(written, kind)))
        if kind is exp.Not:
            return Not(self.node(written.this))
        if kind in self._comparisons:
            return self._comparison(written, *self._comparisons[kind])
        if kind is exp.Is:
            return self._is(written)
        if kind is exp.Between:
            low = self._leaf(written.this, ">=", [written.args["low"]])
            high = self._leaf(written.this, "<=", [written.args["high"]])
            return All((low, high))
        if kind is exp.In:
            return self._leaf(written.this, "IN", written.expressions)
        return self._pattern(written, kind)

    def _pattern(self, written: Any, kind: Any) -> Node:
        exp = self._exp
        found: Node = UNKNOWN
        if kind is exp.Escape and type(written.this) is exp.Like:
            found = self._like(written.this, written.expression)
        elif kind is exp.Like:
            found = self._like(written, None)
        elif kind is exp.Glob:
            found = self._leaf(written.this, "GLOB", [written.expression])
        elif kind is exp.Match:
            found = self._leaf(written.this, "MATCH", [written.expression])
        elif kind is exp.Anonymous:
            name = str(written.this).lower().removeprefix(FUNCTION)
            if name in FUNCTIONS and len(written.expressions) == 2:  # noqa: PLR2004 - column and value
                found = self._leaf(written.expressions[0], name, [written.expressions[1]])
        else:
            found = self._bare(written, kind)
        return found

    def _bare(self, written: Any, kind: Any) -> Node:
        """Read a value that stands for its truth."""
        exp = self._exp
        if kind is exp.Column:
            column = self._column(written)
            if column is None or COLUMNS[column].sql_type not in _INTEGERS:
                return UNKNOWN
            return Leaf(column, "!=", (Fixed(0),))
        if kind is exp.Null:
            return Constant(None)
        if kind is exp.Boolean:
            return Constant(bool(written.this))
        if kind is exp.Literal and not written.is_string:
            return Constant(bool(_number(written.this)))
        return UNKNOWN

    def _comparison(self, written: Any, operator: str, flipped: str) -> Node:
        right = _inside(written.right)
        if type(right) is self._exp.Boolean and operator in ("IS", "IS NOT"):
            # IS [NOT] DISTINCT FROM TRUE asks for the truth as IS TRUE does.
            found = Is(self.node(written.left), bool(right.this))
            return found if operator == "IS" else Not(found)
        if self._column(_inside(written.left)) is not None:
            return self._leaf(written.left, operator, [written.right])
        return self._leaf(written.right, flipped, [written.left])

    def _is(self, written: Any) -> Node:
        exp = self._exp
        right = _inside(written.expression)
        if type(right) is exp.Null:
            return self._leaf(written.this, "IS NULL", [])
        if type(right) is exp.Boolean:
            return Is(self.node(written.this), bool(right.this))
        # Older releases of sqlglot read `IS 5` as this.
        return self._leaf(written.this, "IS", [right])

    def _like(self, like: Any, escape: Any) -> Node:
        found: Node
        if escape is None:
            return self._leaf(like.this, "LIKE", [like.expression])
        column = self._column(_inside(like.this))
        pattern, char = self._value(like.expression), self._value(escape)
        if column is None or pattern is None or char is None or not _holds_only(like, _OF_CONDITION | {"negate"}):
            return UNKNOWN
        # What is escaped may as well be any character: that finds more, never less.
        found = Leaf(column, "LIKE", (Called(ANY_FOR_ESCAPED, (pattern, char)),))
        return Not(found) if like.args.get("negate") else found

    def _leaf(self, left: Any, operator: str, right: Sequence[Any]) -> Node:
        column = self._column(_inside(left))
        values = [self._value(value) for value in right]
        if column is None:
            return UNKNOWN
        return Leaf(column, operator, tuple(v for v in values if v is not None)) if None not in values else UNKNOWN

    def _column(self, written: Any) -> int | None:
        """Give the place of a column of this table; None for anything else, and where it is not certain."""
        if type(written) is not self._exp.Column or not isinstance(written.this, self._exp.Identifier):
            return None
        if not _holds_only(written, _OF_COLUMN) or (written.args.get("db") and fold(written.db) != "main"):
            return None
        if written.table and fold(written.table) != self._alias:
            return None
        if not written.table and not self._is_alone:
            return None
        name = fold(written.name)
        return self._columns.get(ALIASES.get(name, name))

    def _value(self, written: Any) -> Value | None:
        """Read a value that is the same for every row; None for anything else."""
        exp = self._exp
        kind = type(written)
        if kind is exp.Paren:
            return self._value(written.this)
        if kind is exp.Literal:
            return Fixed(written.this) if written.is_string else Fixed(_number(written.this))
        if kind is exp.Neg and type(written.this) is exp.Literal and not written.this.is_string:
            return Fixed(-_number(written.this.this))
        if kind is exp.Boolean:
            return Fixed(int(written.this))
        if kind is exp.Null:
            return Fixed(None)
        if kind is exp.Placeholder:
            return self._parameters.get(str(written.this))
        if kind is exp.Anonymous and str(written.this).lower() in (f"{FUNCTION}escaped", f"{FUNCTION}unescaped"):
            inner = [self._value(argument) for argument in written.expressions]
            match inner:
                case [(Fixed() | Parameter() | Called()) as first, (Fixed() | Parameter() | Called()) as second]:
                    return Called(str(written.this).lower().removeprefix(FUNCTION), (first, second))
        return None


def _inside(written: Any) -> Any:
    """Take parentheses off; around a column they change nothing, not even its affinity."""
    while type(written).__name__ == "Paren":
        written = written.this
    return written


def _chain(written: Any, kind: Any) -> Iterator[Any]:
    """Yield the members of `a AND b AND c`, which is a tree leaning left, in their order."""
    stack = [written]
    while stack:
        top = stack.pop()
        if type(top) is kind:
            stack += (top.right, top.left)
        else:
            yield top


def _number(written: str) -> int | float:
    if written.isdigit():
        number = int(written)
        return number if number <= _LARGEST else float(number)
    return float(written)
