"""A Wire over a pair of sockets, and its answer in pieces."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from imapdb.imap.client import Stream
from imapdb.imap.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.imap.client import Client

__all__ = ["answering"]


class _Socketed:
    """As much of a client as a Wire needs."""

    def __init__(self, sock: socket.socket) -> None:
        self.incoming = Stream(sock)
        self._sock = sock

    def write(self, octets: bytes) -> None:
        self._sock.sendall(octets)

    def close_socket(self) -> None:
        self.incoming.close()
        self._sock.close()


@contextmanager
def answering(octets: bytes, step: int | None = None) -> Iterator[Wire]:
    """Give a Wire whose server says `octets`, in pieces of `step` octets, and nothing more."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)

    def say() -> None:
        for place in range(0, len(octets), step or max(1, len(octets))):
            theirs.sendall(octets[place : place + (step or len(octets))])
        theirs.shutdown(socket.SHUT_WR)

    wire = Wire(cast("Client", _Socketed(ours)))
    speaker = threading.Thread(target=say)
    speaker.start()
    try:
        yield wire
    finally:
        speaker.join()
        wire.close()
        theirs.close()
