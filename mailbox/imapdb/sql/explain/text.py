"""The conditions of a statement as its own text says them, for the reader of an explanation."""

from __future__ import annotations

import dataclasses
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from imapdb.sql.catalog import fold
from imapdb.sql.columns import COLUMNS
from imapdb.sql.explain.shapes import members, terms, why_unread
from imapdb.sql.lexer import FUNCTION, prepare
from imapdb.sql.reader import occurrences
from imapdb.sql.tables import quote_identifier
from imapdb.sql.tree import ANY_FOR_ESCAPED, UNKNOWN, All, AnyOf, Called, Constant, Fixed, Is, Leaf, Node, Not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.sql.criteria import Argument
    from imapdb.sql.tree import Parameters
    from imapdb.sql.values import SQLValue

__all__ = ["Conjunct", "conjuncts", "in_sql", "shown", "written"]

LONGEST: Final = 60  # characters of a text value that are shown
MOST_SHOWN: Final = 5  # members of a list
_PLACEHOLDER: Final = re.compile(r":(imapdb_p\d+)\b")


@dataclasses.dataclass(frozen=True, slots=True)
class Conjunct:
    """One of the conditions joined by AND, as one table of its SELECT sees it.

    `is_join` says that it names columns of other tables too. Where it could not be read, `terms` are the columns and
    operators SQLite may have handed it over by, and `why` says what keeps it from that.
    """

    table: str
    alias: str
    text: str
    node: Node
    is_join: bool
    terms: frozenset[tuple[int, str]] = frozenset()
    why: str = ""


def conjuncts(text: str, parameters: Parameters) -> list[Conjunct]:
    """List the conditions of every SELECT; none where the statement cannot be read."""
    if not (read := _conjuncts(text)):
        return []
    marks = prepare(text).parameters
    named = {name: shown(mark.of(parameters)) for name, mark in marks.items()}

    def filled(conjunct: Conjunct) -> Conjunct:
        said = _PLACEHOLDER.sub(lambda match: named.get(match[1], "?"), conjunct.text)
        # What the lexer put in for sqlglot is taken out again.
        said = said.replace(FUNCTION, "").replace("(~0)", "…").replace("+ ~", "+ ")
        return dataclasses.replace(conjunct, text=in_line(said))

    return [filled(conjunct) for conjunct in read]


OF_ATTACHMENTS: Final = "SEARCH knows nothing of single attachments"


@lru_cache(maxsize=64)
def _conjuncts(text: str) -> tuple[Conjunct, ...]:
    import sqlglot  # noqa: PLC0415 - a seventh of a second
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        root = sqlglot.parse_one(prepare(text).text, read="sqlite")
        return tuple(found for select in root.find_all(exp.Select) for found in _of_select(exp, select))
    except (SqlglotError, RecursionError, ValueError):
        return ()


def _of_select(exp: Any, select: Any) -> Iterator[Conjunct]:
    start = select.args.get("from_") or select.args.get("from")
    joins = select.args.get("joins") or ()
    if start is None:
        return
    sources = [start.this, *(join.this for join in joins)]
    where = select.args.get("where")
    conditions = [] if where is None else [where.this]
    conditions += [join.args["on"] for join in joins if join.args.get("on") is not None]
    aliases = [fold(source.alias_or_name) for source in sources]
    names = [source.name if isinstance(source, exp.Table) else "" for source in sources]
    for condition in conditions:
        for member in members(condition):
            columns = [column for column in member.find_all(exp.Column) if column.find_ancestor(exp.Select) is select]
            mentioned = {fold(column.table) if column.table else aliases[0] for column in columns} & set(aliases)
            if any(not column.table for column in columns) and len(sources) > 1:
                mentioned.add("")
            said = member.sql("sqlite", normalize_functions="lower")
            for name, alias in zip(names, aliases, strict=True):
                if name and alias in mentioned:
                    node = _node(said, dict(zip(aliases, names, strict=True)), alias)
                    own = [column for column in columns if not column.table or fold(column.table) == alias]
                    asked, why = terms(member, own), why_unread(member, own)
                    if fold(name) == "attachments":
                        asked = frozenset(term for term in asked if COLUMNS[term[0]].name in ("mailbox", "uid"))
                        why = why or ("" if asked else OF_ATTACHMENTS)
                    yield Conjunct(fold(name), alias, said, node, len(mentioned) > 1, asked, why)


def _node(condition: str, sources: dict[str, str], alias: str) -> Node:
    """Read one condition as the table of that alias sees it."""
    tables = ", ".join(
        f"{quote_identifier(name or '~')} AS {quote_identifier(other)}" for other, name in sources.items()
    )
    for occurrence in occurrences(f"SELECT 1 FROM {tables} WHERE {condition}"):  # noqa: S608 - read, never run
        if fold(occurrence.alias) == alias:
            return occurrence.node
    return UNKNOWN


def written(node: Node, parameters: Parameters) -> str:
    """Write a tree as SQL; what was not read is three dots."""
    match node:
        case Leaf(column, operator, (Called(function, (pattern, escape)),)) if function == ANY_FOR_ESCAPED:
            return f"{in_sql(column, operator, pattern.of(parameters))} ESCAPE {shown(escape.of(parameters))}"
        case Leaf(column, "!=", (Fixed(0),)) if COLUMNS[column].sql_type == "BOOLEAN":
            return COLUMNS[column].name
        case Leaf(column, operator, values):
            return in_sql(column, operator, *(value.of(parameters) for value in values))
        case All(nodes) | AnyOf(nodes):
            joint = " AND " if isinstance(node, All) else " OR "
            return joint.join(_inside(inner, parameters) for inner in nodes)
        case Not(Is(inner, truth)):
            return f"{_truth_of(inner, parameters)} IS NOT {str(truth).upper()}"
        case Is(inner, truth):
            return f"{_truth_of(inner, parameters)} IS {str(truth).upper()}"
        case Not(inner):
            return f"NOT {_inside(inner, parameters)}"
        case Constant(value):
            return "NULL" if value is None else str(value).upper()
        case _:
            return "(…)"


def _inside(node: Node, parameters: Parameters) -> str:
    text = written(node, parameters)
    return f"({text})" if isinstance(node, All | AnyOf) else text


def _truth_of(node: Node, parameters: Parameters) -> str:
    # IS binds as = does, tighter than NOT.
    text = written(node, parameters)
    return text if text.isidentifier() or node == UNKNOWN else f"({text})"


def in_sql(column: int, operator: str, *values: Argument | str) -> str:
    """Write a term: `seen = 0`, `contains(subject, 'x')`, `uid IN (1, 2)`."""
    name = COLUMNS[column].name
    name = quote_identifier(name) if name in ("to", "references") else name
    if operator in ("IS NULL", "IS NOT NULL"):
        return f"{name} {operator}"
    if operator == "IN":
        return f"{name} IN {_listed(values[0] if len(values) == 1 and isinstance(values[0], set) else values)}"
    value = _listed(values[0]) if isinstance(values[0], set) else shown(values[0])
    if operator.isupper() or not operator.isidentifier():
        return f"{name} {operator} {value}"
    return f"{operator}({name}, {value})"


def _listed(values: Any) -> str:
    try:
        ordered = sorted(values)
    except TypeError:
        ordered = sorted(values, key=str)
    more = len(ordered) - MOST_SHOWN
    listed = [shown(value) for value in ordered[:MOST_SHOWN]] + ([f"… {more:,} more"] if more > 0 else [])
    return f"({', '.join(listed)})"


def shown(value: SQLValue | Argument) -> str:
    """Write a value as SQL does, shortened, on one line."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value[: LONGEST // 2].hex()}{'…' if len(value) > LONGEST // 2 else ''}'"
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST else value[:LONGEST] + "…"
        return "'" + in_line(cut).replace("'", "''") + "'"
    return str(int(value)) if isinstance(value, bool) else str(value)


def in_line(text: str) -> str:
    """Write a text on one line, and nothing in it that a terminal would act on."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
