"""When a read is worth repeating: after a lost session, and after a NO that holds only for now (RFC 5530 3)."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost

if TYPE_CHECKING:
    from imapdb.errors import Error

__all__ = ["Patience", "has_taken_long", "is_for_now"]

# Seconds before each repetition. A user waits for the answer: what takes longer is better told than waited for.
PAUSES = (0.1, 0.4, 1.0)
# How often a session may be lost that has brought something; one that brought nothing is repeated once.
MAX_LOSSES = 5

# UNAVAILABLE and INUSE are RFC 5530's; throttling has no code of its own: Gmail says [THROTTLED], Exchange says
# "Request is throttled. Suggested Backoff Time: 500 milliseconds".
_FOR_NOW = re.compile(r"\[(?:UNAVAILABLE|INUSE|THROTTLED)\]|\bthrottl", re.IGNORECASE)
_BACKOFF = re.compile(r"Backoff Time: (\d{1,9}) milliseconds", re.IGNORECASE)


def is_for_now(server_text: str | None) -> bool:
    """Say whether a server's NO or BAD means that the same may be granted a little later."""
    return bool(server_text) and _FOR_NOW.search(server_text or "") is not None


def has_taken_long(error: Error) -> bool:
    """Say whether a session was lost by waiting for a whole timeout."""
    return isinstance(error, ConnectionLost) and isinstance(error.__cause__, TimeoutError)


class Patience:
    """What one read may still put up with. Only for what has no effect on the server.

    `refusals` is how often what is refused for now is asked again.
    """

    def __init__(self, *, refusals: int | None = None) -> None:
        self._pauses = PAUSES if refusals is None else PAUSES[:refusals]
        self._losses = 0
        self._may_be_lost = True
        self._refusals = 0

    def endure(self, error: Error) -> None:
        """Return when it is time to ask again; raise the error where it has been asked often enough."""
        if isinstance(error, ConnectionLost):
            if not self._may_be_lost:
                raise error
            self._may_be_lost = False
            # Whoever has waited for a whole timeout is not asked to do so five times.
            self._losses = MAX_LOSSES if has_taken_long(error) else self._losses + 1
            return
        if not is_for_now(error.server_text) or self._refusals >= len(self._pauses):
            raise error
        pause = self._pauses[self._refusals]
        if asked := _BACKOFF.search(error.server_text or ""):
            pause = int(asked[1]) / 1000
            if pause > PAUSES[-1]:
                raise error
        self._refusals += 1
        time.sleep(pause)

    def note_progress(self) -> None:
        """Take note that something came of it: then another loss is no worse than the first."""
        self._may_be_lost = self._losses < MAX_LOSSES
