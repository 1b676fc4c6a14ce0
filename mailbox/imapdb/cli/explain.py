"""`imapdb explain`: what a statement would ask of the server, without asking it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from imapdb.cli.answer import Login
from imapdb.cli.groups import grouped
from imapdb.cli.harmless import one_line
from imapdb.cli.output import Look, console, printing
from imapdb.cli.query import ParamOption, SQLArgument, statement_of, value_of

if TYPE_CHECKING:
    from rich.console import Console

    from imapdb.sql.explain import Explanation

__all__ = ["explain", "print_explanation"]

# How a line of an explanation looks on a terminal, by its first word.
_STYLES = {"exact": "green", "narrowing": "yellow", "local": "red", "note:": "dim"}


@grouped
def explain(
    sql: SQLArgument,
    *,
    param: ParamOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    look: Look,
    login: Login,
) -> None:
    """Show what a statement would ask of the server. Nothing is searched for and nothing is fetched.

    For every table: the commands, how many messages and octets at most, and how each condition is decided: exact (by
    the server alone), narrowing (by the server, then again here) or local (here).

        imapdb explain "SELECT subject FROM INBOX WHERE seen = 0"
    """
    statement = statement_of(sql, password_stdin=login.password_stdin)
    with login.connected() as connection:
        explained = connection.explain(statement, [value_of(written) for written in param or ()])
    print_explanation(explained, look, as_json=as_json)


def print_explanation(explained: "Explanation", look: Look, *, as_json: bool = False) -> None:
    """Print an explanation: on a terminal each line says by its colour who decides."""
    with printing(look) as out:
        if as_json:
            # In ASCII: what a terminal would act on can stand in strings only, and is escaped there.
            out.write(f"{json.dumps(explained.to_dict(), indent=2)}\n")
        elif out.isatty():
            _print_styled(explained, console(out, look))
        else:
            out.writelines(f"{one_line(line)}\n" for line in str(explained).splitlines())


def _print_styled(explained: "Explanation", terminal: "Console") -> None:
    from rich.text import Text  # noqa: PLC0415 - rich is only loaded to be seen

    for line in map(one_line, str(explained).splitlines()):
        text = Text(line)
        word, indented = line.split(maxsplit=1)[0] if line.strip() else "", line.startswith(" ")
        if not indented and word != "note:":
            text.stylize("bold")
        elif word in _STYLES:
            start = line.index(word)
            whole = word == "note:"
            text.stylize(_STYLES[word], start, None if whole else start + len(word))
        terminal.print(text, soft_wrap=True)
