"""Answers of real and invented servers: whole, in two parts at every place, octet by octet, with more behind them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from imapdb.imap.client import Stream
from imapdb.imap.fetched import read_fetch
from imapdb.imap.wire import Wire
from tests.kit.recorded import FOLDER, Exchange, exchanges, told

if TYPE_CHECKING:
    from collections.abc import Sequence

EXCHANGES = [exchange for path in sorted(FOLDER.glob("*.txt")) for exchange in exchanges(path)]
BEHIND = b"* 99 EXISTS\r\nA2 OK {5}\r\n"


class _Packets:
    """As much of a client as a Wire needs, over sockets that keep packets apart: each is one piece that is read."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(10)
        self.incoming = Stream(self._ours)

    def write(self, octets: bytes) -> None:
        self._ours.sendall(octets)

    def close_socket(self) -> None:
        self.incoming.close()
        self._ours.close()
        self.theirs.close()


def read(pieces: Sequence[bytes]) -> list[dict[str, object]]:
    client = _Packets()
    wire = Wire(client)  # type: ignore[arg-type]
    pending, behind = wire.send("UID FETCH"), wire.send("NOOP")

    def say() -> None:
        # Whoever is done with reading hangs up.
        with suppress(OSError):
            for piece in filter(None, pieces):
                client.theirs.send(piece)

    thread = threading.Thread(target=say)
    if len(pieces) > 5:
        thread.start()
    else:
        say()
    try:
        found = [told(message) for response in wire.answer(pending) if (message := read_fetch(response))]
        assert list(wire.answer(behind)) == [[b"* 99 EXISTS\r\n"]]
    finally:
        client.theirs.shutdown(socket.SHUT_RDWR)
        if thread.ident is not None:
            thread.join()
        wire.close()
    return found


@pytest.fixture(params=EXCHANGES, ids=lambda exchange: exchange.name)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    assert isinstance(request.param, Exchange)
    return request.param


def test_whole(exchange: Exchange) -> None:
    assert exchange.messages
    assert read([exchange.said + BEHIND]) == exchange.messages


def test_with_more_behind(exchange: Exchange) -> None:
    assert read([exchange.said, BEHIND]) == exchange.messages


def test_in_two_parts_at_every_octet(exchange: Exchange) -> None:
    whole = exchange.said + BEHIND
    for place in range(1, len(whole)):
        assert read([whole[:place], whole[place:]]) == exchange.messages, place


def test_octet_by_octet(exchange: Exchange) -> None:
    whole = exchange.said + BEHIND
    assert read([whole[place : place + 1] for place in range(len(whole))]) == exchange.messages


def test_every_server_there_is_was_recorded() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} >= {"courier", "cyrus", "dovecot", "greenmail", "pymap"}
