"""New files: whole or not there at all, and none replaced unless that was asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_new", "new_file"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Where a file system has no hard links.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


def check_new(path: Path, *, replace: bool) -> None:
    """See that a file can be made at a path. Raises ProgrammingError where something is in its place."""
    if not os.path.lexists(path):
        return
    if not replace:
        raise ProgrammingError(f"{path} is there already; it was not replaced")
    if path.is_dir() or not (path.is_symlink() or path.is_file()):
        # A device, such as /dev/null, would be gone.
        raise ProgrammingError(f"{path} is no file; it was not replaced")


@contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write to, which gets its name when all of it was written, and is removed where that fails.

    A symbolic link is replaced itself, never what it leads to. Raises ProgrammingError where something is in its place,
    OSError where it cannot be written.
    """
    check_new(path, replace=replace)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(temporary, _NEW, 0o666), "wb") as file:
            yield file
        if replace:
            temporary.replace(path)
        else:
            _name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, path: Path) -> None:
    """Give a finished file its name, which may have been taken meanwhile."""
    with contextlib.suppress(FileExistsError):
        try:
            path.hardlink_to(temporary)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # The name is made ours first: a rename would replace whatever has it.
            os.close(os.open(path, _NEW, 0o666))
            temporary.replace(path)
        return
    raise ProgrammingError(f"{path} is there already; it was not replaced")
