"""Where the answer goes and in which form: the options all commands share, and the choice they lead to."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from imapdb.cli.formats import columns_of, write_csv, write_json, write_tsv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["CsvOption", "JsonOption", "print_rows", "printing"]

JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON array with an object per row. Octets (BLOB) are base64 text, flags and other JSON columns "
        "JSON values; a column name that comes twice is numbered (uid, uid_2).",
    ),
]
CsvOption = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="Print CSV with a line of column names. Octets (BLOB) are base64 text, NULL is empty. Beware of opening "
        "it with a spreadsheet: a sender may have written a formula.",
    ),
]


def print_rows(
    description: Sequence[Sequence[object]] | None,
    rows: Iterable[Sequence[object]],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print the rows of a PEP 249 cursor as they arrive.

    As JSON or CSV if that was asked for; else a table where standard output is a terminal, and otherwise
    tab-separated lines without a heading. A statement that has no rows to give (`description` None) prints nothing.
    """
    if description is None:
        return
    columns = columns_of(description)
    terminal = sys.stdout.isatty()
    with printing():
        if as_json:
            write_json(sys.stdout, columns, rows)
        elif as_csv:
            write_csv(sys.stdout, columns, rows, careful=terminal)
        elif terminal:
            from imapdb.cli.table import write_table  # noqa: PLC0415 - rich is only loaded to be seen

            write_table(sys.stdout, columns, rows)
        else:
            write_tsv(sys.stdout, rows)


@contextmanager
def printing() -> Iterator[None]:
    """Write to standard output until its reader has had enough (`| head`), which is no failure.

    Characters the output's encoding lacks are written as escapes.
    """
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # absent where a test has put another stream
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more when it ends; what is left may go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise typer.Exit from None
