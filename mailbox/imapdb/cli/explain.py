"""`imapdb explain`: what a statement would ask of the server, without asking it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from imapdb.cli.harmless import one_line
from imapdb.cli.login import PasswordStdinOption, UrlOption, account
from imapdb.cli.output import printing
from imapdb.cli.query import ParamOption, SQLArgument, statement_of, value_of

if TYPE_CHECKING:
    from imapdb.sql.explain import Explanation

__all__ = ["explain"]

# How a line of an explanation looks on a terminal, by its first word.
_STYLES = {"exact": "green", "narrowing": "yellow", "local": "red", "note:": "dim"}


def explain(
    sql: SQLArgument,
    *,
    param: ParamOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    url: UrlOption = None,
    password_stdin: PasswordStdinOption = False,
) -> None:
    """Show what a statement would ask of the server. Nothing is searched for and nothing is fetched.

    For every table: the commands, how many messages and octets at most, and how each condition is decided: exact (by
    the server alone), narrowing (by the server, then again here) or local (here).

        imapdb explain "SELECT subject FROM INBOX WHERE seen = 0"
    """
    statement = statement_of(sql, password_stdin=password_stdin)
    who = account(url, password_stdin=password_stdin)

    from imapdb.dbapi import connect  # noqa: PLC0415 - the engine is loaded once the options are right

    connection = connect(who)
    try:
        explained = connection.explain(statement, [value_of(written) for written in param or ()])
    finally:
        connection.close()
    with printing():
        if as_json:
            # In ASCII: what a terminal would act on can stand in strings only, and is escaped there.
            print(json.dumps(explained.to_dict(), indent=2))
        elif sys.stdout.isatty():
            _print_styled(explained)
        else:
            print("\n".join(map(one_line, str(explained).splitlines())))


def _print_styled(explained: Explanation) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich is only loaded to be seen
    from rich.text import Text  # noqa: PLC0415

    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    for line in map(one_line, str(explained).splitlines()):
        text = Text(line)
        word, indented = line.split(maxsplit=1)[0] if line.strip() else "", line.startswith(" ")
        if not indented and word != "note:":
            text.stylize("bold")
        elif word in _STYLES:
            start = line.index(word)
            whole = word == "note:"
            text.stylize(_STYLES[word], start, None if whole else start + len(word))
        console.print(text)
