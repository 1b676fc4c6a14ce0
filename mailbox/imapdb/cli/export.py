"""`imapdb export`: the messages that meet every condition, as files of their own or as one mbox."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from imapdb.cli.answer import Login
from imapdb.cli.bar import Bar
from imapdb.cli.complaints import complain
from imapdb.cli.conditions import Conditions, MailboxArgument, without_sql
from imapdb.cli.eml import Letters
from imapdb.cli.files import check_new, new_file
from imapdb.cli.groups import grouped
from imapdb.cli.harmless import one_line
from imapdb.cli.mbox import entry
from imapdb.cli.output import printing
from imapdb.cli.progress import Progress
from imapdb.cli.selection import Selection
from imapdb.cli.sizes import counted, human
from imapdb.cli.statement import Term
from imapdb.cli.stored import ASKED, Listed, Stored, stored
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from imapdb.dbapi import Connection

__all__ = ["export"]

_STDOUT = "-"


@grouped
def export(
    mailbox: MailboxArgument,
    *,
    conditions: Conditions,
    selection: Selection,
    eml: Annotated[
        Path | None,
        typer.Option(
            "--eml",
            metavar="DIR",
            parser=Path,
            show_default=False,
            help="Write each message, octet for octet, to a file of its own in this directory, which is made where it "
            "is not there: '332 Kurzer Gruß.eml'.",
        ),
    ] = None,
    mbox: Annotated[
        str | None,
        typer.Option(
            "--mbox",
            metavar="FILE",
            show_default=False,
            help="Write all of them to this one file, as mboxrd: lines end with LF, and > stands before those that "
            "begin with From. - is standard output.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    login: Login,
) -> None:
    """Write the messages of a mailbox that meet every condition to files.

        imapdb export INBOX --before 2025-01-01 --mbox old.mbox

    The conditions are those of search. Messages are written by mailbox and uid, the oldest arrival first; --order and
    --reverse only say which of them --limit leaves. A file that is there already is not replaced, and ends the command
    with 1; an mbox gets its name once all of it is written.

    Nothing is changed: unread mail stays unread.
    """
    if (eml is None) == (mbox is None):
        raise typer.BadParameter("choose one", param_hint="--eml / --mbox")
    if eml is not None and os.path.lexists(eml) and not eml.is_dir():
        raise typer.BadParameter(f"{eml} is no directory", param_hint="--eml")
    if mbox == _STDOUT and sys.stdout.isatty():
        raise typer.BadParameter("mail is nothing for a terminal: name a file, or use a pipe", param_hint="--mbox")
    if mbox is not None and mbox != _STDOUT:
        check_new(Path(mbox), replace=force)
    if selection.limit is None:
        # Nothing is left out, so that what they are sorted by need not be fetched.
        selection = Selection(order="uid")
    asked = selection.select(mailbox, ASKED, conditions.term())
    done = _Done()
    with login.connected() as connection:
        listed = _listed(connection, asked, mailbox)
        if eml is None:
            _write_mbox(connection, mailbox, listed, str(mbox), done, replace=force)
            done.tell(str(mbox))
        else:
            try:
                _write_eml(connection, mailbox, listed, eml, done, replace=force)
            finally:
                # Also where the rest of them could not be had: these are there.
                done.tell(str(eml))
    if done.failed:
        raise typer.Exit(1)


class _Done:
    """What has been written so far."""

    def __init__(self) -> None:
        self.messages = 0
        self.octets = 0
        self.failed = 0

    def tell(self, where: str) -> None:
        """Print it in one line, on standard error where the messages themselves went to standard output."""
        failed = f", {self.failed:,} failed" if self.failed else ""
        what = f"{counted(self.messages, 'message')} exported"
        if where == _STDOUT:
            print(f"{what}, {human(self.octets)}{failed}", file=sys.stderr)
            return
        with printing() as out:
            out.write(f"{what} to {one_line(where)}, {human(self.octets)}{failed}\n")


def _listed(connection: "Connection", asked: Term, mailbox: str) -> list[Listed]:
    try:
        with Progress(connection), connection.cursor() as cursor:
            return [Listed(*row) for row in cursor.execute(*asked)]
    except ProgrammingError as error:
        raise without_sql(error, mailbox) from error


def _write_eml(
    connection: "Connection", mailbox: str, listed: list[Listed], directory: Path, done: _Done, *, replace: bool
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    letters = Letters(directory, of_all=mailbox.lower() == "messages", replace=replace)
    _each(connection, mailbox, listed, letters.write, done)


def _write_mbox(
    connection: "Connection", mailbox: str, listed: list[Listed], where: str, done: _Done, *, replace: bool
) -> None:
    with _binary(where, replace=replace) as file:

        def write(message: Stored, octets: bytes) -> None:
            file.write(entry(octets, message.sender, message.created))

        _each(connection, mailbox, listed, write, done)


@contextmanager
def _binary(where: str, *, replace: bool) -> Iterator[BinaryIO]:
    if where == _STDOUT:
        with printing():
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
    else:
        with new_file(Path(where), replace=replace) as file:
            yield file


def _each(
    connection: "Connection", mailbox: str, listed: list[Listed], write: Callable[[Stored, bytes], None], done: _Done
) -> None:
    """Fetch the messages and write each of them; one that cannot be written is complained of, and the others go on."""
    came = 0
    with Bar(sum(message.size or 0 for message in listed)) as bar:
        for message in stored(connection, mailbox, listed):
            came += 1
            if message.octets is None:
                done.failed += 1
                complain(f"message {message.uid} in {message.mailbox} was not written: the server does not give it")
                continue
            bar.advance(len(message.octets))
            try:
                write(message, message.octets)
            except ProgrammingError as error:
                done.failed += 1
                complain(error)
                continue
            done.messages += 1
            done.octets += len(message.octets)
    if came < len(listed):
        complain(f"warning: {counted(len(listed) - came, 'message')} gone meanwhile")
