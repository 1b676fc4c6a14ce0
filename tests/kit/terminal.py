"""A pseudo terminal with a command on it, as a person would sit at."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

# What prompt_toolkit asks a terminal: where is the cursor?
_WHERE, _HERE = b"\x1b[6n", b"\x1b[1;1R"
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[=>]")


class Terminal:
    """Runs a command on a terminal of its own; in a with block, killed at its end if it is still there."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, rows: int = 24, columns: int = 100
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        given = {key: value for key, value in os.environ.items() if key not in ("LINES", "COLUMNS", "NO_COLOR")}
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=given | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no threads in the child
        )
        os.close(theirs)
        self._octets = b""
        self._seen = 0

    @property
    def written(self) -> str:
        """All that was written, as it was written."""
        return self._octets.decode(errors="replace")

    @property
    def text(self) -> str:
        """All that was written, without control sequences."""
        return _CONTROL.sub("", self.written)

    def send(self, text: str) -> None:
        """Type a text."""
        self._seen = len(self.text)
        os.write(self._ours, text.encode())

    def expect(self, text: str, seconds: float = 30) -> None:
        """Wait until a text was written, after what was expected or typed last."""
        end = time.monotonic() + seconds
        while (found := self.text.find(text, self._seen)) < 0:
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"{text!r} did not come, but: {self.text[-2000:]!r}")
        self._seen = found + len(text)

    def wait(self, seconds: float = 30) -> int:
        """Wait for the end of the command and return its exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read():
            pass
        return self.process.wait(max(end - time.monotonic(), 1))

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 0.2)[0]:
            return self.process.poll() is None
        try:
            octets = os.read(self._ours, 65536)
        except OSError:  # Linux reports the end of a pseudo terminal so
            return False
        self._octets += octets
        if _WHERE in octets:
            os.write(self._ours, _HERE)
        return bool(octets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # In the background of a shell SIGINT is ignored, by children too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
