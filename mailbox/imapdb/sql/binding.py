"""Python values as SQL has them: what a parameter of a statement may be."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imapdb.errors import DataError, ProgrammingError
from imapdb.mime.dates import to_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parameters", "bound", "moment_text"]

Parameters: TypeAlias = "Sequence[Any] | Mapping[str, Any]"

_PLAIN: Final = frozenset({int, float, str, bytes, bool, bytearray, memoryview, type(None)})


def bound(parameters: Parameters) -> Any:
    """Bind the parameters of a statement. Raises ProgrammingError or DataError for what SQL has no value for."""
    if isinstance(parameters, Mapping):
        return {name: _value(value) for name, value in parameters.items()}
    return tuple(_value(value) for value in parameters)


def _value(value: Any) -> Any:
    """Bind one value: moments as UTC text (naive ones are local), days as their date.

    numpy's numbers are taken for what they stand for: SQLite would read their octets as a BLOB, which is greater than
    every number.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime.datetime):
        return moment_text(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (str, bytes)):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if hasattr(value, "__index__"):
        return operator.index(value)
    if hasattr(value, "__float__"):
        return float(value)
    raise ProgrammingError(f"a parameter is of no type SQL knows: {type(value).__name__}")


def moment_text(moment: datetime.datetime) -> str | None:
    """Write a moment as UTC text; pandas' own kind too, whose NaT is NULL.

    Raises DataError for a moment that has no year between 1 and 9999 in UTC.
    """
    if moment != moment:  # noqa: PLR0124 - NaT is the only moment that is not itself
        return None
    if hasattr(moment, "to_pydatetime"):
        # The nanoseconds it would warn of are below what mail has.
        moment = moment.to_pydatetime(warn=False)
    try:
        return to_sql(moment.astimezone(datetime.UTC))
    except (OverflowError, ValueError):
        raise DataError(f"{moment} is out of the years 1 to 9999 in UTC") from None
