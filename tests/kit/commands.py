"""What a client says, taken apart into commands."""

from __future__ import annotations

import re

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n$")
_SECRET = re.compile(r"^(LOGIN) .*|^(AUTHENTICATE \S+) .*", re.IGNORECASE | re.DOTALL)
_OPAQUE = ("STARTTLS", "COMPRESS")


class CommandReader:
    """Fed with the octets of one connection; gives each command once it is complete.

    A command is its text without the tag and the line end. Literals stand in it after their `{n}` and line end, as
    on the wire. What LOGIN and AUTHENTICATE carry is `***`. Lines without a tag are DONE and the answers to a
    challenge, which are `***` too.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._command = b""
        self._literal = 0
        # Whether the last line announced a literal that waits for the server's leave (no LITERAL+, RFC 7888).
        self._asking = False
        self._authenticating: str | None = None
        # The tag of a STARTTLS or COMPRESS; once the server agrees there are no lines any more.
        self._switching: str | None = None
        self._opaque = False

    @property
    def waiting_for_literal(self) -> bool:
        """Whether the client has announced a literal and waits for the server's leave to send it."""
        return self._asking and not self._buffer

    def feed(self, octets: bytes) -> list[str]:
        """Take what the client sent and return the commands completed by it."""
        return [command for _, command in self.feed_tagged(octets)]

    def feed_tagged(self, octets: bytes) -> list[tuple[str, str]]:
        """Do the same, each command after its tag; a line without a tag has ""."""
        if self._opaque:
            return []
        self._buffer += octets
        self._asking = False
        found = []
        while self._buffer:
            if self._literal:
                piece, self._buffer = self._buffer[: self._literal], self._buffer[self._literal :]
                self._literal -= len(piece)
                self._command += piece
                continue
            line, end, rest = self._buffer.partition(b"\n")
            if not end:
                break
            self._buffer = rest
            self._command += line + end
            if match := _LITERAL.search(line + end):
                self._literal, self._asking = int(match[1]), not match[2]
                continue
            text = self._command.decode("utf-8", "surrogateescape")
            found.append(self._named(text.removesuffix("\n").removesuffix("\r")))
            self._command = b""
        return found

    def heard(self, octets: bytes) -> None:
        """Look at what the server sent, for the answers that change how the client speaks."""
        tags = {line.split(" ", 1)[0]: line for line in octets.decode("latin-1").splitlines()}
        if self._authenticating in tags:
            self._authenticating = None
        if self._switching is not None and self._switching in tags:
            self._opaque = tags[self._switching].upper().startswith(f"{self._switching} OK".upper())
            self._switching = None
        if self._literal and self._command.decode("latin-1").split(" ", 1)[0] in tags:
            # The server would not have the literal: it is never sent.
            self._command, self._literal = b"", 0

    def _named(self, text: str) -> tuple[str, str]:
        tag, _, command = text.partition(" ")
        if self._authenticating is not None:
            return "", "***"
        if not command:
            return "", tag
        word = command.split(" ", 1)[0].upper()
        if word == "AUTHENTICATE":
            self._authenticating = tag
        elif word in _OPAQUE:
            self._switching = tag
        return tag, _SECRET.sub(lambda match: f"{match[1] or match[2]} ***", command)
