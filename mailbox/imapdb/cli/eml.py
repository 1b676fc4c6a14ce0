"""Messages as files of their own, named by their uid and subject."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imapdb.cli.files import new_file
from imapdb.mime import filenames

if TYPE_CHECKING:
    from pathlib import Path

    from imapdb.cli.stored import Stored

__all__ = ["Letters", "stem"]

_LONGEST = 80
_SEPARATORS = re.compile(r"[/\\]+")


class Letters:
    """A directory of messages. `of_all` has them named by their mailbox too."""

    def __init__(self, directory: Path, *, of_all: bool, replace: bool) -> None:
        self._directory = directory
        self._of_all = of_all
        self._replace = replace
        self._taken: set[str] = set()

    def write(self, message: Stored, octets: bytes) -> None:
        """Write a message to a new file. Raises ProgrammingError where there is one of its name already."""
        name = base = stem(message.uid, message.subject, message.mailbox if self._of_all else None)
        number = 1
        while name.casefold() in self._taken:
            # Of two mailboxes whose names are too much alike.
            number += 1
            name = f"{base} ({number})"
        self._taken.add(name.casefold())
        with new_file(self._directory / f"{name}.eml", replace=self._replace) as file:
            file.write(octets)


def stem(uid: int, subject: str | None, mailbox: str | None = None) -> str:
    """Name a message, without an extension: safe on every file system, whatever its sender wrote."""
    named = f"{uid} {subject or ''}" if mailbox is None else f"{mailbox} {uid} {subject or ''}"
    return filenames.safe(_SEPARATORS.sub("_", named)[:_LONGEST])
