"""What a command line asks of a mailbox, as one SELECT with its parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imapdb.cli.uids import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ORDERS",
    "Term",
    "contains",
    "count",
    "has_keyword",
    "is_flag",
    "joined",
    "matches",
    "quoted",
    "raw",
    "select",
    "uids",
]

ORDERS = ("uid", "created", "sent", "size", "sender", "subject")
# Sorted as people sort words, not as their octets compare.
_WORDS = ("sender", "subject")

# Strings, names and comments, in which nothing counts; and what does count.
_PART = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)|[();?]""", re.DOTALL)


class Term(NamedTuple):
    """A condition, and the values of its `?`. An empty one asks nothing."""

    text: str
    values: Sequence[object] = ()


def quoted(name: str) -> str:
    """Write a name as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def is_flag(column: str, value: bool) -> Term:
    """Ask for a flag, or for its absence."""
    return Term(f"{quoted(column)} = ?", (int(value),))


def has_keyword(name: str, value: bool) -> Term:
    """Ask for a keyword, or for its absence."""
    return Term(f'{"" if value else "NOT "}has_flag("flags", ?)', (name,))


def contains(column: str, text: str, *, value: bool = True) -> Term:
    """Ask for a text in a column, or for its absence: a header that is not there does not hold it either."""
    return Term(f"contains({quoted(column)}, ?){'' if value else ' IS NOT 1'}", (text,))


def matches(column: str, words: str) -> Term:
    """Ask for what the server's own search finds."""
    return Term(f"{quoted(column)} MATCH ?", (words,))


def uids(ranges: Sequence[tuple[int, int]]) -> Term:
    """Ask for uids: `IN (…)` for the single ones and a comparison for each range, tied by OR."""
    single = [first for first, last in ranges if first == last]
    terms: list[str] = []
    values: list[object] = list(single)
    if single:
        terms.append(f'"uid" IN ({", ".join("?" * len(single))})')
    for first, last in ranges:
        if first == last:
            continue
        if last == LARGEST:
            terms.append('"uid" >= ?')
            values.append(first)
        else:
            terms.append('"uid" BETWEEN ? AND ?')
            values += (first, last)
    return Term(terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})", values)


def raw(written: str) -> Term:
    """Take a condition written in SQL. Raises ValueError where it could not stand in parentheses."""
    depth = 0
    for part in _PART.findall(written):
        depth += (part == "(") - (part == ")")
        if depth < 0 or part == ";":
            raise ValueError(f"{written!r} is not one condition")
        if part == "?":
            raise ValueError(f"{written!r}: write values where they belong, not ?")
    if depth or not written.strip():
        raise ValueError(f"{written!r} is not one condition")
    # On a line of its own: what follows a comment would be gone with it.
    return Term(f"({written}\n)" if "--" in written else f"({written})")


def joined(terms: Iterable[Term], *, any_of: bool = False) -> Term:
    """Tie conditions: all of them, or any of them."""
    listed = list(terms)
    return Term(
        (" OR " if any_of else " AND ").join(term.text for term in listed),
        [value for term in listed for value in term.values],
    )


def select(
    mailbox: str,
    columns: Sequence[str],
    where: Term,
    *,
    order: str = "created",
    descending: bool = True,
    limit: int | None = None,
) -> Term:
    """Write the statement of a search: identifiers quoted, every value a parameter."""
    text = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(mailbox)}{_where(where)}"  # noqa: S608 - quoted
    text += f" ORDER BY {quoted(order)}{' COLLATE NOCASE' if order in _WORDS else ''}{' DESC' if descending else ''}"
    if limit is None:
        return Term(text, where.values)
    return Term(f"{text} LIMIT ?", [*where.values, limit])


def count(mailbox: str, where: Term) -> Term:
    """Write the statement that counts what a search would list."""
    return Term(f"SELECT count(*) FROM {quoted(mailbox)}{_where(where)}", where.values)  # noqa: S608 - quoted


def _where(where: Term) -> str:
    return f" WHERE {where.text}" if where.text else ""
