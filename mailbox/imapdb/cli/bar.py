"""How far octets of a known total have come: a bar on standard error, where that is a terminal."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Self

from imapdb.cli.output import console
from imapdb.cli.progress import QUIET

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Bar"]


class Bar:
    """A bar that is there while it is a context, from the second second on, and gone afterwards.

    What is printed to standard error meanwhile stands above it.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._is_over = False
        self._came = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        # A timer, as the work may be waiting for the server.
        self._timer = threading.Timer(QUIET, self._show)
        self._timer.daemon = True

    def advance(self, octets: int) -> None:
        """Note that so many more have come."""
        with self._lock:
            self._came += octets
            if self._bar is not None and self._task is not None:
                self._bar.update(self._task, completed=self._came)

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        from rich import progress  # noqa: PLC0415 - rich is only loaded to be seen

        with self._lock:
            if self._is_over:
                return
            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.DownloadColumn(),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                console=console(sys.stderr),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task("", total=self._total or None, completed=self._came)
            self._bar.start()
