"""The command line: one module per command, one line per error.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted. What a command answers goes to standard
output, everything else to standard error.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from imapdb.cli.account import app as account_app
from imapdb.cli.attachments import attachments
from imapdb.cli.complaints import complain, warn
from imapdb.cli.count import count
from imapdb.cli.demo import demo
from imapdb.cli.explain import explain
from imapdb.cli.export import export
from imapdb.cli.mailboxes import mailboxes
from imapdb.cli.query import query
from imapdb.cli.search import search
from imapdb.cli.shell import shell
from imapdb.cli.show import show
from imapdb.errors import Error, UnreadableMailbox

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main", "run"]

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="imapdb",
    help="A mail account as a database: list, search and query it.",
    epilog="The account is --url or IMAPDB_URL, its password IMAPDB_PASSWORD. Try it without one: imapdb demo.",
    # Plain help reads the same on a terminal, in a pipe and in a log, and is printed sooner.
    rich_markup_mode=None,
    # Tracebacks with variables would show passwords; errors are printed by `run`.
    pretty_exceptions_enable=False,
)
app.command(short_help="Try it on a sample account.")(demo)
app.command(short_help="List the mailboxes of an account.")(mailboxes)
app.command(short_help="List messages of a mailbox.")(search)
app.command(short_help="Count messages of a mailbox.")(count)
app.command(short_help="Show one message.")(show)
app.command(short_help="List or save what is attached to messages.")(attachments)
app.command(short_help="Write messages to files.")(export)
app.command(short_help="Ask anything in SQL.")(query)
app.command(short_help="Ask one question after the other.")(shell)
app.command(short_help="Show what a statement would ask of the server.")(explain)
app.add_typer(account_app)


def _version(asked: bool) -> None:
    if asked:
        from importlib import metadata  # noqa: PLC0415 - slow to load, and rarely asked for

        try:
            print(f"imapdb {metadata.version('imapdb')}")
        except metadata.PackageNotFoundError:
            print("imapdb, not installed: run from its source")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(MISUSED)


def main() -> None:
    """Run the command line of this process and end it: the entry point `imapdb`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit code. Every error and warning becomes one line on standard error."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = warn
            # Each statement of a shell says anew what is missing from its answer.
            warnings.simplefilter("always", UnreadableMailbox)
            code = get_command(app).main(list(arguments), prog_name="imapdb", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (Error, OSError) as error:
        complain(error)
        return FAILED
    except typer.TyperException as error:
        # Most know the command they are about, and typer keeps the class of those to itself.
        path = getattr(getattr(error, "ctx", None), "command_path", "imapdb")
        complain(f"{error.format_message().rstrip('.')}; see {path} --help")
        return error.exit_code
    return code if isinstance(code, int) else 0
