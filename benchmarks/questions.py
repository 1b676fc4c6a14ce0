"""What is asked of a mailbox, and the right answers, known without any library: from the mail as it was written."""

from __future__ import annotations

import datetime
import hashlib
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["FEW", "MANY", "Count", "Known", "Listing", "counted", "digest", "listed"]

FEW = ("uid", "sender", "subject", "created", "size", "flags")
MANY = (*FEW, "to", "cc", "sent", "message_id")


class Known(NamedTuple):
    """A message as it was written; `created` in seconds since the epoch."""

    uid: int
    size: int
    subject: str
    flags: str
    created: int

    @property
    def seen(self) -> bool:
        """Whether it was read."""
        return "\\Seen" in self.flags


class Count(NamedTuple):
    """How many messages are unseen and not flagged, smaller than this, and arrived on this day (UTC) or later."""

    smaller: int
    since: datetime.date


class Listing(NamedTuple):
    """These columns of all messages or the unseen ones; where `newest` says by what, of the `limit` newest."""

    columns: tuple[str, ...]
    unseen: bool = True
    newest: Literal["", "uid", "created"] = ""
    limit: int = 0


def counted(mail: Iterable[Known], question: Count) -> int:
    """Count the messages a question is about."""
    since = datetime.datetime.combine(question.since, datetime.time(), datetime.UTC).timestamp()
    return sum(
        not known.seen and "\\Flagged" not in known.flags and known.size < question.smaller and known.created >= since
        for known in mail
    )


def listed(mail: Iterable[Known], question: Listing) -> list[tuple[Any, ...]]:
    """List uid, size and subject of the messages a question is about."""
    chosen = [known for known in mail if not (question.unseen and known.seen)]
    if question.newest:
        chosen.sort(key=lambda known: known.uid if question.newest == "uid" else known.created, reverse=True)
        chosen = chosen[: question.limit]
    return [(known.uid, known.size, known.subject) for known in chosen]


def digest(rows: Iterable[Sequence[Any]], question: Listing) -> str:
    """Sum up uid, size and subject of rows with the columns of a question, in order where that matters."""
    places = [question.columns.index(name) for name in ("uid", "size", "subject")]
    facts = [(int(row[places[0]]), int(row[places[1]]), _text(row[places[2]])) for row in rows]
    if not question.newest:
        facts.sort()
    return f"{len(facts)} rows, {hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}"


def _text(subject: str | bytes) -> str:
    """Decode what a library left undecoded, and forget where a header was folded."""
    if isinstance(subject, bytes):
        subject = str(make_header(decode_header(" ".join(subject.decode().split()))))
    return " ".join(subject.split())
