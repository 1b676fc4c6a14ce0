"""Which mailboxes a statement has read of `messages`, and which it had to leave out.

One mailbox that the server does not let anybody read is no reason to withhold the mail of two hundred others, as long
as whoever asked is told. Nobody gets a part of a mailbox: what was left out once stays out for the whole statement, and
where rows were given out already, a refusal is an error.
"""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING, Final

from imapdb.errors import ProtocolError, ServerRefused, UnreadableMailbox
from imapdb.imap.patience import Patience, is_for_now

if TYPE_CHECKING:
    from imapdb.errors import Error

__all__ = ["Coverage"]

_CODE: Final = re.compile(r"\[([^\]\s]+)")
# Where a statement passes through.
_OURS: Final = frozenset({"imapdb", "sqlalchemy"})
# How often what is refused for now is asked again, where the mailbox before was waited for in vain.
ONCE_MORE: Final = 1


class Coverage:
    """What one statement has come to, mailbox by mailbox."""

    def __init__(self) -> None:
        # What PEP 249 calls `Cursor.messages`.
        self.messages: list[tuple[type[UnreadableMailbox], UnreadableMailbox]] = []
        self._left_out: dict[str, Error] = {}
        self._read: set[str] = set()
        self._was_in_vain = False

    def note_read(self, mailbox: str) -> None:
        """Take note that rows of a mailbox were given out, or that it was seen to have none."""
        self._read.add(mailbox)
        self._was_in_vain = False

    def is_left_out(self, mailbox: str) -> bool:
        """Say whether the statement goes on without a mailbox."""
        return mailbox in self._left_out

    def patience(self) -> Patience:
        """Give what the next mailbox is worth waiting for: little where the one before was not to be had for now."""
        return Patience(refusals=ONCE_MORE) if self._was_in_vain else Patience()

    def leave_out(self, mailbox: str, error: Error) -> None:
        """Go on without a mailbox and warn; raise the error where that would not do.

        Only what the server says of a mailbox when it is entered or searched is about that mailbox. A lost connection
        is about all of them.
        """
        is_about_it = isinstance(error, ServerRefused) and error.command in ("EXAMINE", "UID SEARCH")
        is_about_it |= isinstance(error, ProtocolError) and error.command == "EXAMINE" and error.server_text is not None
        if not is_about_it or mailbox in self._read:
            raise error
        said = error.server_text or ""
        code = _CODE.match(said)
        self._left_out[mailbox] = error
        self._was_in_vain = is_for_now(said)
        warning = UnreadableMailbox(
            f"mailbox {mailbox!r} was left out, its messages are missing: {said or error}",
            mailbox=mailbox,
            code=code[1].upper() if code else None,
            command=error.command,
            server_text=error.server_text,
        )
        self.messages.append((UnreadableMailbox, warning))
        warnings.warn(warning, stacklevel=_levels_to_caller())

    def require_any(self) -> None:
        """Raise the first refusal where nothing at all could be read: no rows would look like no mail."""
        if self._left_out and not self._read:
            raise next(iter(self._left_out.values()))


def _levels_to_caller() -> int:
    """Count the calls up to whoever had the statement run: their line is the one a warning is about."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - inspect does the same, and reads the sources besides
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level
