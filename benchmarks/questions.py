"""What is asked of a mailbox, and the right answers, known without any library: from the mail as it was written."""

from __future__ import annotations

import datetime
import hashlib
import json
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "FEW", "MANY", "Attached", "Count", "Known", "KnownParts", "Listing", "Parts", "asked", "counted", "difference",
    "digest", "listed", "words",
]  # fmt: skip

FEW = ("uid", "sender", "subject", "created", "size", "flags")
MANY = (*FEW, "to", "cc", "sent", "message_id")

Attached: TypeAlias = tuple[str, str, int]  # filename, content type, octets


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


class KnownParts(NamedTuple):
    """What a message holds: digests of its texts (None where nobody can compare it), and its attachments.

    `text_octets` are those of the part its text is made of, as it is encoded.
    """

    uid: int
    size: int
    text: str | None
    html: str | None
    attached: list[Attached]
    text_octets: int


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


class Parts(NamedTuple):
    """What messages hold: those up to the UID `last`, and larger than so many octets, where these are given."""

    columns: tuple[str, ...]
    last: int = 0
    larger: int = 0


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


def asked(mail: Iterable[KnownParts], question: Parts) -> list[KnownParts]:
    """List the messages a question is about."""
    return [known for known in mail if known.uid <= (question.last or known.uid) and known.size > question.larger]


def difference(rows: Iterable[Sequence[Any]], mail: Iterable[KnownParts], question: Parts) -> str | None:
    """Say where rows are not what was written; None where they are."""
    right = {known.uid: known for known in asked(mail, question)}
    for row in rows:
        values = dict(zip(question.columns, row, strict=True))
        known = right.pop(int(values["uid"]), None)
        if known is None:
            return f"message {values['uid']} twice, or not asked for"
        for name in ("text", "html"):
            digest_of = getattr(known, name)
            if name in values and digest_of is not None and words(values[name] or "") != digest_of:
                return f"another {name} of message {known.uid}"
        if "attachments" in values and not _are_same(values["attachments"], known.attached):
            return f"other attachments of message {known.uid}: {values['attachments']}"
    return f"{len(right)} messages are missing" if right else None


def words(text: str) -> str:
    """Sum up a text, but for where its lines end."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


def _are_same(told: str | list[Any], attached: Sequence[Attached]) -> bool:
    """Compare attachments; by its encoded size, the end of base64 is known to two octets."""
    listed_ = json.loads(told) if isinstance(told, str) else told
    found = sorted(
        (each["filename"], each["content_type"], each["size"]) if isinstance(each, dict) else tuple(each)
        for each in listed_
    )
    wanted = sorted((name, kind, size) for name, kind, size in attached)
    return len(found) == len(wanted) and all(
        one[:2] == other[:2] and -2 <= one[2] - other[2] <= 2 for one, other in zip(found, wanted, strict=True)
    )
