"""Standard output where that is a terminal: an answer longer than the screen goes to a pager."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["PagerLeft", "Screen", "pager_command"]

# F: leave at once if it fits, R: let colours through, X: leave the text on the screen.
_LESS = "FRX"


class PagerLeft(Exception):
    """The pager was left before the end of the answer."""


def pager_command() -> str | None:
    """Give the shell command of the pager: PAGER, else less or more; None where there is none to be used."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return None
    chosen = os.environ.get("PAGER")
    if chosen is None:
        chosen = next(filter(shutil.which, ("less", "more")), "")
    return None if chosen.strip() in ("", "cat") else chosen


class Screen(io.TextIOBase):
    """A terminal to write to. With a pager, what is written is held back until it ends or fills the screen.

    `on_show` is called before anything reaches the terminal. Raises PagerLeft when the reader has left the pager.
    """

    def __init__(self, terminal: TextIO, pager: str | None, on_show: Callable[[], None] = lambda: None) -> None:
        self._terminal = terminal
        self._pager = pager
        self._on_show = on_show
        self._held: list[str] | None = [] if pager else None
        self._lines = 0
        self._process: subprocess.Popen[str] | None = None
        self._size = shutil.get_terminal_size()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's."""
        return self._terminal.encoding

    def isatty(self) -> bool:
        """Say yes: colours and widths are a terminal's, through a pager too."""
        return True

    def fileno(self) -> int:
        """Give the terminal's."""
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        """Write, or hold back until the screen is full."""
        if self._held is None:
            self._show(text)
            return len(text)
        self._held.append(text)
        self._lines += sum(1 + len(line) // (2 * self._size.columns) for line in text.split("\n")[:-1])
        if self._lines >= self._size.lines:
            self._page()
        return len(text)

    def flush(self) -> None:
        """Have what was let through reach the reader."""
        if self._process is not None:
            self._pass("")
        elif self._held is None:
            self._terminal.flush()

    def finish(self) -> None:
        """Let out what was held back, and wait until the reader has left the pager."""
        held, self._held = self._held, None
        if held:
            self._show("".join(held))
        if self._process is None:
            self._terminal.flush()
            return
        # Ctrl-C is the pager's while it is there.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            try:
                self._process.communicate()
            except BrokenPipeError:
                self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)

    def _page(self) -> None:
        held, self._held = self._held or [], None
        self._on_show()
        self._process = subprocess.Popen(  # noqa: S602 - the user's own command, as git, man and others run it
            self._pager or "",
            shell=True,
            stdin=subprocess.PIPE,
            text=True,
            encoding=self._terminal.encoding,
            errors="backslashreplace",
            env={"LESS": _LESS, **os.environ},
        )
        self._show("".join(held))

    def _show(self, text: str) -> None:
        if self._process is None:
            self._on_show()
            self._terminal.write(text)
        else:
            self._pass(text)

    def _pass(self, text: str) -> None:
        """Hand a text to the pager at once: its reader may be waiting for it."""
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PagerLeft from None
