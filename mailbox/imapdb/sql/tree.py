"""A condition of SQL as a tree, with its values as the statement's text or its parameters hold them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from imapdb.sql.functions import escaped, unescaped
from imapdb.sql.values import SQLValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ANY_FOR_ESCAPED",
    "FALSE",
    "TRUE",
    "UNKNOWN",
    "All",
    "AnyOf",
    "Called",
    "Constant",
    "Fixed",
    "Is",
    "Leaf",
    "Node",
    "Not",
    "Parameter",
    "Parameters",
    "Unknown",
    "Value",
    "all_of",
    "alternatives",
    "any_of",
    "leaves",
]

Parameters: TypeAlias = Sequence[SQLValue] | Mapping[str, SQLValue]


@dataclasses.dataclass(frozen=True, slots=True)
class Fixed:
    """A value written into the statement."""

    value: SQLValue

    def of(self, parameters: Parameters) -> SQLValue:
        """Give the value."""
        return self.value


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, by its number from 1 on and, where it has one, its name."""

    number: int
    name: str | None = None

    def of(self, parameters: Parameters) -> SQLValue:
        """Give the value. Raises LookupError where there is none: SQLite says so better than we could."""
        if isinstance(parameters, Mapping):
            return parameters[self.name or ""]
        return parameters[self.number - 1]


@dataclasses.dataclass(frozen=True, slots=True)
class Called:
    """What a function of FOLDED makes of two values."""

    function: str
    arguments: tuple[Value, Value]

    def of(self, parameters: Parameters) -> SQLValue:
        """Give the value."""
        return FOLDED[self.function](*(argument.of(parameters) for argument in self.arguments))


def _any_for_escaped(pattern: SQLValue, escape: SQLValue) -> SQLValue:
    """Write a LIKE pattern with `_` for every escaped character: it finds what the pattern finds, and more."""
    if isinstance(escape, int):
        escape = str(int(escape))
    if not isinstance(pattern, str) or not isinstance(escape, str) or len(escape) != 1:
        return "%"
    return re.sub(re.escape(escape) + ".", "_", pattern, flags=re.DOTALL)


ANY_FOR_ESCAPED: Final = "any_for_escaped"
FOLDED: Final[Mapping[str, Callable[[SQLValue, SQLValue], SQLValue]]] = {
    "escaped": escaped,
    "unescaped": unescaped,
    ANY_FOR_ESCAPED: _any_for_escaped,
}

Value: TypeAlias = Fixed | Parameter | Called


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """`column operator value`; with the operator IN, any of the values. The column is a place in the registry."""

    column: int
    operator: str
    values: tuple[Value, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class All:
    """AND."""

    nodes: tuple[Node, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class AnyOf:
    """OR."""

    nodes: tuple[Node, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """NOT."""

    node: Node


@dataclasses.dataclass(frozen=True, slots=True)
class Is:
    """IS TRUE, IS FALSE."""

    node: Node
    truth: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """TRUE, FALSE or NULL (None), whatever the row."""

    value: bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """A condition that is SQLite's alone to decide."""


Node: TypeAlias = Leaf | All | AnyOf | Not | Is | Constant | Unknown

TRUE: Final = Constant(True)
FALSE: Final = Constant(False)
UNKNOWN: Final = Unknown()


def all_of(nodes: Iterable[Node]) -> Node:
    """Join by AND."""
    kept = tuple(node for node in nodes if node != TRUE)
    return TRUE if not kept else kept[0] if len(kept) == 1 else All(kept)


def any_of(nodes: Iterable[Node]) -> Node:
    """Join by OR."""
    kept = tuple(nodes)
    return kept[0] if len(kept) == 1 else AnyOf(kept)


def alternatives(node: Node) -> Iterator[Leaf]:
    """Yield the leaves that stand inside of an OR."""
    stack = [node]
    while stack:
        match stack.pop():
            case AnyOf() as inner:
                yield from leaves(inner)
            case All(nodes):
                stack.extend(reversed(nodes))
            case Not(inner) | Is(inner, _):
                stack.append(inner)


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield every leaf of a tree."""
    stack = [node]
    while stack:
        match stack.pop():
            case Leaf() as leaf:
                yield leaf
            case All(nodes) | AnyOf(nodes):
                stack.extend(reversed(nodes))
            case Not(inner) | Is(inner, _):
                stack.append(inner)
