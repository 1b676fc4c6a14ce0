"""Rows as a table on a terminal: columns as wide as they need and the screen allows.

The first rows decide the widths; the rows after them are printed as they arrive, so that a long answer starts at once
and is never held in memory.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from imapdb.cli.harmless import one_line, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from imapdb.cli.formats import Column

__all__ = ["fitted", "write_table"]

# Rows looked at for the widths, and printed at a time.
_PIECE = 100
_GAP = 2
# Room for larger numbers further down, if there is a further down.
_MORE_DIGITS = 3
# A column cut below this tells nothing: then each row is printed as a list of its values.
_NARROWEST = 8


def write_table(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their column names, colours and width as the terminal has them.

    Values are text and nothing else: no markup, no control characters. Where the columns would become too narrow,
    each row is printed as a list of its values.
    """
    source = iter(rows)
    start = list(islice(source, _PIECE))
    numeric = [_is_numeric(column, [row[place] for row in start]) for place, column in enumerate(columns)]
    first = [_cells(row, columns) for row in start]
    rest = (_cells(row, columns) for row in source)
    heads = [_head(column) for column in columns]
    natural = [max(map(cell_len, (head, *cells))) for head, *cells in zip(heads, *first, strict=True)]
    if len(start) == _PIECE:
        natural = [wanted + _MORE_DIGITS * right for wanted, right in zip(natural, numeric, strict=True)]
    widths = fitted(natural, console.width - _GAP * (len(natural) - 1))
    if not first:
        console.print(Text("  ".join(heads), style="bold"), no_wrap=True, overflow="ellipsis")
        console.print(Text("(no rows)", style="dim"))
    elif any(given < min(wanted, _NARROWEST) for given, wanted in zip(widths, natural, strict=True)):
        _print_lists(console, heads, chain(first, rest))
    else:
        for number, piece in enumerate(_pieces(first, rest)):
            table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=number == 0)
            for head, fit, right in zip(heads, widths, numeric, strict=True):
                # A cut number would be a wrong number: it goes on in the next line instead.
                table.add_column(
                    Text(head, style="bold underline"),
                    width=fit,
                    no_wrap=not right,
                    overflow="fold" if right else "ellipsis",
                    justify="right" if right else "left",
                )
            for row in piece:
                table.add_row(*(Text(cell) for cell in row))
            console.print(table)


def fitted(natural: Sequence[int], room: int) -> list[int]:
    """Choose the widths of columns: what they need if there is room, else the widest are cut to one common width."""
    if sum(natural) <= room:
        return list(natural)
    common, rest = 1, room
    for number, wanted in enumerate(sorted(natural)):
        common = max(rest // (len(natural) - number), 1)
        if wanted > common:
            break
        rest -= wanted
    return [min(wanted, common) for wanted in natural]


def _head(column: Column) -> str:
    name = one_line(column.name)
    return f"{name} (UTC)" if column.declared == "DATETIME" else name


def _is_numeric(column: Column, values: Iterable[object]) -> bool:
    """Judge a column by its first values: sums and counts have no declared type."""
    present = [value for value in values if value is not None]
    return bool(present) and column.declared != "BOOLEAN" and all(isinstance(value, (int, float)) for value in present)


def _cells(row: Sequence[object], columns: Sequence[Column]) -> list[str]:
    return [_displayed(value, column) for value, column in zip(row, columns, strict=True)]


def _displayed(value: object, column: Column) -> str:
    if column.declared == "BOOLEAN" and value in (0, 1):
        return "yes" if value else "no"
    return shown(value)


def _pieces(first: list[list[str]], rest: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    piece = first
    while piece:
        yield piece
        piece = list(islice(rest, _PIECE))


def _print_lists(console: Console, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    widest = max(map(cell_len, heads))
    for number, row in enumerate(rows, start=1):
        console.print(Text(f"row {number}", style="dim"))
        for head, cell in zip(heads, row, strict=True):
            line = Text(head + " " * (widest - cell_len(head) + _GAP), style="bold")
            console.print(line.append(cell, style="not bold"), overflow="fold")
