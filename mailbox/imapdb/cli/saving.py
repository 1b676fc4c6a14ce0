"""Attachments saved into a directory, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imapdb.attachment import Attachment, attachments_of
from imapdb.cli.bar import Bar
from imapdb.cli.complaints import complain
from imapdb.errors import AuthenticationFailed, ConnectionFailed, ConnectionLost, Error
from imapdb.octets import Source
from imapdb.saving import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imapdb.cli.found import Found
    from imapdb.database import Database

__all__ = ["Saved", "save"]

_PIECE = 64 * 1024
# Whoever cannot be reached now will not be for the next attachment either.
_GONE = (ConnectionLost, ConnectionFailed, AuthenticationFailed)


class Saved:
    """What has been saved so far: `paths` by the place among those that were found, and how many could not be."""

    def __init__(self) -> None:
        self.paths: dict[int, Path] = {}
        self.octets = 0
        self.failed = 0


def save(database: Database, found: Sequence[Found], directory: Path, saved: Saved) -> None:
    """Save attachments in a directory, which is made where it is not there; note in `saved` what was done.

    One that cannot be had is complained of, and the others go on. Raises OSError where a file cannot be written, and
    the errors of a connection that is no more.
    """
    directory.mkdir(parents=True, exist_ok=True)
    source: Source | None = None
    with Folder(directory) as folder, Bar(sum(one.told["size"] or 0 for one in found)) as bar:
        for place, one in enumerate(found):
            if source is None or (source.mailbox, source.uid) != (one.mailbox, one.uid):
                # Kept for the next one: what the message is made of is asked for once.
                source = Source(database, one.mailbox, one.uid)
            (attachment,) = attachments_of(source, [one.told])
            try:
                path = folder.save(attachment.name, _pieces(attachment, bar))
            except _GONE:
                raise
            except Error as error:
                saved.failed += 1
                complain(f"{_named(one)} was not saved: {error}")
                continue
            saved.paths[place] = path
            saved.octets += path.stat().st_size
            for problem in attachment.problems:
                complain(f"warning: {_named(one)}: {problem}")


def _pieces(attachment: Attachment, bar: Bar) -> Iterator[bytes]:
    with attachment.open() as file:
        while piece := file.read(_PIECE):
            bar.advance(len(piece))
            yield piece


def _named(found: Found) -> str:
    return (
        f"part {found.told['part']} of message {found.uid} in {found.mailbox} ({found.told['filename'] or 'no name'})"
    )
