"""Attachments that were found: what a message says of them, chosen, and as rows."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from imapdb.cli.complaints import complain
from imapdb.mime import filenames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from imapdb.cli.statement import Term
    from imapdb.cli.wanted import Sizes, Wanted
    from imapdb.dbapi import Connection

__all__ = ["ASKED", "DESCRIPTION", "Finding", "Found"]

# What is asked of the messages, and what is told of each attachment.
ASKED = ("mailbox", "uid", "attachments")
_TOLD = {"part": "TEXT", "filename": "TEXT", "content_type": "TEXT", "size": "INTEGER"}
DESCRIPTION = (("mailbox", "TEXT"), ("uid", "INTEGER"), *_TOLD.items(), ("path", "TEXT"))


class Found(NamedTuple):
    """An attachment of a message: what its mailbox calls itself, and what the column `attachments` says of it."""

    mailbox: str
    uid: int
    told: dict[str, Any]

    @property
    def safe_name(self) -> str:
        """What it is saved as."""
        told = self.told
        return filenames.safe(told["filename"], section=told["part"], content_type=told["content_type"])

    def row(self, *paths: Path | None) -> Sequence[object]:
        """Give it as a row; where it is saved comes last."""
        told = (self.told[name] for name in _TOLD)
        return (self.mailbox, self.uid, *told, *(None if path is None else str(path) for path in paths))


class Finding(NamedTuple):
    """A statement that gives what was `ASKED` of messages, and which of their attachments are wanted."""

    statement: Term
    wanted: Wanted
    sizes: Sizes

    @contextmanager
    def on(self, connection: Connection) -> Iterator[Iterator[Found]]:
        """Execute the statement, and give the attachments as they come."""
        with connection.cursor() as cursor:
            cursor.execute(*self.statement)
            yield self._of(cursor)

    def _of(self, rows: Iterable[Sequence[Any]]) -> Iterator[Found]:
        for mailbox, uid, told in rows:
            if told is None:
                complain(f"warning: the server does not tell what is attached to message {uid} in {mailbox}")
                continue
            for one in json.loads(told):
                found = Found(mailbox, uid, one)
                names = (one["filename"] or "", found.safe_name)
                if self.wanted.takes(names, one["content_type"]) and self.sizes.takes(one["size"]):
                    yield found
