"""A server that plays a script: for answers no real server gives on demand."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from textwrap import dedent
from typing import TYPE_CHECKING, Self

from tests.kit.commands import CommandReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_TIMEOUT = 10.0
_PLACES = re.compile(r"\.\.\.")

Script = str | list[str | bytes]


class ScriptError(AssertionError):
    """The client said something the script did not expect."""


class Transcript:
    """Plays one script for each connection, on a port of 127.0.0.1; further connections are closed at once.

        with Transcript('''
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: LOGIN ...
            S: $tag OK done
            C: SELECT "INBOX"
            S: * BYE going down
            CLOSE
        ''') as server:
            ...  # connect to server.host, server.port

    `C:` is what the client must say next, without its tag: letters of any case, `...` for anything. A literal is
    asked for with `+` and is part of the command, after its `{n}` and line end. `S:` is a line the server says;
    `$tag` is the tag of the client's last command. Of a list, items of bytes are sent as they are. `CLOSE` ends
    the connection, `RESET` breaks it, `HOLD` says nothing more and waits until the client leaves. The end of the
    script is a `CLOSE`.

    Leaving the context raises ScriptError where the client strayed from the script. `commands` is what it said,
    without tags, credentials blanked.
    """

    host = "127.0.0.1"

    def __init__(self, *scripts: Script) -> None:
        self._scripts = [_steps(script) for script in scripts]
        self.commands: list[str] = []
        self.strayed: list[str] = []
        self._open: socket.socket | None = None
        self._ended = False

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="transcript", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        for opened in (self._open, self._listener):
            if opened is not None:
                # Wakes the thread out of recv() or accept().
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
        self._thread.join(_TIMEOUT)
        self._listener.close()
        if self.strayed and error is None:
            raise ScriptError("\n".join(self.strayed))

    def _serve(self) -> None:
        scripts = iter(self._scripts)
        while not self._ended:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._open = connection
                connection.settimeout(_TIMEOUT)
                try:
                    _Play(self, connection).run(next(scripts, []))
                except ScriptError as error:
                    self.strayed.append(str(error))
                except OSError as error:
                    if not self._ended:
                        self.strayed.append(f"the connection broke: {error!r}")
                self._open = None


class _Play:
    """One connection and its script."""

    def __init__(self, transcript: Transcript, connection: socket.socket) -> None:
        self._transcript = transcript
        self._connection = connection
        self._reader = CommandReader()
        self._said: list[tuple[str, str]] = []
        self._tag = "*"

    def run(self, steps: Iterable[str | bytes]) -> None:
        for step in steps:
            if isinstance(step, bytes):
                self._connection.sendall(step)
            elif step.startswith("S:"):
                line = step.removeprefix("S:").strip().replace("$tag", self._tag)
                self._reader.heard(line.encode())
                self._connection.sendall(line.encode() + b"\r\n")
            elif step.startswith("C:"):
                self._expect(step.removeprefix("C:").strip())
            elif step == "CLOSE":
                return
            elif step == "RESET":
                # SO_LINGER with a time of 0: closing sends a reset.
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(3) + bytes(4))
                return
            elif step == "HOLD":
                self._connection.settimeout(None)
                while self._connection.recv(1 << 16):
                    pass
                return
            else:
                raise ScriptError(f"not a step of a script: {step!r}")

    def _expect(self, pattern: str) -> None:
        while not self._said:
            octets = self._connection.recv(1 << 16)
            if not octets:
                raise ScriptError(f"expected {pattern!r}, and the client left")
            self._said += self._reader.feed_tagged(octets)
            if self._reader.waiting_for_literal:
                self._connection.sendall(b"+ go ahead\r\n")
        tag, said = self._said.pop(0)
        self._tag = tag or self._tag
        self._transcript.commands.append(said)
        wanted = ".*".join(re.escape(part) for part in _PLACES.split(pattern))
        if not re.fullmatch(wanted, said, re.IGNORECASE | re.DOTALL):
            raise ScriptError(f"expected {pattern!r}, the client said {said!r}")


def _steps(script: Script) -> list[str | bytes]:
    if isinstance(script, list):
        return script
    return [line.strip() for line in dedent(script).splitlines() if line.strip()]
