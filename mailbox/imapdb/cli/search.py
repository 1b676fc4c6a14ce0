"""`imapdb search`: the messages of a mailbox that meet every condition."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from imapdb.cli.answer import print_answer
from imapdb.cli.login import PasswordStdinOption, UrlOption
from imapdb.cli.moments import utc_text
from imapdb.cli.output import CsvOption, JsonOption
from imapdb.cli.statement import COLUMNS, ORDERS, Search
from imapdb.cli.uids import parse_uids
from imapdb.errors import ProgrammingError

__all__ = ["search"]

_SIZE = re.compile(r"(?P<count>\d{1,12})(?P<unit>[kmg]?)", re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def octets(written: str) -> int:
    """Read a size: `1500`, `10k`, `2M` or `1G`, where k is 1,024 octets. Raises BadParameter for anything else."""
    match = _SIZE.fullmatch(written.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{written!r} is no size: write 1500, 10k or 2M")
    return int(match["count"]) * _UNITS[match["unit"]]


def moment(written: str) -> str:
    """Read a point in time as UTC text. Raises BadParameter where it is none."""
    try:
        return utc_text(written, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def names(written: str) -> list[str]:
    """Read `a,b,c`. Raises BadParameter for an empty name."""
    found = [name.strip() for name in written.split(",")]
    if not all(found):
        raise typer.BadParameter(f"{written!r}: write names parted by commas, such as uid,sender,subject")
    return found


def search(
    mailbox: Annotated[
        str,
        typer.Argument(
            metavar="MAILBOX",
            show_default=False,
            help="The mailbox as `imapdb mailboxes` names it, or messages for all mailboxes at once.",
        ),
    ],
    *,
    seen: Annotated[bool | None, typer.Option("--seen/--unseen", help="Only mail that was read, or was not.")] = None,
    flagged: Annotated[
        bool | None, typer.Option("--flagged/--unflagged", help="Only mail that is marked, or is not.")
    ] = None,
    answered: Annotated[
        bool | None, typer.Option("--answered/--unanswered", help="Only mail that was answered, or was not.")
    ] = None,
    sender: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="TEXT",
            show_default=False,
            help="From contains this text, in name or address. Texts are looked for in the decoded header, upper or "
            "lower case alike; given twice, both must be there.",
        ),
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="TEXT", show_default=False, help="To contains this text.")
    ] = None,
    cc: Annotated[
        list[str] | None, typer.Option("--cc", metavar="TEXT", show_default=False, help="Cc contains this text.")
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", metavar="TEXT", show_default=False, help="The subject contains this text."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE",
            parser=moment,
            help="Arrived at the server on this day or later: 2026-11-01, 2026-11-01T18:30, today, yesterday, or back "
            "from now 36h, 7d, 2w. Days begin in the time zone of this machine; answers show UTC.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="DATE", parser=moment, help="Arrived before this day began; as --since."),
    ] = None,
    larger: Annotated[
        int | None,
        typer.Option(
            "--larger", metavar="SIZE", parser=octets, help="More octets than this: 1500, 10k, 2M (k = 1024)."
        ),
    ] = None,
    smaller: Annotated[
        int | None, typer.Option("--smaller", metavar="SIZE", parser=octets, help="Fewer octets than this.")
    ] = None,
    uid: Annotated[
        str | None,
        typer.Option(
            "--uid", metavar="SET", show_default=False, help="Only these uids: 7 or 10:20 or 100:*, parted by commas."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, show_default=False, help="At most this many messages.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="COLUMN",
            help=f"Sort by one of {', '.join(ORDERS)}; with - before it, largest, newest or Z first.",
        ),
    ] = "-created",
    reverse: Annotated[bool, typer.Option("--reverse", help="Turn the order around.")] = False,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="The columns to print, parted by commas. Only what is printed is fetched.",
        ),
    ] = ",".join(COLUMNS),
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    url: UrlOption = None,
    password_stdin: PasswordStdinOption = False,
) -> None:
    """List the messages of a mailbox that meet every condition, newest first.

    On a terminal the answer is a table; elsewhere it is one line per message, its values parted by tabs, without a
    heading. Line breaks and tabs in a value become spaces, and other control characters are written out, such as
    escape by its code; --json and --csv keep the values as they are.

    Nothing is changed by searching: unread mail stays unread.
    """
    if "://" in mailbox:
        raise typer.BadParameter("this is a URL; the account belongs into --url or IMAPDB_URL", param_hint="MAILBOX")
    key = order.removeprefix("-")
    if key not in ORDERS:
        raise typer.BadParameter(f"{key!r} is not one of {', '.join(ORDERS)}", param_hint="--order")
    try:
        uids = [] if uid is None else parse_uids(uid)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--uid") from None
    asked = Search(
        mailbox=mailbox,
        columns=names(columns),
        flags=(("seen", seen), ("flagged", flagged), ("answered", answered)),
        texts=[
            (column, text)
            for column, texts in (("sender", sender), ("to", to), ("cc", cc), ("subject", subject))
            for text in texts or ()
        ],
        since=since,
        before=before,
        larger=larger,
        smaller=smaller,
        uids=uids,
        order=key,
        descending=order.startswith("-") != reverse,
        limit=limit,
    )
    try:
        print_answer(*asked.sql(), as_json=as_json, as_csv=as_csv, url=url, password_stdin=password_stdin)
    except ProgrammingError as error:
        raise _without_sql(error, mailbox) from error


def _without_sql(error: ProgrammingError, mailbox: str) -> ProgrammingError:
    """Say what SQLite found missing to somebody who wrote no SQL; anything else stays as it is."""
    text = str(error)
    if text.startswith("no such table:"):
        return ProgrammingError(f"there is no mailbox {mailbox!r}; imapdb mailboxes lists those there are")
    if text.startswith("no such column:"):
        name = text.removeprefix("no such column:").partition(" - ")[0].strip()
        return ProgrammingError(f"there is no column {name}")
    return error
