"""The tools the other tests stand on, tried on every server."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from imapdb.demo.embedded import EmbeddedServer
from imapdb.errors import InterfaceError
from tests.kit.commands import CommandReader
from tests.kit.greenmail import find_jar
from tests.kit.login import RefusedError, checked, modified_utf7, wire_name
from tests.kit.proxy import Proxy
from tests.kit.transcript import ScriptError, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.ca import Authority
    from tests.kit.servers import Login, MailServer

MESSAGE = b"From: Ada <ada@example.org>\r\nSubject: one\r\n\r\nHello.\r\n"
NAMES = ["日本語", "A & B", 'say "hello"', "back\\slash", "Entwürfe", "100%", "&"]


def test_every_login_is_empty(mail_server: MailServer) -> None:
    first, second = mail_server.new_login(), mail_server.new_login()
    first.append("INBOX", MESSAGE)
    assert first.user != second.user
    with second.imaplib() as client:
        assert checked(client.select("INBOX", readonly=True)) == [b"0"]


def test_append_gives_the_uid_and_keeps_octets_flags_and_date(login: Login) -> None:
    created = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    first = login.append("INBOX", MESSAGE)
    second = login.append("INBOX", MESSAGE, ["\\Seen", "\\Flagged"], created)
    assert second > first
    with login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        answer = checked(client.uid("FETCH", str(second), "(FLAGS INTERNALDATE BODY.PEEK[])"))
    assert [part[1] for part in answer if isinstance(part, tuple)] == [MESSAGE]
    said = b" ".join(part[0] if isinstance(part, tuple) else part for part in answer)
    assert b"\\Seen" in said
    assert b"\\Flagged" in said
    assert b"29-Feb-2024" in said


def test_append_all_gives_uids_that_ascend(login: Login) -> None:
    uids = login.append_all("INBOX", [MESSAGE] * 5)
    assert uids == sorted(set(uids))
    assert len(uids) == 5


@pytest.mark.parametrize("name", NAMES)
def test_mailboxes_of_any_name(login: Login, name: str) -> None:
    name = login.server.named(name)
    login.create(name)
    assert login.append(name, MESSAGE) > 0
    with login.imaplib() as client:
        assert checked(client.select(wire_name(name), readonly=True)) == [b"1"]


def test_the_delimiter_is_what_the_server_says(login: Login) -> None:
    above = login.server.named(f"above{login.server.delimiter}")
    login.create(f"{above}below")
    with login.imaplib() as client:
        (line,) = checked(client.list('""', f"{above}*"))
    assert f'"{login.server.delimiter}"'.encode() in line


def test_a_refusal_is_an_error(login: Login) -> None:
    with pytest.raises(RefusedError):
        login.append("no such mailbox", MESSAGE)


def test_modified_utf7_is_that_of_the_rfc() -> None:
    assert modified_utf7("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert modified_utf7("A & B") == "A &- B"


def test_the_url_holds_the_account(login: Login) -> None:
    parts = urlsplit(login.url(search="exact"))
    assert (parts.scheme, parts.hostname, parts.port) == ("imap", login.host, login.port)
    assert unquote(parts.username or "") == login.user
    assert unquote(parts.password or "") == login.password
    assert parts.query == "search=exact"


def test_tls_from_the_first_octet_is_verified_by_the_ca_of_the_run(login: Login, authority: Authority) -> None:
    server = login.server
    if server.cafile is None:  # a container shows its own certificate
        return
    assert server.tls_port is not None
    with imaplib.IMAP4_SSL(server.host, server.tls_port, ssl_context=authority.client_context(), timeout=30) as client:
        checked(client.login(login.user, login.password))
    assert f":{server.tls_port}/?cafile=" in login.url("imaps")
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL(server.host, server.tls_port, ssl_context=ssl.create_default_context(), timeout=30)


def test_starttls_is_verified_where_it_is_offered(login: Login, authority: Authority) -> None:
    with imaplib.IMAP4(login.host, login.port, 30) as client:
        assert ("STARTTLS" in client.capabilities) == login.server.starttls
        if login.server.starttls:
            checked(client.starttls(authority.client_context()))
            checked(client.login(login.user, login.password))


def test_dovecot_hides_what_it_can(dovecot_with: Callable[[str], MailServer]) -> None:
    login = dovecot_with("IMAP4rev1 LITERAL+").new_login()
    assert login.append("INBOX", MESSAGE) == 1
    with login.imaplib() as client:
        assert checked(client.capability())[-1] == b"IMAP4rev1 LITERAL+"


def test_the_newest_greenmail_jar_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "named.jar"
    monkeypatch.setenv("GREENMAIL_JAR", str(jar))
    assert find_jar() is None
    jar.touch()
    assert find_jar() == jar
    monkeypatch.delenv("GREENMAIL_JAR")
    monkeypatch.setattr("tests.kit.greenmail._PROJECT", tmp_path)
    for version in ("2.1.9", "2.1.13"):
        found = tmp_path / f".cache/greenmail/greenmail-standalone-{version}.jar"
        found.parent.mkdir(parents=True, exist_ok=True)
        found.touch()
    assert find_jar() == found


# The embedded server.


def test_a_stopped_server_hangs_up_and_starts_again_empty() -> None:
    threads = threading.active_count()
    server = EmbeddedServer()
    with pytest.raises(InterfaceError):
        _ = server.port
    for _ in range(2):
        with server:
            server.start()
            assert server.tls_port is None
            server.add_user("ada", "secret")
            client = imaplib.IMAP4(server.host, server.port, 30)
            client.login("ada", "secret")
            assert checked(client.select()) == [b"0"]
            checked(client.append("INBOX", "", "", MESSAGE))
        with pytest.raises(imaplib.IMAP4.abort):
            client.noop()
        client.shutdown()
    server.stop()
    assert threading.active_count() == threads


def test_a_stopped_server_leaves_a_client_that_never_reads() -> None:
    with EmbeddedServer() as server:
        server.add_user("ada", "secret")
        client = socket.create_connection((server.host, server.port), 5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"a LOGIN ada secret\r\nb APPEND INBOX {1000000+}\r\n" + b"x" * 1_000_000)
        client.sendall(b"\r\nc SELECT INBOX\r\n" + b"d FETCH 1 BODY.PEEK[]\r\n" * 20)
        while b"FETCH" not in client.recv(4096):
            pass
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    client.close()


def test_a_client_that_has_just_connected_is_let_go() -> None:
    for _ in range(20):
        with EmbeddedServer() as server:
            client = socket.create_connection((server.host, server.port), 5)
        with suppress(ConnectionResetError):
            assert client.recv(4) in {b"", b"* OK"}
        client.close()


# The proxy.


def test_the_proxy_writes_down_commands_without_credentials(login: Login) -> None:
    with Proxy(login.host, login.port) as proxy:
        with imaplib.IMAP4(proxy.host, proxy.port, 30) as client:
            client.login(login.user, login.password)
            client.append("INBOX", "(\\Seen)", "", MESSAGE)
            client.select("INBOX", readonly=True)
        literal = f"{{{len(MESSAGE)}}}\r\n{MESSAGE.decode()}"
        assert proxy.commands == [
            "CAPABILITY",
            "LOGIN ***",
            f"APPEND INBOX (\\Seen) {literal}",
            "EXAMINE INBOX",
            "LOGOUT",
        ]
        # The literal waits for its leave: two round trips.
        assert proxy.round_trips == 6
        assert proxy.connections == 1
        assert proxy.octets_up > len(MESSAGE)
        assert proxy.octets_down > 0
        proxy.clear()
        assert (proxy.commands, proxy.round_trips, proxy.octets_up, proxy.octets_down) == ([], 0, 0, 0)


def test_what_is_pipelined_is_one_round_trip(dovecot_login: Login) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port, delay=0.05) as proxy:
        client = socket.create_connection((proxy.host, proxy.port), 30)
        client.recv(1000)
        client.sendall(b"a NOOP\r\nb NOOP\r\nc NOOP\r\n")
        heard = b""
        while b"c OK" not in heard:
            heard += client.recv(1000)
        assert proxy.commands == ["NOOP"] * 3
        assert proxy.round_trips == 1
        client.close()


def test_the_proxy_delays_both_ways(login: Login) -> None:
    with Proxy(login.host, login.port) as proxy, imaplib.IMAP4(proxy.host, proxy.port, 30) as client:
        proxy.delay = 0.1
        begun = time.monotonic()
        client.noop()
        assert 0.2 <= time.monotonic() - begun < 2
        proxy.delay = 0.0


def test_the_proxy_cuts_after_so_many_octets(login: Login) -> None:
    with Proxy(login.host, login.port) as proxy:
        client = imaplib.IMAP4(proxy.host, proxy.port, 30)
        proxy.clear()
        proxy.cut_after(7)
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            client.capability()
        client.shutdown()
        assert proxy.octets_down == 7
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            imaplib.IMAP4(proxy.host, proxy.port, 30)
        proxy.mend()
        with imaplib.IMAP4(proxy.host, proxy.port, 30) as again:
            checked(again.noop())


def test_the_proxy_cuts_stalls_and_refuses(login: Login) -> None:
    with Proxy(login.host, login.port) as proxy:
        client = imaplib.IMAP4(proxy.host, proxy.port, 0.3)
        proxy.stall()
        with pytest.raises(TimeoutError):
            client.noop()
        client.shutdown()
        proxy.mend()
        client = imaplib.IMAP4(proxy.host, proxy.port, 30)
        proxy.cut()
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            client.noop()
        client.shutdown()
        proxy.refuse()
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            imaplib.IMAP4(proxy.host, proxy.port, 30)


def test_the_proxy_sees_nothing_of_tls(dovecot_login: Login, authority: Authority) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        with imaplib.IMAP4(proxy.host, proxy.port, 30) as client:
            checked(client.starttls(authority.client_context()))
            checked(client.login(dovecot_login.user, dovecot_login.password))
        assert proxy.commands == ["CAPABILITY", "STARTTLS"]


def test_commands_come_whole_from_any_pieces() -> None:
    said = b"1 LOGIN {3}\r\nada {6}\r\nse\r\n{}\r\n2 APPEND x {4+}\r\n{9}\n\r\n3 IDLE\r\nDONE\r\n4 NOOP\r\n"
    expected = ["LOGIN ***", "APPEND x {4+}\r\n{9}\n", "IDLE", "DONE", "NOOP"]
    for size in (1, 2, 7, len(said)):
        reader = CommandReader()
        found = [command for at in range(0, len(said), size) for command in reader.feed(said[at : at + size])]
        assert found == expected


def test_what_answers_a_challenge_is_blanked() -> None:
    reader = CommandReader()
    assert reader.feed(b"1 AUTHENTICATE PLAIN\r\n") == ["AUTHENTICATE PLAIN"]
    reader.heard(b"+ \r\n")
    assert reader.feed(b"AGFkYQBzZWNyZXQ=\r\n") == ["***"]
    reader.heard(b"1 OK done\r\n")
    assert reader.feed(b"2 NOOP\r\n3 AUTHENTICATE PLAIN AGFkYQBzZWNyZXQ=\r\n") == ["NOOP", "AUTHENTICATE PLAIN ***"]


def test_a_literal_the_server_will_not_have_is_forgotten() -> None:
    reader = CommandReader()
    assert reader.feed(b"1 APPEND x {4000}\r\n") == []
    reader.heard(b"1 NO too big\r\n")
    assert reader.feed(b"2 NOOP\r\n") == ["NOOP"]


# The scripted server.


def test_the_script_is_played() -> None:
    script = """
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: CAPABILITY
        S: * CAPABILITY IMAP4rev1
        S: $tag OK done
        C: LOGIN ...
        S: $tag OK in
        C: append ... {53}
        S: $tag NO [OVERQUOTA] full
        C: NOOP
        S: * BYE going down
        CLOSE
    """.replace("{53}", f"{{{len(MESSAGE)}}}...")
    with Transcript(script, ["S: * BYE not now"]) as server:
        client = imaplib.IMAP4(server.host, server.port, 30)
        client.login("ada", "secret")
        assert client.append("INBOX", "", "", MESSAGE) == ("NO", [b"[OVERQUOTA] full"])
        with pytest.raises(imaplib.IMAP4.abort):
            client.noop()
        client.shutdown()
        with pytest.raises(imaplib.IMAP4.error, match="not now"):
            imaplib.IMAP4(server.host, server.port, 30)
        assert server.commands[1] == "LOGIN ***"


def test_octets_of_a_script_go_out_as_they_are() -> None:
    with Transcript([b"* OK gar", b"bage\xff\r\n", "C: NOOP", "RESET"]) as server:
        client = socket.create_connection((server.host, server.port), 30)
        with client.makefile("rb") as incoming:
            assert incoming.readline() == b"* OK garbage\xff\r\n"
        client.sendall(b"1 NOOP\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        client.close()


def test_a_held_connection_says_nothing() -> None:
    with Transcript("S: * OK hello\nHOLD") as server:
        client = socket.create_connection((server.host, server.port), 0.1)
        assert client.recv(100) == b"* OK hello\r\n"
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.close()


def test_straying_from_the_script_is_an_error() -> None:
    def stray() -> None:
        with Transcript("S: * OK hello\nC: NOOP") as server:
            client = socket.create_connection((server.host, server.port), 30)
            client.sendall(b"1 LOGOUT\r\n")
            while client.recv(100):
                pass
            client.close()

    with pytest.raises(ScriptError, match="expected 'NOOP', the client said 'LOGOUT'"):
        stray()


# The containers.


def test_the_containers_are_pinned_and_on_loopback() -> None:
    text = (Path(__file__).parents[1] / "docker-compose.test.yml").read_text()
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"greenmail", "dovecot"}
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"\d+\.\d+\.\d+(\.\d+)?", tag), image
        for port in service["ports"]:
            assert re.fullmatch(rf"127\.0\.0\.1:\$\{{IMAPDB_{name.upper()}_\w*PORT:-\d+\}}:\d+", port)
