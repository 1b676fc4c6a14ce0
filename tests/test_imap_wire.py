"""Commands and responses: literals, answers out of order, refusals, and what must not reach a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb import errors
from imapdb.account import Account
from imapdb.imap import keys, search
from imapdb.imap.connection import Connection
from imapdb.imap.mailboxes import Mailbox
from imapdb.imap.wire import Literal, astring, quoted
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from imapdb.imap.wire import Response, Wire
    from tests.kit.servers import Login, MailServer

INBOX = Mailbox("INBOX", b"INBOX", "/", (), None)
OTHER = Mailbox("Other", b"Other", "/", (), None)


def logged_in(capability: str = "IMAP4rev1") -> list[str | bytes]:
    return [f"S: * OK [CAPABILITY {capability}] ready", "C: LOGIN ...", f"S: $tag OK [CAPABILITY {capability}] in"]


def connection_to(server: Transcript, timeout: float = 5) -> Connection:
    return Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=timeout))


def search_all(wire: Wire) -> list[int]:
    return list(search.search(wire, keys.ALL, esearch=False))


def test_an_answer_ahead_of_its_turn_is_not_lost() -> None:
    # Dovecot answers a SEARCH before it ends the command sent in front of it.
    script: list[str | bytes] = [
        *logged_in(),
        'C: EXAMINE "INBOX"',
        "C: UID SEARCH ALL",
        b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* SEARCH 1 2 3\r\nA2 OK [READ-ONLY] in\r\nA3 OK done\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = connection_to(server)
        assert connection.read(search_all, INBOX) == [1, 2, 3]
        assert connection.selected is not None
        assert connection.selected.uidvalidity == 7
        connection.close()


def test_tagged_answers_in_another_order() -> None:
    script: list[str | bytes] = [
        *logged_in(),
        "C: NOOP",
        "C: X",
        b"A3 OK second\r\n* 1 EXISTS\r\nA2 OK first\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = connection_to(server)
        wire = connection.wire
        first, second = wire.send("NOOP"), wire.send("X")
        assert list(wire.answer(first)) == [[b"* 1 EXISTS\r\n"]]
        assert list(wire.answer(second)) == []
        assert (first.text, second.text) == ("first", "second")
        connection.close()


def test_a_mailbox_that_is_not_there_leaves_the_session_in_step() -> None:
    script: list[str | bytes] = [
        *logged_in(),
        'C: EXAMINE "Other"',
        "C: UID SEARCH ALL",
        b"A2 NO [NONEXISTENT] no such mailbox\r\nA3 BAD nothing selected\r\n",
        'C: EXAMINE "INBOX"',
        "C: UID SEARCH ALL",
        b"A4 OK in\r\n* SEARCH 5\r\nA5 OK done\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = connection_to(server)
        with pytest.raises(errors.NoSuchMailbox, match="Other") as caught:
            connection.read(search_all, OTHER)
        assert caught.value.command == "EXAMINE"
        assert caught.value.server_text == "[NONEXISTENT] no such mailbox"
        assert connection.selected is None
        assert connection.read(search_all, INBOX) == [5]
        assert connection.opened == 1
        connection.close()


def test_a_mailbox_that_is_not_there_on_every_server(login: Login) -> None:
    login.append("INBOX", b"Subject: x\r\n\r\n")
    connection = Connection(Account.from_url(login.url()))
    assert len(connection.read(search_all, INBOX)) == 1
    with pytest.raises(errors.NoSuchMailbox):
        connection.read(search_all, Mailbox("no such", b"no such", None, (), None))
    assert len(connection.read(search_all, INBOX)) == 1
    assert connection.opened == 1
    connection.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"ZZ9 OK what\r\n", errors.ProtocolError),
        (b"\r\n", errors.ProtocolError),
        (b"+ go ahead\r\n", errors.ProtocolError),
        (b"A2 PERHAPS\r\n", errors.ProtocolError),
        (b"A2 BAD what\r\n", errors.ProtocolError),
        (b"A2 NO what\r\n", errors.ServerRefused),
        (b"* 1 FETCH (BODY[] {99999999999}\r\n", errors.ProtocolError),
    ],
)
def test_what_is_no_answer_is_an_error(answer: bytes, error: type[errors.Error]) -> None:
    with Transcript([*logged_in(), "C: NOOP", answer, "HOLD"]) as server:
        connection = connection_to(server)
        with pytest.raises(error) as caught:
            connection.ping()
        assert caught.value.command == "NOOP"
        connection.close()


def test_a_line_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imapdb.imap.wire.MAX_LINE", 1000)
    with Transcript([*logged_in(), "C: NOOP", b"* " + b"x" * 2000, "HOLD"]) as server:
        connection = connection_to(server)
        with pytest.raises(errors.ProtocolError, match="1000"):
            connection.ping()
        connection.close()


def test_a_refusal_that_repeats_a_command_announces_no_literal() -> None:
    script: list[str | bytes] = [
        *logged_in(),
        "C: NOOP",
        b"* BAD tell {12}\r\n* NO tell {13}\r\nA2 BAD unknown command FOO {5}\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = connection_to(server, timeout=1)
        with pytest.raises(errors.ProtocolError, match=r"unknown command FOO \{5\}"):
            connection.ping()
        connection.close()


def test_an_answer_given_up_half_way_is_never_taken_for_the_next() -> None:
    script: list[str | bytes] = [*logged_in(), "C: NOOP", b"* SEARCH 1 2\r\n* SEARCH 3\r\nA2 OK done\r\n", "HOLD"]
    again = [*logged_in(), "C: UID SEARCH ALL", "S: * SEARCH 9", "S: $tag OK done", "HOLD"]
    with Transcript(script, again) as server:
        connection = connection_to(server)
        wire = connection.wire
        assert next(wire.answer(wire.send("NOOP"))) == [b"* SEARCH 1 2\r\n"]
        assert not wire.alive
        with pytest.raises(errors.ConnectionLost):
            wire.run("UID SEARCH ALL")
        assert connection.read(search_all) == [9]
        connection.close()


def test_literals_go_at_once_where_the_server_takes_them() -> None:
    said = {}
    for capability in ("IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL-", "IMAP4rev1 IMAP4rev2"):
        with Transcript([*logged_in(capability), "C: X ...", "S: $tag OK", "C: X ...", "S: $tag OK", "HOLD"]) as server:
            connection = connection_to(server)
            connection.wire.run("X", Literal("é".encode()), b"(", Literal(b"a"), b")")
            connection.wire.run("X", Literal(b"x" * 5000))
            connection.close()
        said[capability] = (server.commands[1], server.commands[2].partition("\r")[0])
    assert said == {
        "IMAP4rev1": ("X {2}\r\né ({1}\r\na)", "X {5000}"),
        "IMAP4rev1 LITERAL+": ("X {2+}\r\né ({1+}\r\na)", "X {5000+}"),
        "IMAP4rev1 LITERAL-": ("X {2+}\r\né ({1+}\r\na)", "X {5000}"),
        "IMAP4rev1 IMAP4rev2": ("X {2+}\r\né ({1+}\r\na)", "X {5000}"),
    }


def test_other_answers_that_come_while_a_literal_is_asked_for_are_kept() -> None:
    script: list[str | bytes] = [
        *logged_in(),
        "C: STATUS first",
        b"* STATUS first (MESSAGES 1)\r\nA2 OK\r\n* 7 EXISTS\r\n",
        "C: STATUS {2}\r\né",
        b"A3 OK\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = connection_to(server)
        wire = connection.wire
        first = wire.send("STATUS", b"first")
        second = wire.send("STATUS", Literal("é".encode()))
        came: list[Response] = [*wire.answer(first), *wire.answer(second)]
        assert came == [[b"* STATUS first (MESSAGES 1)\r\n"], [b"* 7 EXISTS\r\n"]]
        connection.close()


HOSTILE = ["\r", "\n", "\0", "a\r\nA9 LOGOUT", "x\0y", "\ud800"]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_could_smuggle_a_command_is_refused_before_anything_is_sent(value: str) -> None:
    with pytest.raises(errors.UnsendableValue):
        astring(value)
    with pytest.raises(errors.UnsendableValue):
        keys.text("SUBJECT", value)
    with pytest.raises(errors.UnsendableValue):
        keys.keyword(value)


def test_a_quoted_string_holds_what_it_may() -> None:
    assert quoted(b'a "b" \\c') == b'"a \\"b\\" \\\\c"'
    assert quoted(b"") == b'""'
    for octets in (b"\r", b"\n", b"\0", b"\x80", b"x" * 1001):
        with pytest.raises(errors.UnsendableValue):
            quoted(octets)


sendable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=60)


@given(st.lists(sendable, min_size=1, max_size=8))
def test_any_text_arrives_as_the_same_octets(texts: list[str]) -> None:
    steps: list[str | bytes] = []
    for _ in texts:
        steps += ["C: X ...", "S: $tag OK"]
    with Transcript([*logged_in(), *steps, "HOLD"]) as server:
        connection = connection_to(server)
        for text in texts:
            connection.wire.run("X", astring(text))
        connection.close()
    assert [_read_astring(command.removeprefix("X ")) for command in server.commands[1:]] == texts


def _read_astring(said: str) -> str:
    """Read as a server does: a quoted string, or a literal."""
    octets = said.encode("utf-8", "surrogateescape")
    if octets.startswith(b'"'):
        assert octets.endswith(b'"')
        body = octets[1:-1]
        out = bytearray()
        place = 0
        while place < len(body):
            place += body[place : place + 1] == b"\\"
            out += body[place : place + 1]
            place += 1
        return out.decode()
    head, _, body = octets.partition(b"\r\n")
    assert head == b"{%d}" % len(body)
    return body.decode()


@pytest.mark.parametrize("capability", ["", "IMAP4rev1"])
def test_dovecot_finds_what_was_asked_with_and_without_literal_plus(
    dovecot: MailServer, dovecot_with: Callable[[str], MailServer], capability: str
) -> None:
    login = (dovecot_with(capability) if capability else dovecot).new_login()
    words = ["plain", 'say "hi"', "back\\slash", "Straße", "日本語", "a{5}", "per%cent*", "tab\there"]
    for word in words:
        login.append("INBOX", f"Subject: x\r\nX-Word: {word}\r\n\r\n{word}\r\n".encode())
    with Proxy(login.host, login.port) as proxy:
        account = Account.from_url(login.url())
        connection = Connection(Account(proxy.host, account.user, proxy.port, account.password, "none"))
        for number, word in enumerate(words, 1):
            key = keys.Key((b"HEADER", b"X-Word", astring(word)))
            connection.read(search_all, INBOX)
            assert (word, list(search.search(connection.wire, key, esearch=False))) == (word, [number])
        literals = [command for command in proxy.commands if "日本語" in command]
        assert ("{9+}" in literals[0]) is not bool(capability)
        connection.close()
