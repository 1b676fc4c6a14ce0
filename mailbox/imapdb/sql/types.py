"""SQLAlchemy types for what the columns hold: moments in UTC, and days that are the user's own."""

from __future__ import annotations

import datetime
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.sql import operators

from imapdb.sql.binding import moment_text
from imapdb.sql.columns import ATTACHMENT_COLUMNS, COLUMNS, MAILBOX_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.elements import ColumnElement
    from sqlalchemy.types import TypeEngine

__all__ = ["JSONText", "MessageOctets", "UTCDateTime", "listed_columns", "message_columns", "read_json", "type_of"]


_OF_TEXT = frozenset(
    {
        operators.match_op,
        operators.like_op,
        operators.not_like_op,
        operators.ilike_op,
        operators.not_ilike_op,
        operators.contains_op,
        operators.icontains_op,
        operators.startswith_op,
        operators.istartswith_op,
        operators.endswith_op,
        operators.iendswith_op,
    }
)


class UTCDateTime(sa.DateTime):
    """A moment, kept as UTC text `YYYY-MM-DD HH:MM:SS` and read as an aware datetime in UTC.

    A naive datetime is taken to be local time. A `date` is that whole day in local time: `created == date.today()` is
    today's mail, `created > day` what came after that day's end.
    """

    class Comparator(sa.DateTime.Comparator[datetime.datetime]):
        """Turns comparisons with a day into ranges of its moments."""

        def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            """Compare (SQLAlchemy's hook)."""
            if op is operators.in_op or op is operators.not_in_op:
                return self._within(op, other[0], kwargs)
            if op is operators.between_op and any(map(_is_day, other)):
                low, high = other
                return sa.and_(self._compare(operators.ge, low), self._compare(operators.le, high))
            if op is operators.not_between_op and any(map(_is_day, other)):
                low, high = other
                return sa.or_(self._compare(operators.lt, low), self._compare(operators.gt, high))
            if len(other) == 1 and _is_day(other[0]):
                return self._compare(op, other[0])
            return super().operate(op, *other, **kwargs)

        def _compare(self, op: Callable[..., Any], value: Any) -> ColumnElement[Any]:
            if not _is_day(value):
                return super().operate(op, value)
            start, end = day_bounds(value)
            inside = sa.and_(super().operate(operators.ge, start), super().operate(operators.lt, end))
            match op:
                case operators.eq:
                    return inside
                case operators.ne:
                    return sa.or_(super().operate(operators.lt, start), super().operate(operators.ge, end))
                case operators.lt:
                    return super().operate(operators.lt, start)
                case operators.le:
                    return super().operate(operators.lt, end)
                case operators.gt:
                    return super().operate(operators.ge, end)
                case operators.ge:
                    return super().operate(operators.ge, start)
            return super().operate(op, value)

        def _within(self, op: Callable[..., Any], values: Any, kwargs: dict[str, Any]) -> ColumnElement[Any]:
            if not isinstance(values, (list, tuple, set, frozenset)) or not any(map(_is_day, values)):
                return super().operate(op, values, **kwargs)
            any_of = sa.or_(*(self._compare(operators.eq, value) for value in values))
            return any_of if op is operators.in_op else sa.not_(any_of)

    comparator_factory = Comparator

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Write a moment for a statement."""
        return bound

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Write a moment into a statement."""
        return lambda value: f"'{bound(value)}'"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime.datetime | None]:
        """Read a moment of a row."""
        return _read


class _SearchedAsText:
    """Takes `match`, `contains`, `like` and their relatives to be about the text of what is no text to SQLAlchemy."""

    expr: ColumnElement[Any]

    def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        """Compare (SQLAlchemy's hook)."""
        if op in _OF_TEXT:
            return cast("ColumnElement[Any]", op(sa.type_coerce(self.expr, sa.Text), *other, **kwargs))
        return cast("ColumnElement[Any]", super().operate(op, *other, **kwargs))  # type: ignore[misc] # the type's own


class JSONText(sa.JSON):
    """JSON, of which the text can be searched: `flags.contains("Junk")`, `labels.match("in:sent")`."""

    class Comparator(_SearchedAsText, sa.JSON.Comparator[Any]):
        """Searches the text."""

    comparator_factory = Comparator


class MessageOctets(sa.LargeBinary):
    """Octets of a message, which the server can search: `email.match("budget")`."""

    class Comparator(_SearchedAsText, sa.LargeBinary.Comparator[bytes]):
        """Searches the text."""

    comparator_factory = Comparator


def bound(value: Any) -> str | None:
    """Give the UTC text of a moment, or of the local midnight a day begins with."""
    if value is None or isinstance(value, str):
        return value
    if _is_day(value):
        value = day_bounds(value)[0]
    return moment_text(value)


def day_bounds(day: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """Give the first moment of a local day and of the next; 23, 24 or 25 hours apart."""
    try:
        following = day + datetime.timedelta(days=1)
    except OverflowError:
        return _in_utc(day), datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return _in_utc(day), _in_utc(following)


def _in_utc(day: datetime.date) -> datetime.datetime:
    """Give the moment a local day begins; one whose year UTC does not have is the first or last there is."""
    midnight = datetime.datetime.combine(day, datetime.time())
    try:
        return midnight.astimezone(datetime.UTC)
    except (OverflowError, ValueError):
        return midnight.replace(tzinfo=datetime.UTC)


def _is_day(value: Any) -> bool:
    return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)


def _read(value: Any) -> datetime.datetime | None:
    if value is None:
        return None
    if len(value) == _SECONDS and value[4] == "-" and value[16] == ":":
        return datetime.datetime.fromisoformat(value + "+00:00")
    moment = datetime.datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def read_json(text: str) -> Any:
    """Read a JSON column; few messages have flags that no other has."""
    words = _words(text) if len(text) <= _CACHED_JSON else None
    return json.loads(text) if words is None else list(words)


@lru_cache(maxsize=1024)
def _words(text: str) -> tuple[str, ...] | None:
    """Read a list of strings; None for any other JSON."""
    found = json.loads(text)
    return tuple(found) if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


_CACHED_JSON = 256  # characters
_SECONDS = len("2026-11-20 10:11:12")
_TYPES: dict[str, Callable[[], TypeEngine[Any]]] = {
    "INTEGER": sa.Integer,
    "BOOLEAN": sa.Boolean,
    "TEXT": sa.Text,
    "JSON": JSONText,
    "BLOB": MessageOctets,
    "DATETIME": UTCDateTime,
}
_NEVER_NULL = frozenset({"uid", "mailbox", "name"})


def type_of(sql_type: str) -> TypeEngine[Any]:
    """Give the SQLAlchemy type of a column as the registry names it."""
    return _TYPES[sql_type]()


def message_columns(*, of_all: bool) -> list[sa.Column[Any]]:
    """Make the columns of a message table; of `messages`, where the mailbox is part of the key, with `of_all`."""
    key = ("mailbox", "uid") if of_all else ("uid",)
    return list(_columns(((c.name, c.sql_type) for c in COLUMNS), key))


def attachment_columns() -> list[sa.Column[Any]]:
    """Make the columns of the table `attachments`."""
    made = list(_columns(((c.name, c.sql_type) for c in ATTACHMENT_COLUMNS), ("mailbox", "uid", "part")))
    for column, of_registry in zip(made, ATTACHMENT_COLUMNS, strict=True):
        column.info["hidden"] = of_registry.hidden
    return made


def listed_columns() -> list[sa.Column[Any]]:
    """Make the columns of the table `mailboxes`."""
    return list(_columns(((c.name, c.sql_type) for c in MAILBOX_COLUMNS), ("name",)))


def _columns(named: Iterable[tuple[str, str]], key: tuple[str, ...]) -> Iterable[sa.Column[Any]]:
    for name, sql_type in named:
        yield sa.Column(
            name,
            type_of(sql_type),
            primary_key=name in key,
            autoincrement=False,
            nullable=name not in key and name not in _NEVER_NULL,
        )
