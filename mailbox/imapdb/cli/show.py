"""`imapdb show`: one message for a reader, or what it is made of: its headers, its html, a part, all its octets."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from imapdb.cli.answer import Login, lent
from imapdb.cli.bar import Bar
from imapdb.cli.complaints import complain
from imapdb.cli.completion import complete_mailbox
from imapdb.cli.conditions import mailbox_name, without_sql
from imapdb.cli.files import check_new, new_file
from imapdb.cli.formats import columns_of, value_in_json, write_object
from imapdb.cli.groups import grouped
from imapdb.cli.letter import SHOWN, all_fields, main_fields, print_fields, print_message, print_text
from imapdb.cli.output import Look, printing
from imapdb.cli.progress import Progress
from imapdb.cli.statement import quoted
from imapdb.cli.uids import LARGEST
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from imapdb.attachment import Attachment
    from imapdb.dbapi import Connection

__all__ = ["show"]

_PIECE = 64 * 1024
_BODY = ("text", "attachments", "problems")
# What a terminal can show of a part, once its control characters are written out.
_READABLE = ("text/", "message/")


@grouped
def show(
    mailbox: Annotated[
        str,
        typer.Argument(
            metavar="MAILBOX",
            show_default=False,
            callback=mailbox_name,
            autocompletion=complete_mailbox,
            help="The mailbox as `imapdb mailboxes` names it.",
        ),
    ],
    uid: Annotated[
        int,
        typer.Argument(
            metavar="UID", min=1, max=LARGEST, show_default=False, help="The message's uid, as search lists it."
        ),
    ],
    *,
    headers: Annotated[bool, typer.Option("--headers", help="Show every header field, decoded, and no text.")] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write the first html text as it stands in the message, in UTF-8.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="PART",
            show_default=False,
            help="Write what is in one part, such as 2 or 1.3, decoded. A terminal is only shown text.",
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="Write the octets of the whole message as the server has them, and nothing else. A terminal gets "
            "its control characters written out.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            parser=Path,
            show_default=False,
            help="Write what --raw, --html or --part give to this new file.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object; with --headers all header fields are in it by name."),
    ] = False,
    look: Look,
    login: Login,
) -> None:
    """Show a message: who wrote it to whom and when, its text, what is attached to it. Dates are UTC.

    Where it has no plain text, its html is shown as text. Control characters are written out, such as escape by its
    code. What had to be guessed to read it stands at the end.

    Looking at it changes nothing: unread mail stays unread.
    """
    if sum((raw, html, part is not None, headers or as_json)) > 1:
        raise typer.BadParameter("choose one; --headers and --json go together", param_hint="--raw / --html / --part")
    if mailbox.lower() == "messages":
        raise typer.BadParameter("a uid is one in a mailbox: name that", param_hint="MAILBOX")
    if output is not None:
        if not (raw or html or part is not None):
            raise typer.BadParameter("it goes with --raw, --html or --part", param_hint="--output")
        check_new(output, replace=False)
    message = _Message(mailbox, uid, login)
    if part is not None:
        _show_part(message, part, output, look)
    elif raw or html:
        _, (octets,) = message.row(["email" if raw else "html"])
        if octets is None:
            raise ProgrammingError(
                f"message {uid} has no html text" if html else f"the server does not give message {uid}"
            )
        _write([octets if isinstance(octets, bytes) else str(octets).encode("utf-8", "backslashreplace")], output, look)
    else:
        _show(message, look, headers=headers, as_json=as_json)


class _Message(NamedTuple):
    mailbox: str
    uid: int
    login: Login

    def row(self, columns: Sequence[str]) -> tuple[Sequence[Sequence[object]], Sequence[object]]:
        """Log in and fetch columns of the message, and say what they are."""
        with self.login.connected() as connection:
            return self.row_on(connection, columns)

    def row_on(
        self, connection: "Connection", columns: Sequence[str]
    ) -> tuple[Sequence[Sequence[object]], Sequence[object]]:
        """Do the same on a connection. Raises ProgrammingError where there is no such message."""
        sql = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(self.mailbox)} WHERE uid = ?"  # noqa: S608 - quoted
        try:
            with Progress(connection), connection.cursor() as cursor:
                cursor.execute(sql, (self.uid,))
                description = cursor.description or ()
                row = cursor.fetchone()
        except ProgrammingError as error:
            raise without_sql(error, self.mailbox) from error
        if row is None:
            raise ProgrammingError(f"there is no message {self.uid} in {self.mailbox}")
        return description, row


def _show(message: _Message, look: Look, *, headers: bool, as_json: bool) -> None:
    columns = [*SHOWN, *_BODY] if as_json or not headers else []
    if as_json:
        columns = ["mailbox", "uid", *columns]
    if headers:
        columns.append("headers")
    description, row = message.row(columns)
    with printing(look) as out:
        if as_json:
            write_object(out, columns_of(description), row)
            return
        values: list[Any] = list(map(value_in_json, row, columns_of(description)))
        if headers:
            print_fields(out, look, all_fields(values[0]))
            return
        text, attachments, problems = values[len(SHOWN) :]
        fields = main_fields(values[: len(SHOWN)])
        print_message(out, look, fields, text, attachments=attachments or (), problems=problems or ())


def _show_part(message: _Message, section: str, output: Path | None, look: Look) -> None:
    from imapdb.attachment import part_of  # noqa: PLC0415 - SQLAlchemy is loaded for those that need it
    from imapdb.octets import Source  # noqa: PLC0415

    with message.login.opened() as database:
        with lent(database) as connection:
            # A part is asked for under the mailbox's own name, which that of the table need not be.
            _, (name,) = message.row_on(connection, ["mailbox"])
        part = part_of(Source(database, str(name), message.uid), section)
        if output is None and sys.stdout.isatty() and not part.content_type.startswith(_READABLE):
            raise ProgrammingError(
                f"part {part.part} is {part.content_type}, nothing for a terminal; --output FILE or a pipe takes it"
            )
        _write(_pieces(part), output, look)
    for problem in part.problems:
        complain(f"warning: part {part.part}: {problem}")


def _pieces(attachment: "Attachment") -> Iterator[bytes]:
    with Bar(attachment.size or 0) as bar, attachment.open() as file:
        while piece := file.read(_PIECE):
            bar.advance(len(piece))
            yield piece


def _write(pieces: Iterable[bytes], output: Path | None, look: Look) -> None:
    """Write octets to a file or to standard output, as they are; to a terminal without what it would act on."""
    if output is not None:
        with new_file(output) as file:
            file.writelines(pieces)
        return
    with printing(look) as out:
        if out.isatty():
            print_text(out, look, b"".join(pieces).decode("utf-8", "backslashreplace"))
            return
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
