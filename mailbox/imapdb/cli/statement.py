"""What `imapdb search` was asked, as one SELECT with its parameters."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imapdb.cli.uids import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["COLUMNS", "ORDERS", "Search", "quoted"]

COLUMNS = ("uid", "seen", "created", "sender", "subject", "size")
ORDERS = ("uid", "created", "sent", "size", "sender", "subject")
# Sorted as people sort words, not as their octets compare.
_WORDS = ("sender", "subject")


def quoted(name: str) -> str:
    """Write a name as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


@dataclasses.dataclass(frozen=True)
class Search:
    """The conditions of a search, all of which a message must meet; None and empty ones ask nothing.

    `flags` are pairs of a boolean column and its value, `texts` of a column and what it contains. `since` and `before`
    are UTC text; `larger` and `smaller` are octets and exclude the bound; `uids` are ranges.
    """

    mailbox: str
    columns: Sequence[str] = COLUMNS
    flags: Sequence[tuple[str, bool | None]] = ()
    texts: Sequence[tuple[str, str]] = ()
    since: str | None = None
    before: str | None = None
    larger: int | None = None
    smaller: int | None = None
    uids: Sequence[tuple[int, int]] = ()
    order: str = "created"
    descending: bool = True
    limit: int | None = None

    def sql(self) -> tuple[str, list[object]]:
        """Write the statement: identifiers quoted, every value a parameter."""
        terms: list[str] = []
        values: list[object] = []
        for term, given in self._conditions():
            terms.append(term)
            values += given
        order = quoted(self.order) + (" COLLATE NOCASE" if self.order in _WORDS else "")
        text = f"SELECT {', '.join(map(quoted, self.columns))} FROM {quoted(self.mailbox)}"  # noqa: S608 - quoted
        if terms:
            text += f" WHERE {' AND '.join(terms)}"
        text += f" ORDER BY {order}{' DESC' if self.descending else ''}"
        if self.limit is not None:
            text += " LIMIT ?"
            values.append(self.limit)
        return text, values

    def _conditions(self) -> Iterator[tuple[str, Sequence[object]]]:
        if self.uids:
            yield self._uid_condition()
        for column, value in self.flags:
            if value is not None:
                yield f"{quoted(column)} = ?", (int(value),)
        compared = (("created", ">=", self.since), ("created", "<", self.before))
        sized = (("size", ">", self.larger), ("size", "<", self.smaller))
        for column, operator, bound in (*compared, *sized):
            if bound is not None:
                yield f"{quoted(column)} {operator} ?", (bound,)
        for column, text in self.texts:
            yield f"contains({quoted(column)}, ?)", (text,)

    def _uid_condition(self) -> tuple[str, Sequence[object]]:
        """Write `uid IN (…)` for the single ones and a comparison for each range, tied by OR."""
        single = [first for first, last in self.uids if first == last]
        terms: list[str] = []
        values: list[object] = list(single)
        if single:
            terms.append(f'"uid" IN ({", ".join("?" * len(single))})')
        for first, last in self.uids:
            if first == last:
                continue
            if last == LARGEST:
                terms.append('"uid" >= ?')
                values.append(first)
            else:
                terms.append('"uid" BETWEEN ? AND ?')
                values += (first, last)
        return terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})", values
