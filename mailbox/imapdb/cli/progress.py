"""How far long work has come: one line on standard error, where that is a terminal, gone when the work is done."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from imapdb.dbapi import Connection

__all__ = ["QUIET", "Progress", "Stand", "line"]

# Seconds: work that takes no longer needs no line, and how often the line is written anew.
QUIET, EVERY = 1.0, 0.2
_ERASE = "\r\x1b[K"
_KILO = 1000


class Stand(NamedTuple):
    """How far it has come: seconds, messages and octets so far; how many messages of a `total` in a scan's own time."""

    seconds: float
    messages: int = 0
    octets: int = 0
    done: int = 0
    total: int | None = None
    scanning: float = 0


class Progress:
    """Shows how far a connection has come, from the second second on until `stop` or the end of its with block.

    A thread of its own writes it: the work may be waiting for the server.
    """

    def __init__(self, connection: Connection) -> None:
        self._imap = connection.imap
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._is_shown = False
        self._stream: object = None
        self._scan = (0.0, 0)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._before = self._fetched()
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._run, daemon=True, name="imapdb progress")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Erase the line for good; what is written to the terminal from now on is not disturbed."""
        self._stopped.set()
        with self._lock:
            if self._is_shown:
                self._is_shown = False
                print(_ERASE, end="", file=sys.stderr, flush=True)

    def _run(self) -> None:
        pause = QUIET
        while not self._stopped.wait(pause):
            pause = EVERY
            text = line(self.stand())[: shutil.get_terminal_size().columns - 1]
            with self._lock:
                if self._stopped.is_set():
                    return
                self._is_shown = True
                print(f"{_ERASE}{text}", end="", file=sys.stderr, flush=True)

    def stand(self) -> Stand:
        """Say how far it has come by now."""
        seconds = time.monotonic() - self._began
        messages, octets = (now - then for now, then in zip(self._fetched(), self._before, strict=True))
        stream = self._imap.streaming
        if stream is not None and stream is not self._stream:
            self._stream, self._scan = stream, (seconds, messages)
        since, before = self._scan
        return Stand(seconds, messages, octets, messages - before, getattr(stream, "total", None), seconds - since)

    def _fetched(self) -> tuple[int, int]:
        counted = list(self._imap.fetched.values())
        return sum(messages for messages, _ in counted), sum(octets for _, octets in counted)


def line(stand: Stand) -> str:
    """Write how far it has come, with the rate, and the time that is left where the total is known."""
    if not stand.messages:
        return f"at work for {stand.seconds:.0f} s"
    text = f"{stand.messages:,} messages"
    left = ""
    if stand.total and 0 < stand.done <= stand.total:
        if stand.done == stand.messages:
            text = f"{stand.messages:,} of {stand.total:,} messages"
        rate = stand.done / max(stand.scanning, EVERY)
        left = f", {_duration((stand.total - stand.done) / rate)} left"
    return f"{text}, {_octets(stand.octets)}, {stand.messages / max(stand.seconds, EVERY):,.0f} per second{left}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} minutes" if minutes else f"{whole} s"


def _octets(count: int) -> str:
    return f"{count / _KILO**2:,.1f} MB" if count >= _KILO**2 else f"{count / _KILO:,.0f} kB"
