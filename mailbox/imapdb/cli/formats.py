"""Rows as text for other programs: tab-separated, CSV and JSON. Each writes row by row, as the rows arrive."""

from __future__ import annotations

import base64
import csv
import json
import math
import re
from typing import TYPE_CHECKING, NamedTuple

from imapdb.cli.harmless import UNSAFE, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

__all__ = ["Column", "columns_of", "value_in_json", "write_csv", "write_json", "write_object", "write_tsv"]

_UNSAFE = re.compile(f"[{UNSAFE}]")


class Column(NamedTuple):
    """A column of an answer: its name and the SQL type it was declared with, in capitals ("" if none)."""

    name: str
    declared: str = ""


def columns_of(description: Iterable[Sequence[object]]) -> list[Column]:
    """Read the columns of an answer from the `description` of a PEP 249 cursor."""
    return [Column(str(entry[0]), str(entry[1] or "").upper()) for entry in description]


def write_tsv(out: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Write one line per row, its values parted by tabs; made harmless, so that a value never adds a tab or a line."""
    out.writelines("\t".join(one_line(str(_plain(value))) for value in row) + "\n" for row in rows)


def write_csv(out: TextIO, columns: Sequence[Column], rows: Iterable[Sequence[object]], *, careful: bool) -> None:
    """Write CSV with a line of names.

    `careful` makes the values harmless, as a terminal needs; a file gets them as they are.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([one_line(column.name) for column in columns])
    for row in rows:
        plain = (_plain(value) for value in row)
        writer.writerow([one_line(value) if careful and isinstance(value, str) else value for value in plain])


def write_json(out: TextIO, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """Write one JSON array with one object per row and line."""
    between = "["
    for row in rows:
        out.write(f"{between}\n{_object(out, columns, row)}")
        between = ","
    out.write("[]\n" if between == "[" else "\n]\n")


def write_object(out: TextIO, columns: Sequence[Column], row: Sequence[object]) -> None:
    """Write one row as a JSON object."""
    out.write(f"{_object(out, columns, row)}\n")


def _object(out: TextIO, columns: Sequence[Column], row: Sequence[object]) -> str:
    names = _distinct(column.name for column in columns)
    entry = {name: value_in_json(value, column) for name, column, value in zip(names, columns, row, strict=True)}
    ascii_only = (getattr(out, "encoding", None) or "utf-8").replace("-", "").lower() != "utf8"
    text = json.dumps(entry, ensure_ascii=ascii_only, allow_nan=False)
    # Escaped, these can stand only inside strings, where JSON reads them back as they were.
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _plain(value: object) -> object:
    if value is None:
        return ""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def value_in_json(value: object, column: Column) -> object:
    """Give a value as JSON has it: flags as lists, booleans as such, octets as base64 text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if column.declared == "BOOLEAN" and value in (0, 1):
        return bool(value)
    if column.declared == "JSON" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _distinct(names: Iterable[str]) -> Iterator[str]:
    """Put a number to the names that come again: a JSON object has each key once."""
    taken: set[str] = set()
    for name in names:
        unused, number = name, 1
        while unused in taken:
            number += 1
            unused = f"{name}_{number}"
        taken.add(unused)
        yield unused
