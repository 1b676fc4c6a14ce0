"""`imapdb attachments`: what is attached to the messages that meet every condition, listed or saved."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from imapdb.cli.answer import Login, lent
from imapdb.cli.conditions import Conditions, MailboxArgument, without_sql
from imapdb.cli.found import ASKED, DESCRIPTION, Finding, Found
from imapdb.cli.groups import grouped
from imapdb.cli.harmless import one_line
from imapdb.cli.output import Form, printing
from imapdb.cli.progress import Progress
from imapdb.cli.selection import Selection
from imapdb.cli.sizes import counted, human
from imapdb.cli.wanted import Wanted, apart
from imapdb.errors import ProgrammingError
from imapdb.mime import filenames

__all__ = ["attachments"]


@grouped
def attachments(
    mailbox: MailboxArgument,
    *,
    conditions: Conditions,
    wanted: Wanted,
    selection: Selection,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="DIR",
            parser=Path,
            show_default=False,
            help="Save them in this directory, which is made where it is not there. Nothing is replaced: where a name "
            "is taken, a number is added. With --json or --csv they are listed too, with the path of each.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what --save would save, and under which names.")
    ] = False,
    form: Form,
    login: Login,
) -> None:
    """List what is attached to the messages of a mailbox that meet every condition, or save it.

    The conditions are those of search, on messages; but --larger and --smaller are about the attachment here.

        imapdb attachments INBOX --from greta --name '*.pdf' --save invoices

    Names come from whoever wrote the mail: a file is saved under one that is safe on every system, and always directly
    in DIR. Listing fetches no attachment. Nothing is changed: unread mail stays unread.
    """
    if dry_run and save is None:
        raise typer.BadParameter("it goes with --save", param_hint="--dry-run")
    if save is not None and os.path.lexists(save) and not save.is_dir():
        raise typer.BadParameter(f"{save} is no directory", param_hint="--save")
    of_messages, sizes = apart(conditions)
    finding = Finding(selection.select(mailbox, ASKED, of_messages.term()), wanted, sizes)
    try:
        if save is None:
            _list(finding, form, login)
        elif dry_run:
            _plan(finding, save, form, login)
        else:
            _save(finding, save, form, login)
    except ProgrammingError as error:
        raise without_sql(error, mailbox) from error


def _list(finding: Finding, form: Form, login: Login) -> None:
    with login.connected() as connection, Progress(connection) as progress, finding.on(connection) as found:
        form.print_rows(DESCRIPTION[:-1], (one.row() for one in found), on_show=progress.stop)


def _plan(finding: Finding, directory: Path, form: Form, login: Login) -> None:
    with login.connected() as connection, Progress(connection), finding.on(connection) as found:
        listed = list(found)
    taken = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    names = filenames.numbered((one.safe_name for one in listed), taken)
    form.print_rows(DESCRIPTION, [one.row(directory / name) for one, name in zip(listed, names, strict=True)])
    octets = sum(one.told["size"] or 0 for one in listed)
    print(f"{_counted(listed)} would be saved to {one_line(str(directory))}, {human(octets)}", file=sys.stderr)


def _save(finding: Finding, directory: Path, form: Form, login: Login) -> None:
    from imapdb.cli.saving import Saved, save  # noqa: PLC0415 - SQLAlchemy is loaded for those that need it

    saved = Saved()
    with login.opened() as database:
        with lent(database) as connection, Progress(connection), finding.on(connection) as found:
            listed = list(found)
        try:
            save(database, listed, directory, saved)
        finally:
            # Also where the rest of them could not be had.
            done = _counted([listed[place] for place in saved.paths])
            failed = f", {saved.failed:,} failed" if saved.failed else ""
            summary = f"{done} saved to {one_line(str(directory))}, {human(saved.octets)}{failed}\n"
            if form.as_json or form.as_csv:
                form.print_rows(DESCRIPTION, [one.row(saved.paths.get(n)) for n, one in enumerate(listed)])
                sys.stderr.write(summary)
            else:
                with printing() as out:
                    out.write(summary)
    if saved.failed:
        raise typer.Exit(1)


def _counted(found: Sequence[Found]) -> str:
    messages = {(one.mailbox, one.uid) for one in found}
    return f"{counted(len(found), 'attachment')} of {counted(len(messages), 'message')}"
