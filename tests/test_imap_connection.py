"""A session: opened when needed, verified, reopened when it dropped; each failure one error, in bounded time."""

from __future__ import annotations

import dataclasses
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from imapdb import errors
from imapdb.account import Account
from imapdb.imap import keys, search
from imapdb.imap.connection import Connection
from imapdb.imap.mailboxes import Mailbox
from tests.kit.dovecot import Dovecot
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imapdb.imap.wire import Wire
    from tests.kit.ca import Authority
    from tests.kit.servers import Login, MailServer

INBOX = Mailbox("INBOX", b"INBOX", "/", (), None)
MESSAGE = b"Subject: x\r\n\r\nHello.\r\n"
READY = "S: * OK [CAPABILITY IMAP4rev1] ready"
LOGGED_IN: list[str | bytes] = [READY, "C: LOGIN ...", "S: $tag OK [CAPABILITY IMAP4rev1] in"]


def through(proxy: Proxy, login: Login) -> Connection:
    return Connection(Account(proxy.host, login.user, proxy.port, login.password, "none", timeout=10))


def to(server: Transcript, timeout: float = 5) -> Connection:
    return Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=timeout))


def search_all(wire: Wire) -> list[int]:
    return list(search.search(wire, keys.ALL, esearch=False))


@pytest.fixture
def proxy(login: Login) -> Iterator[Proxy]:
    with Proxy(login.host, login.port) as standing:
        yield standing


def test_nothing_is_opened_before_it_is_needed(login: Login, proxy: Proxy) -> None:
    connection = through(proxy, login)
    assert (proxy.connections, connection.opened) == (0, 0)
    connection.close()
    connection.ping()
    assert connection.opened == 1
    connection.close()
    connection.ping()
    assert connection.opened == 2
    connection.close()
    assert not any(command.startswith("CLOSE") for command in proxy.commands)


def test_opening_and_listing_take_as_few_round_trips_as_there_can_be(login: Login, proxy: Proxy) -> None:
    connection = through(proxy, login)
    connection.mailboxes()
    asked = sum(command == "CAPABILITY" for command in proxy.commands)
    # LOGIN, LIST, and CAPABILITY where neither the greeting nor the answer to LOGIN told. Cyrus and Courier have
    # namespaces of other users that nothing is listed of: they might be kept apart, and are looked into once.
    apart = login.server.name in ("cyrus", "courier")
    assert proxy.round_trips == 2 + asked + apart
    proxy.clear()
    connection.mailboxes()
    assert proxy.round_trips == 1
    assert asked <= {"greenmail": 2, "courier": 1}.get(login.server.name, 0)
    proxy.clear()
    connection.read(search_all, INBOX)
    # GreenMail answers one command after the other; the client waits for nothing in between.
    assert proxy.round_trips == 1
    assert [command.split()[0] for command in proxy.commands] == ["EXAMINE", "UID"]
    connection.close()


def test_users_and_passwords_of_any_kind() -> None:
    script: list[str | bytes] = [
        READY,
        "C: LOGIN ...",
        "S: $tag OK [CAPABILITY IMAP4rev1] in",
        "C: NOOP",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = Connection(Account(server.host, 'a b"c', server.port, password='p "\\ü', tls="none", timeout=5))
        connection.ping()
        connection.close()


@pytest.mark.parametrize("capability", ["AUTH=PLAIN LOGINDISABLED", "AUTH=PLAIN LOGINDISABLED SASL-IR"])
def test_plain_is_used_where_login_is_disabled(capability: str) -> None:
    challenge = [] if "SASL-IR" in capability else ["S: +", "C: ..."]
    script: list[str | bytes] = [
        f"S: * OK [CAPABILITY IMAP4rev1 {capability}] ready",
        "C: AUTHENTICATE PLAIN ***",
        *challenge,
        "S: A1 OK [CAPABILITY IMAP4rev1] in",
        "HOLD",
    ]
    if challenge:
        script[1] = "C: AUTHENTICATE PLAIN"
    with Transcript(script) as server:
        connection = to(server)
        connection.open()
        assert connection.capabilities == {"IMAP4REV1"}
        connection.close()


@pytest.fixture(scope="module")
def patient_dovecot(dovecot: MailServer, authority: Authority) -> Iterator[MailServer]:
    """Dovecot that does not make an address wait for its wrong passwords; a server of its own, for that lasts."""
    server = Dovecot(
        authority,
        settings="""
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
""",
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_a_password_that_is_not_ascii_is_told_to_be_wrong(patient_dovecot: MailServer) -> None:
    account = Account.from_url(patient_dovecot.new_login().url())
    with pytest.raises(errors.AuthenticationFailed):
        Connection(dataclasses.replace(account, password="pässwörd")).open()


def test_what_the_server_says_of_itself_is_known_before_it_is_judged() -> None:
    script: list[str | bytes] = [
        "S: * OK [CAPABILITY IMAP4rev1 ID] ready",
        "C: LOGIN ...",
        "S: $tag OK [CAPABILITY IMAP4rev1 ID] in",
        "C: ID ...",
        'S: * ID ("name" "Dovecot" "version" NIL)',
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        assert connection.profile.name == "dovecot"
        connection.close()


@pytest.mark.parametrize("answer", ["* ID NIL", "* ID (", "* ID nonsense"])
def test_an_id_that_is_none_is_no_error(answer: str) -> None:
    script: list[str | bytes] = [
        "S: * OK [CAPABILITY IMAP4rev1 ID] ready",
        "C: LOGIN ...",
        "S: $tag OK [CAPABILITY IMAP4rev1 ID] in",
        "C: ID ...",
        f"S: {answer}",
        "S: $tag OK",
        "C: NOOP",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        assert connection.profile.name == "generic"
        connection.ping()
        assert connection.opened == 1
        connection.close()


# TLS


def test_tls_is_verified_by_the_ca_of_the_run(login: Login, authority: Authority) -> None:
    connection = Connection(Account.from_url(login.url("imaps")))
    connection.ping()
    connection.close()
    if login.server.starttls:
        connection = Connection(Account.from_url(login.url(tls="starttls", cafile=str(authority.ca_file))))
        connection.ping()
        connection.close()


def test_a_certificate_of_another_authority_is_not_accepted(login: Login, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    urls = [login.url("imaps", cafile=str(other))]
    if login.server.starttls:
        urls.append(login.url(tls="starttls", cafile=str(other)))
        urls.append(login.url(tls="starttls"))
    for url in urls:
        with pytest.raises(errors.TLSFailed, match="certificate"):
            Connection(Account.from_url(url)).open()


def test_a_certificate_for_another_host_is_not_accepted(dovecot: MailServer, authority: Authority) -> None:
    # 127.0.0.2 is this machine too, and not in the certificate.
    with socket.create_server(("127.0.0.2", 0)) as listener:

        def serve() -> None:
            opened, _ = listener.accept()
            with opened:
                try:
                    authority.server_context().wrap_socket(opened, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        url = f"imaps://u:p@127.0.0.2:{port}/?timeout=5&cafile={authority.ca_file}"
        with pytest.raises(errors.TLSFailed, match=r"127\.0\.0\.2"):
            Connection(Account.from_url(url)).open()
        thread.join(5)


def test_a_plain_port_spoken_to_as_imaps(login: Login) -> None:
    account = Account(login.host, login.user, login.port, login.password, "implicit", timeout=5)
    with pytest.raises(errors.ConnectionFailed):
        Connection(account).open()


def test_a_plain_port_is_told_from_a_bad_certificate(dovecot_login: Login) -> None:
    login = dovecot_login
    account = Account(login.host, login.user, login.port, login.password, "implicit", timeout=5)
    with pytest.raises(errors.TLSFailed, match="imap://"):
        Connection(account).open()


@pytest.mark.parametrize(
    "script",
    [
        [READY, "HOLD"],
        ["S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "C: STARTTLS", "S: $tag NO not today", "HOLD"],
        ["S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "C: STARTTLS", "S: $tag BAD what", "HOLD"],
        ["S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "C: STARTTLS", "S: $tag OK go", b"this is no TLS", "CLOSE"],
        ["S: * PREAUTH in", "C: CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS", "S: $tag OK done", "HOLD"],
    ],
)
def test_without_starttls_no_password_is_sent(script: list[str | bytes]) -> None:
    with Transcript(script) as server:
        account = Account(server.host, "u", server.port, "p", "starttls", timeout=5)
        with pytest.raises(errors.TLSFailed):
            Connection(account).open()
    assert not any(command.startswith(("LOGIN", "AUTHENTICATE")) for command in server.commands)


def test_no_password_in_clear_where_logins_are_disabled() -> None:
    with Transcript(["S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready", "HOLD"]) as server:
        connection = to(server)
        with pytest.raises(errors.AuthenticationFailed, match="LOGINDISABLED"):
            connection.open()
    assert server.commands == []


def test_no_password_in_clear_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    # No host but this one can be reached here: only what says so is changed.
    monkeypatch.setattr("imapdb.account.is_loopback", lambda host: False)
    with Transcript([READY, "HOLD"]) as server, pytest.raises(errors.AuthenticationFailed, match="not sent"):
        to(server).open()
    assert server.commands == []


def test_a_client_certificate_is_shown(authority: Authority, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    context = authority.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    shown: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                opened, _ = listener.accept()
                opened.settimeout(5)
                try:
                    with context.wrap_socket(opened, server_side=True) as secure:
                        shown.append(secure.getpeercert())
                        secure.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                        tag = secure.recv(1000).split()[0]
                        secure.sendall(tag + b" OK [CAPABILITY IMAP4rev1] in\r\n")
                        secure.recv(1000)
                except OSError:
                    shown.append(None)
                    opened.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"imaps://u:p@127.0.0.1:{listener.getsockname()[1]}/?timeout=5&cafile={authority.ca_file}"
        connection = Connection(Account.from_url(f"{url}&certfile={tmp_path / 'client.pem'}"))
        connection.open()
        connection.close()
        with pytest.raises(errors.ConnectionFailed):
            Connection(Account.from_url(url)).open()
        thread.join(5)
    assert shown[0]
    assert shown[1] is None


# Failures


def test_a_port_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ConnectionFailed, match=f"127.0.0.1:{port}"):
        Connection(Account("127.0.0.1", "u", port, "p", "none", timeout=5)).open()


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b", "."])
def test_a_host_that_is_no_name(host: str) -> None:
    with pytest.raises(errors.ConnectionFailed):
        Connection(Account(host, "u", 143, "p", "none", True, timeout=5)).open()


def test_a_wrong_password(patient_dovecot: MailServer, pymap_login: Login) -> None:
    for login in (patient_dovecot.new_login(), pymap_login):
        account = dataclasses.replace(Account.from_url(login.url()), password="Qx7Zk9")
        with pytest.raises(errors.AuthenticationFailed) as caught:
            Connection(account).open()
        assert caught.value.command == "LOGIN"
        assert caught.value.server_text
        assert "Qx7Zk9" not in str(caught.value)


def test_no_password_at_all() -> None:
    with pytest.raises(errors.AuthenticationFailed, match="IMAPDB_PASSWORD"):
        Connection(Account("127.0.0.1", "u", 1)).open()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (["CLOSE"], errors.ConnectionFailed),
        (["RESET"], errors.ConnectionFailed),
        ([b"* OK [CAPAB", "CLOSE"], errors.ConnectionFailed),
        (["S: * BYE too many", "CLOSE"], errors.ConnectionFailed),
        ([b"HTTP/1.1 400 Bad Request\r\n", "CLOSE"], errors.ConnectionFailed),
        ([b"SSH-2.0-OpenSSH_9.2\r\n", "HOLD"], errors.ConnectionFailed),
        (["HOLD"], errors.ConnectionFailed),
        (["S: * OK ready", "C: CAPABILITY", "CLOSE"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "CLOSE"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "RESET"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", b"A1 O", "CLOSE"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "S: * BYE shutting down", "CLOSE"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "HOLD"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "S: $tag OK in", "C: CAPABILITY", "CLOSE"], errors.ConnectionFailed),
        ([READY, "C: LOGIN ...", "S: $tag NO wrong", "HOLD"], errors.AuthenticationFailed),
        ([READY, "C: LOGIN ...", "S: $tag BAD wrong", "HOLD"], errors.AuthenticationFailed),
        ([READY, "C: LOGIN ...", "S: ZZ OK wrong", "HOLD"], errors.AuthenticationFailed),
    ],
)
def test_a_session_that_does_not_open(script: list[str | bytes], error: type[errors.Error]) -> None:
    begun = time.monotonic()
    with Transcript(script) as server, pytest.raises(error):
        to(server, timeout=0.3).open()
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "end", [["CLOSE"], ["RESET"], ["S: * BYE going down", "CLOSE"], [b"* SEARCH 1 2", "CLOSE"], ["HOLD"]]
)
def test_a_session_that_ends_twice_is_lost(end: list[str | bytes]) -> None:
    script: list[str | bytes] = [*LOGGED_IN, 'C: EXAMINE "INBOX"', "C: UID SEARCH ALL", *end]
    with Transcript(script, script) as server:
        connection = to(server, timeout=0.3)
        with pytest.raises(errors.ConnectionLost) as caught:
            connection.read(search_all, INBOX)
        assert connection.opened == 2
        if "BYE" in str(end[0]):
            assert "going down" in str(caught.value)
        connection.close()


def test_a_server_that_stalls_is_given_up_in_time(dovecot_login: Login) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = Connection(dataclasses.replace(through(proxy, dovecot_login).account, timeout=0.5))
        connection.ping()
        proxy.stall()
        begun = time.monotonic()
        with pytest.raises(errors.OperationalError):
            connection.ping()
        assert time.monotonic() - begun < 3
        proxy.resume()
        connection.ping()
        connection.close()


def test_a_dropped_session_is_reopened_and_the_read_repeated(login: Login, proxy: Proxy) -> None:
    uids = login.append_all("INBOX", [MESSAGE] * 3)
    connection = through(proxy, login)
    assert connection.read(search_all, INBOX) == uids
    proxy.cut()
    assert connection.read(search_all, INBOX) == uids
    assert connection.opened == 2
    proxy.clear()
    for octets in (0, 1, 10, 30, 60):
        proxy.cut()
        connection.ping()
        # In the midst of the answer: EXAMINE and SEARCH come in a few hundred octets.
        proxy.cut_after(octets)
        with pytest.raises(errors.OperationalError):
            connection.read(search_all, INBOX)
        proxy.mend()
        assert connection.read(search_all, INBOX) == uids
    connection.close()


def test_a_second_drop_is_an_error(login: Login, proxy: Proxy) -> None:
    connection = through(proxy, login)
    connection.ping()
    proxy.cut()
    proxy.refuse()
    with pytest.raises(errors.ConnectionFailed):
        connection.ping()
    proxy.mend()
    connection.ping()
    connection.close()


def test_after_a_fork_each_process_has_its_own_session(login: Login, proxy: Proxy) -> None:
    uids = login.append_all("INBOX", [MESSAGE] * 2)
    connection = through(proxy, login)
    assert connection.read(search_all, INBOX) == uids
    child = os.fork()
    if child == 0:
        result = 1
        try:
            result = 0 if connection.read(search_all, INBOX) == uids and connection.opened == 2 else 2
            connection.close()
        finally:
            os._exit(result)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert proxy.connections == 2
    assert connection.read(search_all, INBOX) == uids
    assert connection.opened == 1
    connection.close()


def test_a_child_that_only_closes_leaves_the_parents_session(login: Login, proxy: Proxy) -> None:
    connection = through(proxy, login)
    connection.ping()
    child = os.fork()
    if child == 0:
        connection.close()
        os._exit(0)
    os.waitpid(child, 0)
    connection.ping()
    assert connection.opened == 1
    assert "LOGOUT" not in proxy.commands
    connection.close()


def test_a_server_that_repeats_the_password_later_is_not_quoted() -> None:
    script = [
        *LOGGED_IN,
        'C: EXAMINE "INBOX"',
        "S: $tag NO go away s3cret-word",
        "C: UID SEARCH ALL",
        "S: $tag BAD",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = Connection(Account(server.host, "u", server.port, password="s3cret-word", tls="none", timeout=5))
        inbox = Mailbox("INBOX", b"INBOX", None, (), None)
        with pytest.raises(errors.NoSuchMailbox) as caught:
            connection.read(lambda wire: search.search(wire, keys.ALL, esearch=False), inbox)
        assert "s3cret" not in f"{caught.value} {caught.value.server_text} {caught.value.__cause__}"
        connection.close()
