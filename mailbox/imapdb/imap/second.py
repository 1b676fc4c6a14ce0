"""A second session of the account, for as long as two streams take turns.

Two mailboxes that are read side by side on one session have to be entered anew for every piece, and each waits for the
other: half of the time goes by with nothing under way. On a session of its own the second one streams as if it were
alone. It is never needed: where none is to be had, or it is lost, the stream goes on beside the other as before.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Final

from imapdb.imap.connection import Connection

if TYPE_CHECKING:
    from imapdb.imap.connection import Stream

__all__ = ["SecondSession"]

# Seconds that are waited for something one can do without.
TIMEOUT: Final = 10.0
# Sessions are told apart by their numbers, those of the first connection too.
NUMBERS: Final = 1_000_000


class SecondSession(Connection):
    """The session beside that of `first`, held by one stream at a time. It is opened for it, and ends with it."""

    def __init__(self, first: Connection) -> None:
        account = first.account
        super().__init__(dataclasses.replace(account, timeout=min(account.timeout, TIMEOUT)))
        self.opened = NUMBERS
        self.fetched = first.fetched
        self._first = first
        self._holder: Stream | None = None

    def take(self, stream: Stream) -> bool:
        """Open it for a stream, while it is free. False where there is none to be had."""
        try:
            self.open()
        except Exception:  # noqa: BLE001 - whoever is asked for the password may raise anything
            # No more sessions are let in, or none at all: what matters will be heard of on the first.
            return False
        self._holder = stream
        return True

    @property
    def is_free(self) -> bool:
        """Whether no stream has it."""
        return self._holder is None

    def beside(self, stream: Stream, left: int) -> Connection:
        """Give this connection to the stream that has it, as long as it lives, and the first to every other."""
        if self._holder is stream and self._wire is not None and self._wire.alive and self._pid == os.getpid():
            return self
        self.let_go(stream)
        return self._first.beside(stream, left)

    def let_go(self, stream: Stream) -> None:
        """Log out, as the stream that had it is at its end."""
        super().let_go(stream)
        if self._holder is stream:
            self._holder = None
            self.close()
