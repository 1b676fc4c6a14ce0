"""The attachments of a message as objects: what the message says of them, and their octets, once they are asked for.

Listing them takes BODYSTRUCTURE alone. What is read comes in bounded pieces, is decoded as it comes, and goes on where
it stopped when the connection drops (imap/partial.py).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from imapdb.errors import ProgrammingError
from imapdb.mime import filenames, part_tree
from imapdb.octets import PartFile, Reading, Source
from imapdb.saving import Folder
from imapdb.sql.said import described

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Attachment", "Attachments", "attachments_of", "part_of"]

_KEYS: Final = ("part", "filename", "content_type", "size", "content_id", "disposition")
_BUFFER: Final = 64 * 1024


class Attachment(Mapping[str, Any]):
    """An attachment, or any other part of a message.

    `part` is its section ("2", "1.3"). `filename` is what the mail calls it: anything, or None; `name` is made of that
    and safe in every directory. `size` is how many octets it has, reckoned from what the server tells: up to two too
    many in base64, None where it is not known. `content_type` and `disposition` are in lower case and without
    parameters: an embedded message is a `message/rfc822`, Outlook's winmail.dat an `application/ms-tnef`.

    It is a mapping too, and equal to what the column `attachments` says of it.
    """

    def __init__(self, source: Source, told: Mapping[str, Any]) -> None:
        self.part: Final[str] = told["part"]
        self.filename: Final[str | None] = told["filename"]
        self.content_type: Final[str] = told["content_type"]
        self.size: Final[int | None] = told["size"]
        self.content_id: Final[str | None] = told["content_id"]
        self.disposition: Final[str | None] = told["disposition"]
        self.name: Final = filenames.safe(self.filename, section=self.part, content_type=self.content_type)
        # What had to be repaired when it was last read to its end: nothing in good mail.
        self.problems: tuple[str, ...] = ()
        self._source = source

    def read(self) -> bytes:
        """Return all of it.

        Raises StaleMailbox where the mailbox was rebuilt, OperationalError where the message is gone, and the errors of
        a connection.
        """
        return b"".join(self._octets())

    def open(self) -> io.BufferedReader:
        """Return it as a file that is read once, from its beginning; `read` of that raises what `read` here does.

        No session is kept busy between two reads.
        """
        return io.BufferedReader(PartFile(self._reading(ahead=0), self.name, self._note), _BUFFER)

    def save(self, directory: str | os.PathLike[str], *, name: str | None = None) -> Path:
        """Save it in a directory that is there, under `name` or its own; return the path of the new file.

        Nothing is replaced: where the name is taken, a number is added (`a (2).txt`). Raises ProgrammingError for a
        `name` that is not safe, OSError where the file cannot be written, and what `read` raises; no file is left then.
        """
        with Folder(directory) as folder:
            return self._save(folder, name)

    def _save(self, folder: Folder, name: str | None = None) -> Path:
        with contextlib.closing(self._octets()) as pieces:
            return folder.save(self.name if name is None else name, pieces)

    def _octets(self) -> Generator[bytes]:
        reading = self._reading(ahead=1)
        with contextlib.closing(reading.whole()) as pieces:
            yield from pieces
        self._note(reading)

    def _reading(self, *, ahead: int) -> Reading:
        return Reading(self._source, dict(self), ahead=ahead)

    def _note(self, reading: Reading) -> None:
        self.problems = reading.problems

    def __getitem__(self, key: str) -> Any:
        if key not in _KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def __repr__(self) -> str:
        size = "of unknown size" if self.size is None else f"{self.size} octets"
        return f"<Attachment {self.part} {self.name!r}: {self.content_type}, {size}>"


class Attachments(list[Attachment]):
    """The attachments of a message, in order."""

    def save(self, directory: str | os.PathLike[str]) -> list[Path]:
        """Save each of them in a directory that is there; raises what `Attachment.save` raises.

        Where one cannot be saved, those before it stay.
        """
        with Folder(directory) as folder:
            return [attachment._save(folder) for attachment in self]  # noqa: SLF001 - of the same module


def attachments_of(source: Source, told: Iterable[Mapping[str, Any]] | None = None) -> Attachments:
    """Make objects of what the column `attachments` says of a message; without that, its server is asked."""
    if told is None:
        structure = source.describe()
        told = map(described, part_tree.attachments(structure))
    return Attachments(Attachment(source, one) for one in told)


def part_of(source: Source, section: str) -> Attachment:
    """Make an object of any part of a message. Raises ProgrammingError where there is no such part."""
    part = source.find(section) if source.describe().usable else None
    if part is None:
        raise ProgrammingError(f"message {source.uid} of {source.mailbox!r} has no part {section!r}")
    return Attachment(source, described(part))
