"""A small IMAP server inside this process, for the demo and the tests.

pymap (PyPI, extra `demo`) keeps every mailbox in memory and listens on 127.0.0.1 only. It runs in a thread with an
event loop of its own, so the program that starts it need not be asynchronous:

    with EmbeddedServer() as server:
        server.add_user("ada", "secret")
        ...  # imap://ada:secret@127.0.0.1:{server.port}/

pymap is loaded when a server is started, not when this module is imported.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from argparse import Namespace
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from imapdb.errors import InterfaceError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from proxyprotocol.sock import SocketInfo
    from pymap.backend.dict import Config, Login
    from pymap.imap import IMAPServer
    from pysasl import SASLAuth

__all__ = ["EmbeddedServer"]

_log = logging.getLogger(__name__)

# How long the thread may take to listen, or to let go of its connections, in seconds.
_PATIENCE = 10.0


class EmbeddedServer:
    """An IMAP server in a thread of this process, on a port of 127.0.0.1 the system chooses.

    With `tls`, a server-side SSL context, STARTTLS is offered on `port` and TLS from the first octet on `tls_port`.
    Logging in without TLS is allowed either way: nothing leaves the machine.

    A stopped server forgets its mail. It can be started again, empty, on other ports.
    """

    host = "127.0.0.1"

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._thread: threading.Thread | None = None
        self._running: _Running | None = None

    @property
    def port(self) -> int:
        """The port of plain IMAP. Raises InterfaceError while the server is stopped."""
        return self._started().port

    @property
    def tls_port(self) -> int | None:
        """The port of IMAP over TLS, None without `tls`. Raises InterfaceError while the server is stopped."""
        return self._started().tls_port

    def start(self) -> None:
        """Listen. Returns once clients can connect; does nothing on a running server.

        Raises NotSupportedError where pymap is not installed, OSError where 127.0.0.1 cannot be listened on, and
        TimeoutError where the thread does not get that far within 10 s.
        """
        if self._running is not None:
            return
        running = _Running(self._tls)
        thread = threading.Thread(target=running.run, name="imapdb-demo-server", daemon=True)
        thread.start()
        if not running.ready.wait(_PATIENCE):
            raise TimeoutError(f"the embedded server does not listen after {_PATIENCE:.0f} s")
        if running.failure is not None:
            thread.join(_PATIENCE)
            raise running.failure
        self._running, self._thread = running, thread

    def stop(self) -> None:
        """End every connection and forget all mail. Does nothing on a stopped server."""
        running, thread = self._running, self._thread
        self._running = self._thread = None
        if running is None or thread is None:
            return
        running.loop.call_soon_threadsafe(running.stopping.set)
        thread.join(_PATIENCE)

    def add_user(self, name: str, password: str) -> None:
        """Open an empty account, which has an INBOX and nothing else; for a known name, set its password.

        Raises InterfaceError while the server is stopped.
        """
        running = self._started()
        asyncio.run_coroutine_threadsafe(running.add_user(name, password), running.loop).result(_PATIENCE)

    def _started(self) -> _Running:
        if self._running is None:
            raise InterfaceError("the embedded server is not running; call start() first")
        return self._running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = "stopped" if self._running is None else f"{self.host}:{self._running.port}"
        return f"<{type(self).__name__} {where}>"


class _Running:
    """What lives from one start to its stop: the loop, the accounts and the open connections."""

    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event
    login: Login
    port: int
    tls_port: int | None

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        # Held, and not weakly: asyncio knows a connection's reader only by a weak reference, so that on Python 3.13 a
        # conversation that waited for its client was collected as garbage.
        self._conversations: set[asyncio.Task[None]] = set()
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()
        self.ready = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Serve until `stopping` is set: the whole life of the thread."""
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - handed over to start(), which raises it
            self.failure = error
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        try:
            from pymap.backend.dict import Login  # noqa: PLC0415 - an extra, loaded when wanted
            from pymap.imap import IMAPServer  # noqa: PLC0415
        except ImportError as error:
            raise NotSupportedError(
                'the embedded server needs pymap, which is not installed: pip install "imapdb[demo]"'
            ) from error

        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        plain = _config(self._tls, starttls=self._tls is not None)
        self.login = Login(plain)
        plain.apply_context()
        listener = await asyncio.start_server(self._callback(IMAPServer(self.login, plain)), EmbeddedServer.host, 0)
        listeners = [listener]
        self.port = _port(listener)
        self.tls_port = None
        if self._tls is not None:
            # The accounts are those of `login`; the second configuration only leaves STARTTLS out.
            wrapped = IMAPServer(self.login, _config(self._tls, starttls=False))
            listener = await asyncio.start_server(self._callback(wrapped), EmbeddedServer.host, 0, ssl=self._tls)
            listeners.append(listener)
            self.tls_port = _port(listener)
        self.ready.set()
        await self.stopping.wait()
        for listening in [opened for listener in listeners for opened in listener.sockets]:
            self.loop.remove_reader(listening.fileno())
        # asyncio 3.11 leaks a connection it has accepted when its listener closes before the connection has reached
        # the callback, which happens in one of the next turns of the loop.
        await _turns(10)
        for listener in listeners:
            listener.close()
        await self._hang_up()

    def _callback(self, server: IMAPServer) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        """Make what asyncio calls for every client."""
        from proxyprotocol.reader import ProxyProtocolReader  # noqa: PLC0415 - loaded by now
        from proxyprotocol.version import ProxyProtocolVersion  # noqa: PLC0415

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sock_info: SocketInfo) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._conversations.add(task)
                task.add_done_callback(self._conversations.discard)
            try:
                await server(reader, writer, sock_info)
            except Exception:  # noqa: BLE001 - whatever pymap raises ends one connection, not the server
                # pymap 0.36 raises out of the task where it meets mail it cannot take apart (ENVELOPE of an invalid
                # Date) after telling the client BYE. Nobody awaits the task: asyncio would print the traceback.
                _log.debug("pymap gave a connection up", exc_info=True)

        begin = ProxyProtocolReader(ProxyProtocolVersion.get()).get_callback(converse)

        def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
            self._transports.add(writer.transport)
            return begin(reader, writer)

        return admit

    async def _hang_up(self) -> None:
        """Let pymap say BYE on every connection, then close the sockets, read or not."""
        conversations = set(self._conversations)
        for task in conversations:
            task.cancel()
        if conversations:
            await asyncio.wait(conversations, timeout=1)
        # Also those pymap has closed, while what it said last waits for a client that does not read.
        for transport in tuple(self._transports):
            transport.abort()
        # A transport closes its socket in a later turn of the loop; a TLS one passes it on first.
        await _turns(3)

    async def add_user(self, name: str, password: str) -> None:
        """Make the account; runs in the loop of the thread."""
        from pymap.backend.dict import Identity  # noqa: PLC0415 - loaded by now
        from pymap.user import Passwords, UserMetadata  # noqa: PLC0415

        config = self.login.config
        stored = await Passwords(config).hash_password(password)
        await Identity(name, self.login, None, frozenset()).set(UserMetadata(config, name, password=stored))


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _port(listener: asyncio.Server) -> int:
    port: int = listener.sockets[0].getsockname()[1]
    return port


def _config(tls: ssl.SSLContext | None, *, starttls: bool) -> Config:
    """Make pymap's settings for accounts in memory."""
    from pymap.backend.dict import Config  # noqa: PLC0415 - an extra, loaded when wanted
    from pymap.concurrent import Subsystem  # noqa: PLC0415
    from pysasl.hashing import Cleartext  # noqa: PLC0415

    class LoopbackConfig(Config):
        @property
        def greeting(self) -> bytes:
            # pymap would look up the machine's full name, which may ask a name server at every connection.
            return b"pymap ready"

        @property
        def initial_auth(self) -> SASLAuth:
            # pymap refuses LOGIN before STARTTLS wherever STARTTLS is offered.
            return self.tls_auth

    return LoopbackConfig(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        host=EmbeddedServer.host,
        port=0,
        demo_data=False,
        demo_user="",
        demo_password="",
        # Always a context: without one pymap would load the files the environment names in CERT_FILE and KEY_FILE.
        ssl_context=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        tls_enabled=starttls,
        invalid_user_sleep=0.0,
        reject_dnsbl=False,
        # Passwords live as long as the process; hashing them slowly would protect nobody. In the loop rather than
        # in pymap's thread pool, which it never shuts down.
        hash_context=Cleartext(),
        cpu_subsystem=Subsystem.for_asyncio(),
    )
