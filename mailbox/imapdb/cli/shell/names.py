"""What can be typed in a statement: keywords, functions, tables and their columns, and where each fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import apsw

from imapdb.sql.columns import ALIASES, COLUMNS, MAILBOX_COLUMNS
from imapdb.sql.functions import SCALARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Offer", "as_written", "offers"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = (
    "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "MATCH", "BETWEEN", "EXISTS", "AS",
    "JOIN", "LEFT JOIN", "ON", "GROUP BY", "HAVING", "ORDER BY", "ASC", "DESC", "LIMIT", "OFFSET", "DISTINCT",
    "UNION ALL", "WITH", "CASE", "WHEN", "THEN", "ELSE", "END", "COLLATE NOCASE",
)  # fmt: skip
_FUNCTIONS = (
    *(name for name in SCALARS if name not in ("escaped", "unescaped")),
    "count", "sum", "min", "max", "avg", "group_concat", "length", "lower", "upper", "substr", "coalesce", "date",
    "datetime", "julianday", "strftime", "json_each", "round", "replace", "instr",
)  # fmt: skip
# Behind these comes a table, under the name it has or in quotes.
_TABLE_NEXT = re.compile(r"(?:\b(?:FROM|JOIN)\s+(?:[^\s,()]+\s*,\s*)*|^\s*\.(?:schema|columns)\s+)\Z", re.IGNORECASE)
_WORD = re.compile(r'(?:"[^"]*|[^\s,()=<>"\';]*)\Z')
_QUALIFIED = re.compile(r'(?P<table>"(?:[^"]|"")+"|\w+)\.(?P<start>"?\w*)\Z')
_TABLES = re.compile(
    r'\b(?:FROM|JOIN)\s+(?P<table>"(?:[^"]|"")+"|[\w$]+)(?:\s+(?:AS\s+)?(?P<alias>\w+))?', re.IGNORECASE
)
_IN_STRING = re.compile(r"\A[^']*(?:'[^']*'[^']*)*'[^']*\Z")


class Offer(NamedTuple):
    """A way to go on: `text` in place of the last `length` characters. `what` says what it is."""

    text: str
    length: int
    what: str


def as_written(name: str) -> str:
    """Write a name as a statement wants it: quoted only where it has to be."""
    if _PLAIN.fullmatch(name) and name.upper() not in apsw.keywords:
        return name
    return '"' + name.replace('"', '""') + '"'


def offers(before: str, after: str, tables: Iterable[str], commands: Iterable[str]) -> Iterator[Offer]:
    """Give the ways to go on at the cursor of a statement, between `before` and `after`; `tables` are as written."""
    match = _WORD.search(before)
    word = match[0] if match else ""
    if re.fullmatch(r"\s*\.\w*", before):
        yield from (Offer(name, len(word), "command") for name in commands if name.startswith(word))
    elif _IN_STRING.match(before):
        return
    elif _TABLE_NEXT.search(before[: len(before) - len(word)]):
        start = word.removeprefix('"')
        yield from (Offer(name, len(word), "table") for name in tables if _begins(name.strip('"'), start))
    elif qualified := _QUALIFIED.search(before):
        columns = _columns_of(_named(before + after), qualified["table"])
        yield from _fitting(columns, qualified["start"], "column")
    elif word and not word.startswith('"'):
        yield from _fitting(dict.fromkeys(_columns(before + after)), word, "column")
        yield from (Offer(f"{name}(", len(word), "function") for name in _FUNCTIONS if _begins(name, word))
        yield from (Offer(name, len(word), "keyword") for name in _KEYWORDS if _begins(name, word))
    elif word:
        yield from _fitting(dict.fromkeys(_columns(before + after)), word, "column")


def _begins(name: str, start: str) -> bool:
    return name.lower().startswith(start.lower())


def _fitting(names: Iterable[str], word: str, what: str) -> Iterator[Offer]:
    start = word.removeprefix('"')
    for name in names:
        if _begins(name, start):
            written = as_written(name)
            yield Offer(f'"{name}"' if word.startswith('"') and written == name else written, len(word), what)


def _named(statement: str) -> list[tuple[str, str]]:
    """Find the tables of a statement with the names they are called by in it."""
    return [(m["table"].strip('"'), (m["alias"] or m["table"]).strip('"')) for m in _TABLES.finditer(statement)]


def _columns(statement: str) -> Iterator[str]:
    for table, _ in _named(statement) or [("messages", "")]:
        yield from _columns_in(table)


def _columns_of(named: list[tuple[str, str]], alias: str) -> Iterator[str]:
    wanted = alias.strip('"').lower()
    for table, called in named:
        if called.lower() == wanted or table.lower() == wanted:
            yield from _columns_in(table)
            return


def _columns_in(table: str) -> list[str]:
    if table.lower() == "mailboxes":
        return [column.name for column in MAILBOX_COLUMNS]
    return [*(column.name for column in COLUMNS), *ALIASES]
