"""Random values for random SQL: taken from the rows, or odd; written as parameters or as literals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from hypothesis import strategies as st

from tests.kit.oracle import SYSTEM_FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.kit.oracle import Row

__all__ = ["DATES", "NUMBERS", "TEXTS", "Statement", "Values", "quoted_name"]

T = TypeVar("T")

NUMBERS: Final = ("uid", "size")
DATES: Final = ("created", "sent")
TEXTS: Final = (
    "sender", "to", "cc", "bcc", "reply_to", "sender_name", "sender_address", "subject", "message_id", "in_reply_to",
    "references", "list_id", "mime", "recipients", "refs", "text", "html", "content",
)  # fmt: skip
_ODD: Final[tuple[Any, ...]] = (
    None, None, None,
    0, 1, 2, -1, 5, 5.5, -0.5, 1.0, "5", " 5 ", "5.0", "1", "abc", "", b"", b"5", True, False, 2**32 - 1, 2**32,
    2**33, 2**63 - 1, -(2**63), 1e300, "é", "O'Brien", "2024-02-28", "2024-02-28 00:00:00", "2024-02-29 23:59:59",
    "2024-02-30", "2024", "1969-12-31", "1970-01-01", "1970-01-02 00:00:00", "2037-12-31", "2038-01-19 03:14:07",
    "2038-01-20", "9999-12-31",
)  # fmt: skip
_NEEDLES: Final = (None, "", 5, 5.5, "ss", "ß", "%", "\u017f", "\u212a", "'", '"', "\\", "example.org", "=?", "@", "<")
# Names that mean something to SQL, and so stand in quotes always.
_RESERVED: Final = frozenset({"to", "references"})

# Where a value stands until the statement is complete; no name and no literal holds these characters.
_PLACE: Final = re.compile("\x01(\\d+)\x02")


class Statement(NamedTuple):
    """A SELECT. `ordered` says that its ORDER BY leaves no two rows to choose between; `star` that it is a SELECT *."""

    sql: str
    parameters: list[Any] | dict[str, Any]
    ordered: bool
    star: bool = False


def quoted_name(text: str) -> str:
    """Write a name as SQL."""
    return '"' + text.replace('"', '""') + '"'


class Values:
    """Draws choices and values, and writes them.

    A value may be drawn before or behind the ones that stand before it: parameters get their places at the end.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], tables: Mapping[str, Sequence[Row]]) -> None:
        self._draw = draw
        self.tables = tables
        self.boxes = [name for name in tables if name != "messages"]
        self._values: list[Any] = []

    def pick(self, choices: Sequence[T]) -> T:
        picked: T = self._draw(st.sampled_from(choices))
        return picked

    def chance(self, of: int) -> bool:
        return bool(self._draw(st.integers(0, of - 1)) == 0)

    def number(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def table(self) -> str:
        return self.pick([*self.boxes, *self.boxes, "messages"])

    # Values.

    def held(self, column: str) -> Any:
        rows = self.tables["messages"]
        return rows[self.number(0, len(rows) - 1)][column]

    def value(self, column: str) -> Any:
        if self.chance(4):
            return self.pick(_ODD)
        if column in SYSTEM_FLAGS:
            return self.pick((0, 1, 1, 0, True, False))
        value = self.held(column)
        if isinstance(value, int) and self.chance(2):
            return self.pick((value + 1, value - 1, value + 0.5, str(value), str(value + 1)))
        if isinstance(value, str) and self.chance(4):
            return self._part(value)
        if isinstance(value, str) and column in DATES and self.chance(2):
            return value[: self.pick((10, 7, 13))]
        return value

    def _part(self, text: str) -> str:
        start = self.number(0, len(text))
        return text[start : start + self.number(1, 12)]

    def needle(self, column: str) -> Any:
        """A part of what a column holds, in this case or that."""
        if self.chance(12):
            return self.pick(_NEEDLES)
        held = self.held(column)
        words = str(held or "").split() or [""]
        text = self.pick(words) if self.chance(2) else self._part(str(held or ""))
        changes: tuple[Callable[[str], str], ...] = (str, str, str.upper, str.lower, str.casefold, str.swapcase)
        return self.pick(changes)(text)

    def pattern(self, column: str) -> Any:
        """A LIKE pattern around a needle."""
        needle = self.needle(column)
        if not isinstance(needle, str):
            return needle
        if needle and self.chance(3):
            place = self.number(0, len(needle) - 1)
            needle = needle[:place] + self.pick(("_", "%", "%%")) + needle[place + self.pick((0, 1)) :]
        return self.pick(("%", "", "%", "_")) + needle + self.pick(("%", "", "%", "_"))

    def glob(self, column: str) -> str:
        """A GLOB pattern around a needle."""
        needle = str(self.needle(column))
        if needle and self.chance(2):
            place = self.number(0, len(needle) - 1)
            needle = needle[:place] + self.pick(("?", "*", "[a-z]", "[^x]", "[!a]", "[", "[]]")) + needle[place + 1 :]
        return self.pick(("*", "", "*", "?")) + needle + self.pick(("*", "", "*", "?"))

    # Writing them.

    def mark(self, value: Any) -> str:
        """Write a value: one in three into the SQL, the others as parameters."""
        if self.chance(3) and not (isinstance(value, str) and "\0" in value):
            return self._literal(value)
        self._values.append(value)
        return f"\x01{len(self._values) - 1}\x02"

    def _literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, int):
            return f"0x{value:X}" if value >= 0 and self.chance(5) else str(value)
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, bytes):
            return f"X'{value.hex()}'"
        return "'" + str(value).replace("'", "''") + "'"

    def name(self, qualifier: str, column: str) -> str:
        """Write a column, behind the name of its table unless that is empty."""
        written = column
        if column in _RESERVED or self.chance(6):
            written = self.pick((quoted_name(column), quoted_name(column), f"[{column}]", f"`{column}`"))
        elif self.chance(12):
            written = column.upper()
        return f"{qualifier}.{written}" if qualifier else written

    def complete(self, sql: str, *, ordered: bool, star: bool = False) -> Statement:
        """Give every parameter its place: `?`, `?2` or `:name`; equal ones may share theirs."""
        style = self.pick(("?", "?", "?", "mixed", "mixed", ":"))
        values: list[Any] = []

        def place(match: re.Match[str]) -> str:
            value = self._values[int(match[1])]
            if style != "?":
                known = [at for at, other in enumerate(values, 1) if type(other) is type(value) and other == value]
                if known:
                    return f"{style}p{known[0]}" if style == ":" else f"?{known[0]}"
            values.append(value)
            if style == ":":
                return f":p{len(values)}"
            return f"?{len(values)}" if style == "mixed" and len(values) % 2 else "?"

        written = _PLACE.sub(place, sql)
        if style == ":" and values:
            return Statement(written, {f"p{at}": value for at, value in enumerate(values, 1)}, ordered, star)
        return Statement(written, values, ordered, star)
