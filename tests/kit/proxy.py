"""A TCP proxy before a server: it writes down what the client says, and breaks the line on demand.

It speaks plain TCP. After STARTTLS or COMPRESS it still counts octets and round trips, but sees no commands.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Self

from tests.kit.commands import CommandReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_PATIENCE = 10.0
_PIECE = 1 << 16


class Proxy:
    """Stands before `host`:`port`, in a thread, while it is a context.

        with Proxy(login.host, login.port) as proxy:
            ...  # connect to proxy.host, proxy.port
            assert proxy.commands == ["CAPABILITY", "LOGIN ***", "EXAMINE INBOX"]

    `commands` are without tag and line end, literals where they stood, credentials blanked. `octets_up` and
    `octets_down` count what passed from and to the client. `round_trips` counts how often the server spoke after
    the client had: what is pipelined costs one. `connections` counts those opened. All of them are over every
    connection, and `clear()` sets them to nothing.

    `delay`, in seconds, holds each octet back that long, both ways; it may be set at any time.
    """

    host = "127.0.0.1"

    def __init__(self, host: str, port: int, *, delay: float = 0.0) -> None:
        self._target = (host, port)
        self.delay = delay
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # None: no limit; else how many octets of the server may still pass.
        self.allowance: int | None = None
        self._is_mended_by_cut = False
        self.refusing = False
        self.clear()

    def clear(self) -> None:
        """Forget what was counted and recorded; the limit of `cut_after` stays."""
        self.commands: list[str] = []
        self.octets_up = 0
        self.octets_down = 0
        self.round_trips = 0
        self.connections = 0

    def cut(self) -> None:
        """End every connection now, as a broken line does: both sides see a reset, before this returns."""
        self._call(self.cut_here)
        # A socket is closed, and the reset goes out, in the turn of the loop behind that.
        for _ in range(2):
            self._call(lambda: None)

    def cut_after(self, octets: int, *, once: bool = False) -> None:
        """Let `octets` more of the server's octets pass, over all connections, then cut.

        Nobody is let in afterwards, except where the line is to break `once`.
        """
        self._is_mended_by_cut = once
        self.allowance = octets

    def stall(self) -> None:
        """Hold back what the server says from now on; the connections stay open."""
        self._call(self._flowing.clear)

    def resume(self) -> None:
        """Deliver again, what was held back first."""
        self._call(self._flowing.set)

    def refuse(self, refusing: bool = True) -> None:
        """Reset every new connection at once, or accept them again."""
        self.refusing = refusing

    def mend(self) -> None:
        """Undo `cut_after`, `stall` and `refuse`."""
        self.allowance = None
        self.refusing = False
        self.resume()

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy", daemon=True)
        self._thread.start()
        if not self._ready.wait(_PATIENCE):
            raise TimeoutError("the proxy does not listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        listener = await asyncio.start_server(self._accept, self.host, 0)
        self.port: int = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        # asyncio 3.11 leaks a connection whose listener closes between its acceptance and its callback.
        self._loop.remove_reader(listener.sockets[0].fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        listener.close()
        self.cut_here()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refusing or self.allowance == 0:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, (reader, writer), (up_reader, up_writer), self._flowing)
        task = asyncio.ensure_future(link.run())
        self._links.add(link)
        self._tasks.add(task)
        try:
            await asyncio.wait([task])
        finally:
            self._links.discard(link)
            self._tasks.discard(task)

    def cut_here(self) -> None:
        """End every connection; only for the proxy's own thread."""
        if self._is_mended_by_cut:
            self.allowance = None
        for link in tuple(self._links):
            link.cut()

    def _call(self, action: Callable[[], None]) -> None:
        """Do it in the loop, and wait until it is done."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait(_PATIENCE)


class _Link:
    """One client and its connection to the server."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        flowing: asyncio.Event,
    ) -> None:
        self._proxy = proxy
        self._client_reader, self._client_writer = client
        self._server_reader, self._server_writer = server
        self._flowing = flowing
        self._commands = CommandReader()
        self._client_spoke = False

    async def run(self) -> None:
        """Pass octets both ways until either side ends or the link is cut."""
        for writer in (self._client_writer, self._server_writer):
            # So that drain() returns when the octets are in the system's hands.
            writer.transport.set_write_buffer_limits(high=0)
        ways = (
            asyncio.ensure_future(self._pass(self._client_reader, self._server_writer, self._went_up)),
            asyncio.ensure_future(self._pass(self._server_reader, self._client_writer, self._went_down)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            # The side that is left may still have something to hand over: a BYE, say.
            await asyncio.wait(ways, timeout=self._proxy.delay + 0.2)
        finally:
            for way in ways:
                way.cancel()
            self._client_writer.close()
            self._server_writer.close()
            await asyncio.gather(*ways, return_exceptions=True)

    def cut(self) -> None:
        for writer in (self._client_writer, self._server_writer):
            _reset(writer)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, went: Callable[[bytes], bytes]
    ) -> None:
        """Read at once and write `delay` later, so that a delay costs time and not throughput."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(waiting, writer, went))
        try:
            while piece := await reader.read(_PIECE):
                waiting.put_nowait((asyncio.get_running_loop().time() + self._proxy.delay, piece))
        except ConnectionError:
            pass
        finally:
            waiting.put_nowait((0.0, b""))
            try:
                await delivery
            finally:
                delivery.cancel()

    async def _deliver(
        self,
        waiting: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
        went: Callable[[bytes], bytes],
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, piece = await waiting.get()
            if not piece:
                if writer.can_write_eof() and not writer.is_closing():
                    writer.write_eof()
                break
            if (rest := due - clock()) > 0:
                await asyncio.sleep(rest)
            if writer is self._client_writer:
                await self._flowing.wait()
            try:
                # Counted before it is written: who has read an answer finds it counted.
                writer.write(went(piece))
                await writer.drain()
            except ConnectionError:
                break
            if self._proxy.allowance == 0 and writer is self._client_writer:
                self._proxy.cut_here()
                break

    def _went_up(self, piece: bytes) -> bytes:
        self._proxy.octets_up += len(piece)
        self._client_spoke = True
        self._proxy.commands += self._commands.feed(piece)
        return piece

    def _went_down(self, piece: bytes) -> bytes:
        if self._proxy.allowance is not None:
            piece = piece[: self._proxy.allowance]
            self._proxy.allowance -= len(piece)
        self._proxy.octets_down += len(piece)
        if self._client_spoke and piece:
            self._proxy.round_trips += 1
            self._client_spoke = False
        self._commands.heard(piece)
        return piece


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close without the polite end, so that the other side sees ECONNRESET."""
    opened = writer.get_extra_info("socket")
    if opened is not None and not writer.is_closing():
        # SO_LINGER with a time of 0.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()
