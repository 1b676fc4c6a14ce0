"""Where the answer goes and in which form: the options all commands share, and the choice they lead to."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TextIO, cast

import typer

from imapdb.cli.formats import columns_of, write_csv, write_json, write_tsv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    Description = Sequence[Sequence[object]] | None

__all__ = ["CsvOption", "Form", "JsonOption", "Look", "console", "print_rows", "printing"]

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


@dataclass(frozen=True)
class Look:
    """How an answer is shown on a terminal."""

    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours on the terminal; NO_COLOR in the environment says the same.")
    ] = False
    no_pager: Annotated[
        bool,
        typer.Option(
            "--no-pager",
            help="Print an answer that is longer than the terminal as it is, where else $PAGER shows it (less -FRX).",
        ),
    ] = False


@dataclass(frozen=True)
class Form(Look):
    """The form of an answer that has rows. Raises BadParameter for two forms at once."""

    as_json: JsonOption = False
    as_csv: CsvOption = False

    def __post_init__(self) -> None:
        """See that there is one form."""
        if self.as_json and self.as_csv:
            raise typer.BadParameter("choose one", param_hint="--json / --csv")

    def print_rows(
        self,
        description: Description,
        rows: Iterable[Sequence[object]],
        *,
        as_table: bool | None = None,
        on_show: Callable[[], None] = lambda: None,
    ) -> None:
        """Print the rows of a PEP 249 cursor as they arrive.

        As JSON or CSV if that was asked for; else a table where standard output is a terminal (or `as_table` says so),
        and otherwise tab-separated lines without a heading. A statement that has no rows to give (`description` None)
        prints nothing. `on_show` is called before a terminal is written to.
        """
        if description is None:
            return
        columns = columns_of(description)
        with printing(self, on_show) as out:
            if self.as_json:
                write_json(out, columns, rows)
            elif self.as_csv:
                write_csv(out, columns, rows, careful=out.isatty())
            elif as_table or (as_table is None and out.isatty()):
                from imapdb.cli.table import write_table  # noqa: PLC0415 - rich is only loaded to be seen

                write_table(console(out, self), columns, rows)
            else:
                write_tsv(out, rows)


def print_rows(description: Description, rows: Iterable[Sequence[object]], *, as_json: bool, as_csv: bool) -> None:
    """Print rows in the form that was asked for."""
    Form(as_json=as_json, as_csv=as_csv).print_rows(description, rows)


def console(out: TextIO, look: Look | None = None) -> Console:
    """Make a writer of tables and styles that takes every text for text: no markup, no emoji."""
    from rich.console import Console  # noqa: PLC0415 - rich is only loaded to be seen

    # None leaves it to NO_COLOR.
    colourless = True if look is not None and look.no_color else None
    return Console(file=out, markup=False, highlight=False, emoji=False, no_color=colourless)


@contextmanager
def printing(look: Look | None = None, on_show: Callable[[], None] = lambda: None) -> Iterator[TextIO]:
    """Give standard output to write to, until its reader has had enough (`| head`), which is no failure.

    With a `look`, what is longer than a terminal goes through a pager. Characters the output's encoding lacks are
    written as escapes.
    """
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # absent where a test has put another stream
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        if look is not None and sys.stdout.isatty():
            from imapdb.cli.pager import PagerLeft, Screen, pager_command  # noqa: PLC0415 - for a terminal only

            screen = Screen(sys.stdout, None if look.no_pager else pager_command(), on_show)
            try:
                yield cast("TextIO", screen)
            except PagerLeft:
                return
            finally:
                screen.finish()
        else:
            yield sys.stdout
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more when it ends; what is left may go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise typer.Exit from None
