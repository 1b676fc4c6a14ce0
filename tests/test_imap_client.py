"""What imap/client.py takes from imapclient and imaplib without being offered it. A version that moves it fails here.

Each is tried, not only looked for: the names are private, and may come to mean something else.
"""

from __future__ import annotations

import imaplib
import inspect
import socket
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

import imapclient
import pytest
from imapclient import imap_utf7

from imapdb import errors
from imapdb.account import Account
from imapdb.imap.client import Client, Stream
from imapdb.imap.connection import Connection
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    import ssl

    from tests.kit.ca import Authority
    from tests.kit.servers import Login

GREETING = "S: * OK [CAPABILITY IMAP4rev1 IDLE STARTTLS] ready"


def client_of(server: Transcript) -> Client:
    return Client(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))


def test_the_version_is_one_that_was_looked_at() -> None:
    assert version("imapclient").startswith("4.1.")


def test_imapclient_makes_its_session_where_we_put_ours() -> None:
    assert list(inspect.signature(imapclient.IMAPClient._create_IMAP4).parameters) == ["self"]
    with Transcript([GREETING, "HOLD"]) as server:
        client = client_of(server)
        assert type(client._imap).__mro__[1] is imaplib.IMAP4
        client.close_socket()


def test_imaplib_reads_and_opens_where_we_put_ours() -> None:
    for name in ("_create_socket", "_get_capabilities", "read", "readline", "shutdown"):
        assert callable(getattr(imaplib.IMAP4, name))
    assert imaplib._MAXLINE >= 1_000_000  # type: ignore[attr-defined]
    source = inspect.getsource(imaplib.IMAP4._get_line)  # type: ignore[attr-defined]
    assert "self.readline()" in source
    source = inspect.getsource(imaplib.IMAP4.starttls)
    assert "self.sock = " in source
    assert "_tls_established = True" in source
    assert source.index("_tls_established = True") < source.index("_get_capabilities()")


def test_a_greeting_with_capabilities_is_not_asked_again() -> None:
    with Transcript([GREETING, "HOLD"]) as server:
        client = client_of(server)
        assert client.told == {"IMAP4REV1", "IDLE", "STARTTLS"}
        assert client.greeting == "* OK [CAPABILITY IMAP4rev1 IDLE STARTTLS] ready"
        assert not client.is_preauthenticated
        client.close_socket()
    assert server.commands == []


def test_a_greeting_without_capabilities_is_asked_once() -> None:
    script: list[str | bytes] = [
        "S: * OK ready",
        "C: CAPABILITY",
        "S: * CAPABILITY imap4REV1 Idle",
        "S: $tag OK done",
        "HOLD",
    ]
    with Transcript(script) as server:
        client = client_of(server)
        assert client.told == {"IMAP4REV1", "IDLE"}
        client.close_socket()


def test_preauth_is_noticed() -> None:
    with Transcript(
        ["S: * PREAUTH come in", "C: CAPABILITY", "S: * CAPABILITY IMAP4rev1", "S: $tag OK done", "HOLD"]
    ) as server:
        client = client_of(server)
        assert client.is_preauthenticated
        client.close_socket()


def test_one_buffer_serves_both() -> None:
    # What comes behind the line imaplib reads stays for the wire, in one packet or not.
    greeting = b"* OK [CAPABILITY IMAP4rev1] ready\r\n* 1 EXISTS\r\nabc* 2 EXISTS\r\n"
    with Transcript([greeting, "HOLD"]) as server:
        client = client_of(server)
        assert client.incoming is client.incoming
        assert client.incoming.readline() == b"* 1 EXISTS\r\n"
        assert client._imap.read(3) == b"abc"
        assert client._imap.readline() == b"* 2 EXISTS\r\n"
        client.close_socket()
        client.close_socket()


def test_a_long_literal_is_read_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    octets = bytes(range(256)) * 10_000
    thread = threading.Thread(target=theirs.sendall, args=(octets + b"rest",))
    thread.start()
    stream = Stream(ours)
    assert stream.read(len(octets)) == octets
    assert stream.read(4) == b"rest"
    thread.join()
    theirs.close()
    # An announced size is believed only as far as octets come.
    assert stream.read(2**31) == b""
    stream.close()
    ours.close()


class _Injecting:
    """Agrees to STARTTLS and sends more in the same packet, in clear; then does TLS as it should."""

    def __init__(self, context: ssl.SSLContext, extra: bytes) -> None:
        self._context, self._extra = context, extra
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        opened, _ = self._listener.accept()
        opened.settimeout(5)
        opened.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        tag = opened.recv(1000).split()[0]
        opened.sendall(tag + b" OK go ahead\r\n" + self._extra)
        try:
            with self._context.wrap_socket(opened, server_side=True) as secure:
                while line := secure.recv(1000):
                    self.heard.append(line)
                    tag, command = line.split()[:2]
                    if command == b"CAPABILITY":
                        secure.sendall(b"* CAPABILITY IMAP4rev1 HONEST\r\n")
                    secure.sendall(tag + b" OK done\r\n")
        except OSError as error:
            self.heard.append(repr(error).encode())
            opened.close()


@pytest.mark.parametrize(
    "extra", [b"", b"* CAPABILITY IMAP4rev1 INJECTED\r\n", b"* BYE go away\r\n", b"A1 OK you are in\r\n"]
)
def test_nothing_said_before_tls_is_taken_as_said_inside(authority: Authority, extra: bytes) -> None:
    with _Injecting(authority.server_context(), extra) as server:
        url = f"imap://u:p@127.0.0.1:{server.port}/?tls=starttls&timeout=5&cafile={authority.ca_file}"
        connection = Connection(Account.from_url(url))
        try:
            connection.open()
        except errors.TLSFailed:
            # The octets were still in the socket, and are no handshake: as good.
            assert extra
        else:
            assert connection.capabilities == {"IMAP4REV1", "HONEST"}
        connection.close()
    assert not any(b"INJECTED" in line for line in server.heard)


def test_starttls_and_login_take_their_round_trips_and_no_more(dovecot_login: Login, authority: Authority) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        account = Account.from_url(dovecot_login.url(tls="starttls", cafile=str(authority.ca_file)))
        connection = Connection(
            Account(
                proxy.host, account.user, proxy.port, account.password, "starttls", ssl_context=account.tls_context()
            )
        )
        connection.mailboxes()
        # STARTTLS, two of TLS 1.3 (tickets come with the second), CAPABILITY, LOGIN, then LIST.
        assert proxy.round_trips <= 7
        assert proxy.commands[0] == "STARTTLS"
        connection.close()


def test_modified_utf7_is_imapclients() -> None:
    assert imap_utf7.encode("台北 & Entwürfe") == b"&U,BTFw- &- Entw&APw-rfe"
    assert imap_utf7.decode(b"&U,BTFw- &- Entw&APw-rfe") == "台北 & Entwürfe"
