"""imapclient, with its socket read through our own stream.

This is the one module that touches private names of imapclient and imaplib; tests/test_imap_client.py says at once
when a new version of either moved them. imapclient connects, does TLS and logs in; from then on imap/wire.py talks over
the same socket and the same buffer.
"""

from __future__ import annotations

import contextlib
import imaplib
import io
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import imapclient

if TYPE_CHECKING:
    import ssl

    from imapdb.account import Account

__all__ = ["Client", "Stream"]

BUFFER = 256 * 1024
PIECE = 1024 * 1024
# Octets after which a line that has not ended is still under way, however slow.
ENOUGH = 1024


# A segment or two.
SMALL = 4096
# Linux has it. It does not last: it is said again after each piece.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class _Incoming(io.RawIOBase):
    """A socket as a file. It bounds the wait for a line, where the socket bounds only that for its next octet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._waited = 0.0
        self._came = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        begun = time.monotonic()
        count = self._sock.recv_into(buffer)
        if count < SMALL and QUICKACK is not None:
            # Of an answer in several writes a server with Nagle's algorithm (Courier, GreenMail) keeps the next back
            # until the last was acknowledged, which takes 40 ms where nobody says so.
            # A courtesy: where it cannot be said, the answer only comes later.
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        if count >= ENOUGH or b"\n" in memoryview(buffer)[:count].tobytes():
            self._waited, self._came = 0.0, 0
            return count
        self._waited += time.monotonic() - begun
        self._came += count
        if self._came >= ENOUGH:
            self._waited, self._came = 0.0, 0
        elif (patience := self._sock.gettimeout()) is not None and self._waited > patience:
            raise TimeoutError("what came was less than a line")
        return count


class Stream:
    """The incoming half of a connection: lines and literals, from one buffer of our own.

    imaplib's buffer is 8 KiB, differs between Python versions and cannot be shared; this one serves imaplib (through
    `Client`) and the FETCH reader alike, so an octet is never left behind in the other's buffer.
    """

    __slots__ = ("_file", "peek", "readline", "skip", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = io.BufferedReader(_Incoming(sock), BUFFER)
        # The bound C method: one call a line is most of what a long listing costs.
        self.readline = self._file.readline
        # What has come and was not read; where nothing has, it waits for something. Empty at the end of the stream.
        self.peek = self._file.peek
        self.skip = self._file.read

    def read(self, size: int) -> bytes:
        """Read `size` octets, fewer only at the end of the stream.

        More than a mebibyte comes in pieces, so that an announced size alone allocates nothing; they are gathered where
        they stay, so that a large literal is in memory once.
        """
        if size <= PIECE:
            return self._file.read(size)
        whole = io.BytesIO()
        while (left := size - whole.tell()) > 0:
            piece = self._file.read(min(PIECE, left))
            if not piece:
                break
            whole.write(piece)
        return whole.getvalue()

    def close(self) -> None:
        """Close the buffer; the socket is its owner's."""
        self._file.close()


class _IMAP4(imaplib.IMAP4):
    """imaplib's session over `Stream`, which does not ask for the capabilities a greeting has already told."""

    _stream: Stream | None = None

    def __init__(self, account: Account, context: ssl.SSLContext | None) -> None:
        self._account = account
        self._context = context
        super().__init__(account.host, account.port, timeout=account.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        # A command goes out at once: beside delayed acknowledgements, Nagle's algorithm costs 40 ms a literal.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise

    @property
    def stream(self) -> Stream:
        # STARTTLS puts another socket here. The new stream begins empty: what somebody slipped in before the handshake
        # is never read as if it had come through TLS.
        if self._stream is None or self._stream.sock is not self.sock:
            if self._stream is not None:
                self._stream.close()
            self._stream = Stream(self.sock)
        return self._stream

    def read(self, size: int) -> bytes:
        return self.stream.read(size)

    def readline(self) -> bytes:
        line: bytes = self.stream.readline(imaplib._MAXLINE + 1)  # type: ignore[attr-defined] # noqa: SLF001
        if len(line) > imaplib._MAXLINE:  # type: ignore[attr-defined] # noqa: SLF001
            raise self.error(f"got more than {imaplib._MAXLINE} bytes")  # type: ignore[attr-defined] # noqa: SLF001
        return line

    def shutdown(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        super().shutdown()

    def _get_capabilities(self) -> None:
        told: Any = self.untagged_responses.pop("CAPABILITY", None)
        # What was said before a STARTTLS may be anybody's words (RFC 3501 6.2.1): asked again.
        if told and not self._tls_established:
            self.capabilities = tuple(told[-1].decode("ascii", "replace").upper().split())
        else:
            super()._get_capabilities()  # type: ignore[misc]


class Client(imapclient.IMAPClient):  # type: ignore[misc]
    """An imapclient session to an account: connected and, where the account says so, inside TLS; not yet logged in."""

    _imap: _IMAP4

    def __init__(self, account: Account) -> None:
        self._account = account
        self._context = None if account.tls == "none" else account.tls_context()
        super().__init__(
            account.host,
            account.port,
            ssl=account.tls == "implicit",
            ssl_context=self._context,
            timeout=account.timeout,
        )

    def _create_IMAP4(self) -> _IMAP4:  # noqa: N802 - imapclient's name
        return _IMAP4(self._account, self._context if self._account.tls == "implicit" else None)

    def secure(self) -> None:
        """Do STARTTLS with the account's context, and ask for the capabilities again (RFC 3501 6.2.1)."""
        self.starttls(self._context)

    @property
    def told(self) -> frozenset[str]:
        """The capabilities as the greeting told them, or the answer to the question behind it; upper case."""
        return frozenset(self._imap.capabilities)

    @property
    def is_preauthenticated(self) -> bool:
        """Whether the greeting was PREAUTH (RFC 3501 7.1.4)."""
        return bool(self._imap.state == "AUTH")

    @property
    def greeting(self) -> str:
        """The server's first line."""
        return bytes(self._imap.welcome).decode("utf-8", "replace")

    @property
    def incoming(self) -> Stream:
        """What the server sends, from one buffer."""
        return self._imap.stream

    def write(self, octets: bytes) -> None:
        """Send octets as they are."""
        self._imap.sock.sendall(octets)

    def close_socket(self) -> None:
        """Close without a LOGOUT; never raises."""
        try:
            self._imap.shutdown()
        except OSError:
            # Already gone: that is what was wanted.
            return

    def forget_socket(self) -> None:
        """Drop the socket in a child process: closed here, but not shut down, so that the parent's session lives on."""
        # Closing says nothing to the peer, not even inside TLS: close_notify is only sent by unwrap(). Detached first,
        # because a socket stays open for as long as a file over it does.
        os.close(self._imap.sock.detach())
