"""Files saved into a directory under names that come from mail: none leaves it, none replaces another.

Every step goes by the open directory and a single name, never by a path, and no name is ever opened that is there
already; so symbolic links in the directory, put there before or meanwhile, lead nowhere.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from imapdb.errors import InterfaceError, ProgrammingError
from imapdb.mime import filenames

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["Folder"]

# O_EXCL follows no link and takes no name that is there; O_NOFOLLOW says so to file systems that do not know that.
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# Where a file system has no hard links (FAT, some shares), or no more of them for this file.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


class Folder:
    """A directory that is there, while it is a context. Raises OSError where it is none, or cannot be read."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._path = Path(directory)
        self._open: int | None = None
        self._names = filenames.Numbering()

    def save(self, name: str, pieces: Iterable[bytes]) -> Path:
        """Save what `pieces` gives under `name`, or that name with a number where it is taken; return its path.

        Until everything has come the file has another name, ending in `.part`; it is removed again where something goes
        wrong. Raises ProgrammingError for a name that is not safe, OSError where the file cannot be written, and
        what `pieces` raises.
        """
        if (safe := filenames.safe(name)) != name:
            raise ProgrammingError(f"{name!r} is not a safe name for a file; {safe!r} would be")
        temporary = f"{name}.{secrets.token_hex(4)}.part"
        try:
            with os.fdopen(os.open(temporary, _NEW, 0o666, dir_fd=self._directory), "wb") as file:
                file.writelines(pieces)
            return self._path / self._publish(temporary, name)
        finally:
            self._remove(temporary)

    def _publish(self, temporary: str, name: str) -> str:
        """Give a finished file its name, or the next one that is free."""
        while True:
            # Names that differ in case are kept apart too, as file systems to which this may be copied do not.
            free = self._names.free(name)
            if self._link(temporary, free):
                return free

    def _link(self, temporary: str, free: str) -> bool:
        """Give a file a second name. False where that has been taken meanwhile."""
        where = self._directory
        try:
            try:
                os.link(temporary, free, src_dir_fd=where, dst_dir_fd=where, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # The name is made ours first: a rename would replace whatever has it.
                os.close(os.open(free, _NEW, 0o666, dir_fd=where))
                os.rename(temporary, free, src_dir_fd=where, dst_dir_fd=where)
        except FileExistsError:
            return False
        return True

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            # It was never made, or has its final name.
            return

    @property
    def _directory(self) -> int:
        if self._open is None:
            raise InterfaceError("a Folder is used in a with block")
        return self._open

    def __enter__(self) -> Self:
        self._open = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        listed = os.listdir(self._open)  # noqa: PTH208 - of what was opened, whatever is at its path now
        self._names = filenames.Numbering(listed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None
