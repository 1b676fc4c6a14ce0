"""`imapdb show`: one message, its main headers, all of them, or its octets."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, TextIO

import typer

from imapdb.cli.answer import Login
from imapdb.cli.completion import complete_mailbox
from imapdb.cli.conditions import mailbox_name, without_sql
from imapdb.cli.formats import columns_of, value_in_json, write_object
from imapdb.cli.groups import grouped
from imapdb.cli.harmless import one_line
from imapdb.cli.output import Look, console, printing
from imapdb.cli.progress import Progress
from imapdb.cli.statement import quoted
from imapdb.cli.uids import LARGEST
from imapdb.errors import ProgrammingError

__all__ = ["show"]

# The columns shown, under the names of their headers.
_SHOWN = {
    "sender": "From",
    "to": "To",
    "cc": "Cc",
    "reply_to": "Reply-To",
    "sent": "Date",
    "subject": "Subject",
    "message_id": "Message-ID",
    "flags": "Flags",
    "size": "Size",
    "created": "Arrived",
}
# Words of header names that are written otherwise than with one capital.
_WRITTEN = {word.lower(): word for word in ("ARC", "DKIM", "ID", "IP", "MIME", "SPF", "TLS")}


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
    headers: Annotated[bool, typer.Option("--headers", help="Show every header field, decoded.")] = False,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="Write the octets of the whole message as the server has them, and nothing else. A terminal gets "
            "its control characters written out.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object; with --headers all header fields are in it by name."),
    ] = False,
    look: Look,
    login: Login,
) -> None:
    """Show a message: who wrote it to whom and when, its subject, its flags, its size. Dates are UTC.

    Looking at it changes nothing: unread mail stays unread.
    """
    if raw and (headers or as_json):
        raise typer.BadParameter("it goes with neither --headers nor --json", param_hint="--raw")
    if mailbox.lower() == "messages":
        raise typer.BadParameter("a uid is one in a mailbox: name that", param_hint="MAILBOX")
    if raw:
        columns = ["email"]
    elif as_json:
        columns = ["mailbox", "uid", *_SHOWN, *(["headers"] if headers else [])]
    else:
        columns = ["headers"] if headers else list(_SHOWN)
    sql = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(mailbox)} WHERE uid = ?"  # noqa: S608 - quoted
    with login.connected() as connection:
        try:
            with Progress(connection), connection.cursor() as cursor:
                cursor.execute(sql, (uid,))
                description = cursor.description or ()
                row = cursor.fetchone()
        except ProgrammingError as error:
            raise without_sql(error, mailbox) from error
    if row is None:
        raise ProgrammingError(f"there is no message {uid} in {mailbox}")
    if raw:
        _write_octets(row[0], look)
        return
    with printing(look) as out:
        if as_json:
            write_object(out, columns_of(description), row)
        else:
            values = [value_in_json(value, column) for value, column in zip(row, columns_of(description), strict=True)]
            _write_lines(out, list(_fields(values[0]) if headers else _main(values)), look)


def _main(values: Sequence[object]) -> Iterator[tuple[str, str]]:
    for (column, name), value in zip(_SHOWN.items(), values, strict=True):
        match value:
            case None:
                continue
            case list():
                yield name, " ".join(map(str, value))
            case int():
                yield name, f"{value:,} octets"
            case _:
                yield name, f"{value} UTC" if column in ("sent", "created") else str(value)


def _fields(headers: object) -> Iterator[tuple[str, str]]:
    for name, value in headers.items() if isinstance(headers, dict) else ():
        written = "-".join(_WRITTEN.get(word, word.capitalize()) for word in name.split("-"))
        for text in value if isinstance(value, list) else [value]:
            yield written, str(text)


def _write_lines(out: TextIO, fields: list[tuple[str, str]], look: Look) -> None:
    if not out.isatty():
        out.writelines(f"{one_line(name)}: {one_line(value)}\n" for name, value in fields)
        return
    from rich.table import Table  # noqa: PLC0415 - rich is only loaded to be seen
    from rich.text import Text  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(Text(one_line(name)), Text(one_line(value)))
    console(out, look).print(grid)


def _write_octets(octets: bytes, look: Look) -> None:
    with printing(look) as out:
        if out.isatty():
            text = octets.decode("utf-8", "backslashreplace")
            out.writelines(f"{one_line(line)}\n" for line in text.splitlines())
        else:
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
