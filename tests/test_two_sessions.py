"""Two mailboxes read in turns: a second session where it helps, none where it does not, and the same rows always."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest

import imapdb
from imapdb import dbapi, errors
from imapdb.account import Account
from imapdb.imap import connection as connections
from tests.kit.faults import instead
from tests.kit.faulty import Act, FaultyServer, Held
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.servers import Login

COUNT = 6_000
MAIL = {
    name: [Held(uid, f"{name} {uid}", 100 + uid) for uid in range(first, COUNT, 2)]
    for name, first in (("INBOX", 1), ("Archive", 2))
}
MERGED = "SELECT uid, subject FROM INBOX UNION ALL SELECT uid, subject FROM Archive ORDER BY uid"
RIGHT = sorted((held.uid, held.subject) for mail in MAIL.values() for held in mail)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three thousand messages each are not few here."""
    monkeypatch.setattr(connections, "MANY", 500)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(MAIL) as server:
        yield server


def account_of(server: FaultyServer, **options: Any) -> Account:
    return Account(server.host, "u", server.port, password="p", tls="none", timeout=2, **options)


def logged_out(server: FaultyServer, times: int) -> bool:
    """Wait until it has heard so: nobody waits for the answer to a LOGOUT."""
    end = time.monotonic() + 10
    while server.commands.count("LOGOUT") < times and time.monotonic() < end:
        time.sleep(0.01)
    return server.commands.count("LOGOUT") == times


def merged(connection: dbapi.Connection) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        return cursor.execute(MERGED).fetchall()


def test_streams_that_take_turns_get_a_session_each(server: FaultyServer) -> None:
    with dbapi.connect(account_of(server)) as connection:
        assert merged(connection) == RIGHT
        assert server.connections == 2
        assert logged_out(server, 1)
        entered = [command for command in server.commands if command.startswith("EXAMINE")]
        # Two searches, the first pieces in turns, and once more on the second session.
        assert len(entered) <= 7
        # It ends with its stream; the next one is another.
        assert merged(connection) == RIGHT
        assert server.connections == 3
        assert connection.imap.opened == 1


def test_one_session_is_enough_where_that_was_said(server: FaultyServer) -> None:
    with dbapi.connect(account_of(server, connections=1)) as connection:
        assert merged(connection) == RIGHT
    assert server.connections == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT uid, subject FROM INBOX UNION ALL SELECT uid, subject FROM Archive",
        "SELECT i.uid, a.uid FROM INBOX i JOIN Archive a ON a.uid = i.uid + 1",
        "SELECT i.uid FROM INBOX i WHERE EXISTS (SELECT 1 FROM Archive a WHERE a.size = i.size)",
        "SELECT uid FROM INBOX WHERE uid < 50 UNION ALL SELECT uid FROM Archive WHERE uid < 50 ORDER BY uid",
        "SELECT mailbox, uid, subject FROM messages",
    ],
)
def test_what_reads_one_after_the_other_opens_none(server: FaultyServer, sql: str) -> None:
    with dbapi.connect(account_of(server)) as connection:
        connection.cursor().execute(sql).fetchall()
    assert server.connections == 1


def test_two_cursors_that_take_turns(server: FaultyServer) -> None:
    with dbapi.connect(account_of(server)) as connection:
        first, second, third = (
            connection.cursor().execute(f"SELECT uid, subject FROM {table} ORDER BY uid")
            for table in ("INBOX", "Archive", "INBOX")
        )
        found = list(zip(first, second, third, strict=False))
        assert sorted(row for one, other, _ in found for row in (one, other)) == RIGHT[: 2 * len(found)]
        assert all(one == last for one, _, last in found)
        assert server.connections == 2
        # Given up half way, it ends too.
        for cursor in (first, second, third):
            cursor.close()
        assert merged(connection) == RIGHT


def test_a_statement_given_up_ends_it(server: FaultyServer) -> None:
    with dbapi.connect(account_of(server)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(MERGED)
            assert cursor.fetchmany(2_000) == RIGHT[:2_000]
            assert server.connections == 2
        connection.imap.ping()
        assert logged_out(server, 1)


def test_closing_a_connection_closes_both(server: FaultyServer) -> None:
    connection = dbapi.connect(account_of(server))
    cursor = connection.cursor().execute(MERGED)
    assert cursor.fetchmany(2_000) == RIGHT[:2_000]
    connection.close()
    assert logged_out(server, 2)


@pytest.mark.parametrize(
    "play",
    [
        instead(b"$tag NO [LIMIT] too many connections\r\n"),
        instead(b"$tag NO [UNAVAILABLE] try later\r\n"),
        instead(b"$tag BAD what\r\n"),
        instead(b"* BYE too many connections\r\n", Act.CLOSE),
        lambda reply: [Act.RESET],
        lambda reply: [Act.HOLD],
    ],
)
def test_a_login_that_is_refused_changes_nothing(
    server: FaultyServer, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imapdb.imap.second.TIMEOUT", 0.3)
    with dbapi.connect(account_of(server)) as connection:
        connection.imap.ping()
        server.arm("LOGIN", play)
        assert merged(connection) == RIGHT
        assert server.connections == 2
        # Nor is it tried again.
        assert merged(connection) == RIGHT
        assert server.connections == 2


def test_a_password_that_nobody_gives_twice(server: FaultyServer) -> None:
    given = iter(["p"])
    account = dataclasses.replace(account_of(server), password=lambda: next(given))
    with dbapi.connect(account) as connection:
        assert merged(connection) == RIGHT


@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET, Act.HOLD])
@pytest.mark.parametrize("place", range(1, 12))
def test_a_session_lost_at_any_piece_loses_no_row(
    server: FaultyServer, place: int, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imapdb.imap.second.TIMEOUT", 0.3)
    with dbapi.connect(dataclasses.replace(account_of(server), timeout=0.3)) as connection:
        left = place

        def play(reply: Any) -> list[Any]:
            nonlocal left
            left -= 1
            return [reply.whole[: len(reply.whole) // 2], act] if left == 0 else [reply.whole]

        server.arm("UID FETCH", play)
        assert merged(connection) == RIGHT


@pytest.mark.parametrize("place", range(1, 11))
def test_a_mailbox_rebuilt_meanwhile_is_an_error(server: FaultyServer, place: int) -> None:
    with dbapi.connect(account_of(server)) as connection:
        left = place

        def play(reply: Any) -> list[Any]:
            nonlocal left
            left -= 1
            if left == 0:
                server.uidvalidity += 1
                return [reply.said[0], Act.CLOSE]
            return [reply.whole]

        server.arm("UID FETCH", play)
        with pytest.raises(errors.StaleMailbox, match="run the statement again"):
            merged(connection)
        assert merged(connection) == RIGHT


@pytest.mark.parametrize("command", ["EXAMINE", "UID FETCH"])
def test_what_is_refused_on_the_second_session_is_an_error(server: FaultyServer, command: str) -> None:
    with dbapi.connect(account_of(server)) as connection:
        cursor = connection.cursor().execute(MERGED)
        assert cursor.fetchmany(900) == RIGHT[:900]
        server.arm(command, instead(b"$tag NO [SERVERBUG] no\r\n"))
        with pytest.raises(errors.ServerRefused, match="SERVERBUG"):
            cursor.fetchall()
        server.disarm()
        assert merged(connection) == RIGHT


def test_whole_messages_in_turns(dovecot_login: Login) -> None:
    login = dovecot_login
    login.create("Archive")
    for name in ("INBOX", "Archive"):
        login.append_all(name, (f"Subject: {name} {n}\r\n\r\n{'x' * n}\r\n".encode() for n in range(900)))
    sql = "SELECT uid, mailbox, email FROM {} WHERE uid > ?"
    with Proxy(login.host, login.port) as proxy, dbapi.connect(login.through(proxy).url()) as connection:
        cursors = [connection.cursor().execute(sql.format(name), (0,)) for name in ("INBOX", "Archive")]
        for one, other in zip(*cursors, strict=True):
            n = one[0] - 1
            assert one[1:] == ("INBOX", f"Subject: INBOX {n}\r\n\r\n{'x' * n}\r\n".encode())
            assert other[1:] == ("Archive", f"Subject: Archive {n}\r\n\r\n{'x' * n}\r\n".encode())


def test_two_mailboxes_of_every_server(login: Login) -> None:
    name = login.server.named("Archive")
    login.create(name)
    for number, mailbox in enumerate(("INBOX", name)):
        login.append_all(mailbox, (f"Subject: {mailbox} {n}\r\n\r\n".encode() for n in range(700 + number)))
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url()) as db:
        sql = f'SELECT uid, subject FROM INBOX UNION ALL SELECT uid, subject FROM "{name}" ORDER BY uid'
        rows = [tuple(row) for row in db.execute(sql)]
        alone = [tuple(row) for table in ("INBOX", name) for row in db.execute(f'SELECT uid, subject FROM "{table}"')]
        assert sorted(rows) == sorted(alone)
        assert len(rows) == 1401
        assert [uid for uid, _ in rows] == sorted(uid for uid, _ in rows)


@pytest.mark.parametrize(("text", "number"), [("", 2), ("?connections=1", 1), ("?connections=2", 2)])
def test_how_many_sessions_an_account_may_have(text: str, number: int) -> None:
    assert Account.from_url(f"imap://u:p@127.0.0.1/{text}").connections == number


@pytest.mark.parametrize("text", ["0", "3", "many", "", "1.0", "-1", "01"])
def test_no_other_number_of_sessions(text: str) -> None:
    with pytest.raises(errors.ProgrammingError, match="connections"):
        Account.from_url(f"imap://u:p@127.0.0.1/?connections={text}")


@pytest.mark.parametrize("number", [0, 3])
def test_nor_in_an_account(number: int) -> None:
    with pytest.raises(errors.ProgrammingError, match="connections is 1 or 2"):
        Account("h", "u", connections=number)
