"""What a condition that was not read does with its column: as which terms SQLite takes it, or what keeps it from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imapdb.sql.catalog import fold
from imapdb.sql.columns import ALIASES, COLUMNS, by_name
from imapdb.sql.lexer import FUNCTION
from imapdb.sql.plan import FUNCTIONS, UID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["members", "terms", "why_unread"]

_ROWIDS: Final = ("rowid", "oid", "_rowid_")
# Each operator as sqlglot names it, and what it is with its sides changed.
_OPERATORS: Final = {
    "EQ": ("=", "="), "NEQ": ("!=", "!="), "LT": ("<", ">"), "LTE": ("<=", ">="), "GT": (">", "<"), "GTE": (">=", "<="),
    "NullSafeEQ": ("IS", "IS"), "NullSafeNEQ": ("IS NOT", "IS NOT"), "Is": ("IS", "IS"),
}  # fmt: skip
_ONE_SIDED: Final = {"Like": "LIKE", "Glob": "GLOB", "Match": "MATCH"}
# Functions to sqlglot, operators to SQLite.
_NO_FUNCTIONS: Final = ("And", "Or", "Case", "Collate", "If", "RegexpLike")
_COMPARING: Final = frozenset(
    {*_OPERATORS, *_ONE_SIDED, "In", "Between", "Escape", "Not", "And", "Or", "Paren", "Tuple", "RegexpLike"}
)


def members(condition: Any) -> Iterator[Any]:
    """Yield the conditions joined by AND, in parentheses or not."""
    stack = [condition]
    while stack:
        top = stack.pop()
        inside = top
        while type(inside).__name__ == "Paren":
            inside = inside.this
        if type(inside).__name__ == "And":
            stack += (inside.right, inside.left)
        else:
            yield inside


def terms(condition: Any, columns: Sequence[Any]) -> frozenset[tuple[int, str]]:
    """Give the columns and operators by which SQLite can hand a condition over; none for what it keeps to itself.

    `columns` are those in it, all of one table.
    """
    kind = type(condition).__name__
    found: list[tuple[Any, str]] = []
    if condition.args.get("negate") or len(columns) != 1 or _asks_truth(condition):
        return frozenset()
    (column,) = columns
    if kind in _OPERATORS:
        left, right = condition.this, condition.expression
        straight, flipped = _OPERATORS[kind]
        found = [(right, flipped)] if _inside(right) is column else [(left, straight)]
    elif kind == "Between":
        found = [(condition.this, ">="), (condition.this, "<=")]
    elif kind == "In":
        # SQLite takes a list of one for that one.
        found = [(condition.this, "=" if len(condition.expressions) == 1 else "IN")]
    elif kind in _ONE_SIDED:
        found = [(condition.this, _ONE_SIDED[kind])]
    elif kind == "Anonymous" and _own_function(condition) in FUNCTIONS and condition.expressions:
        found = [(condition.expressions[0], _own_function(condition))]
    place, collation = _place(column), _collation(condition)
    if place is None or any(_inside(side) is not column for side, _ in found):
        return frozenset()
    return frozenset((place, operator) for _, operator in found if _is_claimed(place, operator, collation))


def why_unread(condition: Any, columns: Sequence[Any]) -> str:
    """Say what keeps a condition from being one column beside one value; empty where it is that."""
    names = {fold(column.name) for column in columns}
    if len(names) > 1:
        return "more than one column, and SEARCH compares none with another"
    around = list(_around(columns, condition))
    inner = next(filter(None, (_called_on(column) for column in columns)), "")
    if inner:
        return f"what {inner} gives is compared: by itself it would be searched for"
    if any(_is_function(node) for node in around):
        return "a function of the column, which SEARCH does not have"
    if any(type(node).__name__ not in _COMPARING | {"Collate"} for node in around):
        return "an expression of the column, which SEARCH does not have"
    if _collation(condition) != "BINARY":
        return "another collation"
    if next(condition.find_all(*_subqueries()), None) is not None:
        return "compared with a subquery"
    if not around or _asks_truth(condition):
        return "a text taken for true or false, which SEARCH does not do"
    return "" if len(columns) == 1 else "the column stands in it more than once"


def _subqueries() -> tuple[Any, ...]:
    from sqlglot import exp  # noqa: PLC0415 - a seventh of a second, and here it is loaded already

    return exp.Select, exp.Values


def _around(columns: Sequence[Any], condition: Any) -> Iterator[Any]:
    """Yield all that columns stand in, each once: a chain of thousands is as deep as it is long."""
    seen = {id(condition.parent)}
    for column in columns:
        node = column if column is condition else column.parent
        while id(node) not in seen and node is not column:
            seen.add(id(node))
            yield node
            node = node.parent


def _is_function(node: Any) -> bool:
    from sqlglot import exp  # noqa: PLC0415 - see _subqueries

    return isinstance(node, exp.Func) and type(node).__name__ not in _NO_FUNCTIONS


def _own_function(called: Any) -> str:
    return str(called.this).lower().removeprefix(FUNCTION)


def _called_on(column: Any) -> str:
    """Name the function of ours that is called on a column, and would be searched for if nothing were made of it."""
    called = column.parent
    if type(called).__name__ != "Anonymous" or called.expressions[0] is not column or called.parent is None:
        return ""
    name = _own_function(called)
    is_compared = type(called.parent).__name__ in _OPERATORS
    return f"{name}()" if name in FUNCTIONS and is_compared else ""


def _inside(side: Any) -> Any:
    while type(side).__name__ in ("Paren", "Collate"):
        side = side.this
    return side


def _asks_truth(condition: Any) -> bool:
    """Say whether it is IS TRUE or IS FALSE of something."""
    kind = type(condition).__name__
    return kind in ("Is", "NullSafeEQ", "NullSafeNEQ") and type(_inside(condition.expression)).__name__ == "Boolean"


def _place(column: Any) -> int | None:
    name = fold(column.name)
    return UID if name in _ROWIDS else by_name().get(ALIASES.get(name, name))


def _collation(condition: Any) -> str:
    from sqlglot import exp  # noqa: PLC0415 - see _subqueries

    named = next((node.expression.name for node in condition.find_all(exp.Collate)), "BINARY")
    return str(named).upper()


def _is_claimed(place: int, operator: str, collation: str) -> bool:
    """Say whether a scan takes a term of another collation, as `make_plan` does."""
    is_compared = operator in ("=", "IS", "IN")
    return collation == "BINARY" or not is_compared or COLUMNS[place].sql_type != "TEXT"
