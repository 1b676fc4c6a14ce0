"""Which messages: the options that search, count and every other command on messages share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imapdb.cli.completion import complete_mailbox
from imapdb.cli.moments import utc_text
from imapdb.cli.statement import Term, contains, has_keyword, is_flag, joined, matches, quoted, raw, uids
from imapdb.cli.uids import parse_uids
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Conditions", "MailboxArgument", "mailbox_name", "moment", "octets", "without_sql"]

_SIZE = re.compile(r"(?P<count>\d{1,12})(?P<unit>[kmg]?)b?", re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def octets(written: str) -> int:
    """Read a size: `1500`, `10k`, `2M` or `1GB`, where k is 1,024 octets. Raises BadParameter for anything else."""
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


def mailbox_name(written: str) -> str:
    """Take the name of a mailbox. Raises BadParameter for a URL: it belongs elsewhere."""
    if "://" in (written or ""):
        raise typer.BadParameter("this is a URL; the account belongs into --url or IMAPDB_URL")
    return written


def _flag(names: str, what: str) -> Any:
    return typer.Option(names, show_default=False, help=what)


def _texts(name: str, what: str) -> Any:
    return typer.Option(name, metavar="TEXT", show_default=False, help=what)


def _moment(name: str, what: str) -> Any:
    return typer.Option(name, metavar="DATE", parser=moment, show_default=False, help=what)


def _size(name: str, what: str) -> Any:
    return typer.Option(name, metavar="SIZE", parser=octets, show_default=False, help=what)


MailboxArgument = Annotated[
    str,
    typer.Argument(
        metavar="MAILBOX",
        show_default=False,
        callback=mailbox_name,
        autocompletion=complete_mailbox,
        help="The mailbox as `imapdb mailboxes` names it, or messages for all mailboxes at once.",
    ),
]


@dataclass(frozen=True)
class Conditions:
    """The conditions of a command line; None and empty ones ask nothing."""

    seen: Annotated[bool | None, _flag("--seen/--unseen", "Only mail that was read, or was not.")] = None
    flagged: Annotated[bool | None, _flag("--flagged/--unflagged", "Only mail that is marked, or is not.")] = None
    answered: Annotated[bool | None, _flag("--answered/--unanswered", "Only mail that was answered, or was not.")] = (
        None
    )
    draft: Annotated[bool | None, _flag("--draft/--undraft", "Only drafts, or none of them.")] = None
    deleted: Annotated[bool | None, _flag("--deleted/--undeleted", "Only mail that is to be expunged, or is not.")] = (
        None
    )
    recent: Annotated[
        bool | None, _flag("--recent/--old", "Only mail that no session was told of before this one, or only other.")
    ] = None
    keyword: Annotated[
        list[str] | None,
        typer.Option("--keyword", metavar="NAME", show_default=False, help="It has this keyword, such as $Forwarded."),
    ] = None
    no_keyword: Annotated[
        list[str] | None,
        typer.Option("--no-keyword", metavar="NAME", show_default=False, help="It lacks this keyword."),
    ] = None
    sender: Annotated[
        list[str] | None,
        _texts(
            "--from",
            "From contains this text, in name or address. Texts are looked for in the decoded header, upper or lower "
            "case alike; given twice, both must be there.",
        ),
    ] = None
    to: Annotated[list[str] | None, _texts("--to", "To contains this text.")] = None
    cc: Annotated[list[str] | None, _texts("--cc", "Cc contains this text.")] = None
    bcc: Annotated[list[str] | None, _texts("--bcc", "Bcc contains this text; few servers keep it.")] = None
    reply_to: Annotated[list[str] | None, _texts("--reply-to", "Reply-To contains this text.")] = None
    subject: Annotated[list[str] | None, _texts("--subject", "The subject contains this text.")] = None
    message_id: Annotated[list[str] | None, _texts("--message-id", "Message-ID contains this text.")] = None
    list_id: Annotated[list[str] | None, _texts("--list", "List-Id contains this text: mail of a mailing list.")] = None
    not_sender: Annotated[list[str] | None, _texts("--not-from", "From does not contain this text.")] = None
    not_to: Annotated[list[str] | None, _texts("--not-to", "To does not contain this text.")] = None
    not_subject: Annotated[list[str] | None, _texts("--not-subject", "The subject does not contain this text.")] = None
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            metavar="WORDS",
            show_default=False,
            help="The server's own search finds these words in the message, headers and body. What it takes for a "
            "match is its own affair (whole words here, parts of words there), and nothing is checked again.",
        ),
    ] = None
    since: Annotated[
        str | None,
        _moment(
            "--since",
            "Arrived at the server on this day or later: 2026-11-01, 2026-11-01T18:30, today, yesterday, or back from "
            "now 36h, 7d, 2w. Days begin in the time zone of this machine; answers show UTC.",
        ),
    ] = None
    before: Annotated[str | None, _moment("--before", "Arrived before this day began; as --since.")] = None
    sent_since: Annotated[
        str | None, _moment("--sent-since", "The Date header, which the sender wrote, is of this day or later.")
    ] = None
    sent_before: Annotated[str | None, _moment("--sent-before", "The Date header is from before this day began.")] = (
        None
    )
    larger: Annotated[int | None, _size("--larger", "More octets than this: 1500, 10k, 2M (k = 1024).")] = None
    smaller: Annotated[int | None, _size("--smaller", "Fewer octets than this.")] = None
    uid: Annotated[
        str | None,
        typer.Option(
            "--uid", metavar="SET", show_default=False, help="Only these uids: 7 or 10:20 or 100:*, parted by commas."
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="SQL",
            show_default=False,
            help='A condition in SQL, such as "size > 1000 OR cc IS NULL", beside the others; columns are those of '
            "--columns.",
        ),
    ] = None
    any_of: Annotated[
        bool, typer.Option("--any", help="One condition that is met is enough, where else all of them must be.")
    ] = False

    def term(self) -> Term:
        """Write the condition in SQL. Raises BadParameter for what is no uid or no condition, or cannot be joined."""
        found = [matches("email", words) for words in self.text or ()]
        if found and self.any_of and (self.where or self.no_keyword or any(self._without())):
            # Where SQLite cannot hand a side of an OR over, it would have to decide MATCH by itself.
            raise typer.BadParameter(
                "with --any, it goes beside neither --where nor what must not be there", param_hint="--text"
            )
        return joined([*self._terms(), *found, *map(_raw, self.where or ())], any_of=self.any_of)

    def _without(self) -> Iterator[Term]:
        for column in ("sender", "to", "subject"):
            yield from (contains(column, text, value=False) for text in getattr(self, f"not_{column}") or ())

    def _terms(self) -> Iterator[Term]:
        """Give the terms, those a server decides for little before the others."""
        if self.uid is not None:
            try:
                yield uids(parse_uids(self.uid))
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint="--uid") from None
        for flag in ("seen", "flagged", "answered", "draft", "deleted", "recent"):
            if (value := getattr(self, flag)) is not None:
                yield is_flag(flag, value)
        yield from (has_keyword(name, value=True) for name in self.keyword or ())
        yield from (has_keyword(name, value=False) for name in self.no_keyword or ())
        for column, operator, bound in (
            ("created", ">=", self.since),
            ("created", "<", self.before),
            ("sent", ">=", self.sent_since),
            ("sent", "<", self.sent_before),
            ("size", ">", self.larger),
            ("size", "<", self.smaller),
        ):
            if bound is not None:
                yield Term(f"{quoted(column)} {operator} ?", (bound,))
        for column in ("sender", "to", "cc", "bcc", "reply_to", "subject", "message_id", "list_id"):
            yield from (contains(column, text) for text in getattr(self, column) or ())
        yield from self._without()


def _raw(written: str) -> Term:
    try:
        return raw(written)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--where") from None


def without_sql(error: ProgrammingError, mailbox: str) -> ProgrammingError:
    """Say what SQLite found missing to somebody who wrote no SQL; anything else stays as it is."""
    text = str(error)
    if text.startswith("no such table:"):
        return ProgrammingError(f"there is no mailbox {mailbox!r}; imapdb mailboxes lists those there are")
    if text.startswith("no such column:"):
        name = text.removeprefix("no such column:").partition(" - ")[0].strip()
        return ProgrammingError(f"there is no column {name}")
    return error
