"""The table `messages` over many mailboxes: what cannot be read is left out and named, and few round trips do."""

from __future__ import annotations

import imaplib
import io
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import imapdb
from imapdb import cli, dbapi, errors
from imapdb.account import Account
from imapdb.imap import search, survey
from imapdb.sql import sources
from tests.kit.dovecot import Dovecot
from tests.kit.faults import CASES, Case, instead
from tests.kit.faulty import Act, FaultyServer, Held
from tests.kit.login import checked
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.ca import Authority
    from tests.kit.servers import Login

COUNT = 200
UNREADABLE = ["Box 017", "Box 018", "Box 140"]


def box(number: int) -> str:
    return f"Box {number:03}"


def mail_of(number: int) -> list[str]:
    """Name the subjects in a mailbox: none in every fourth, two in every third."""
    if number % 4 == 0 and box(number) not in UNREADABLE:
        return []
    second = "needle" if number % 60 == 9 else "b"
    return [f"{number} {word}" for word in (("a", second) if number % 3 == 0 else ("a",))]


@pytest.fixture(scope="module")
def account(authority: Authority) -> Iterator[Login]:
    """Two hundred mailboxes beside INBOX; of three, the files belong to somebody else by now."""
    server = Dovecot(authority, settings="\n")
    try:
        server.start()
        login = server.new_login()
        with login.imaplib() as client:
            for number in range(COUNT):
                checked(client.create(f'"{box(number)}"'))
                for subject in mail_of(number):
                    message = f"Subject: {subject}\r\n\r\nx\r\n".encode()
                    checked(client.append(f'"{box(number)}"', "()", imaplib.Time2Internaldate(0), message))
        for name in UNREADABLE:
            (server.folder / "home" / login.user / "mail" / "mailboxes" / name / "dbox-Mails").chmod(0)
        yield login
    finally:
        server.stop()


RIGHT = sorted(
    (box(number), subject) for number in range(COUNT) if box(number) not in UNREADABLE for subject in mail_of(number)
)


@pytest.fixture
def proxy(account: Login) -> Iterator[Proxy]:
    with Proxy(account.host, account.port) as proxy:
        yield proxy


@pytest.fixture
def connection(account: Login, proxy: Proxy) -> Iterator[dbapi.Connection]:
    with dbapi.connect(account.through(proxy).url()) as connection:
        connection.imap.ping()
        # So that what is sent together arrives together: a round trip is then what a user would wait for.
        proxy.delay = 0.005
        proxy.clear()
        yield connection


def run(connection: dbapi.Connection, sql: str, *parameters: Any) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Run a statement; give its rows and the mailboxes it warned of, as a program and as Python hear of them."""
    with warnings.catch_warnings(record=True) as warned, connection.cursor() as cursor:
        warnings.simplefilter("always", errors.UnreadableMailbox)
        rows = cursor.execute(sql, parameters).fetchall()
        named = [warning.mailbox for _, warning in cursor.messages]
        assert [warning.message for warning in warned] == [warning for _, warning in cursor.messages]
    return rows, named


def test_the_rest_is_delivered(connection: dbapi.Connection, proxy: Proxy) -> None:
    rows, left_out = run(connection, "SELECT mailbox, subject FROM messages")
    assert sorted(rows) == RIGHT
    assert left_out == UNREADABLE
    entered = [command for command in proxy.commands if command.startswith("EXAMINE")]
    # Of an empty mailbox the list says so, and it is not entered.
    empty = {f'EXAMINE "{box(number)}"' for number in range(COUNT) if not mail_of(number)}
    assert len(empty) == 49
    assert not empty & set(entered)
    assert [command.partition(" ")[0] for command in proxy.commands].count("LIST") == 1
    # The list; 1 + 4 + 16 + 32 + … mailboxes are searched together, and what is found there is fetched together.
    # It is 20 on an idle machine; the proxy counts one more where an answer comes in two pieces with a command between.
    assert proxy.round_trips <= 25


@pytest.mark.parametrize(
    ("sql", "right"),
    [
        ("SELECT count(*) FROM messages", len(RIGHT)),
        ("SELECT count(*) FROM messages WHERE seen = 0 AND size > 0", len(RIGHT)),
        ("SELECT count(*) FROM messages WHERE seen = 1", 0),
        ("SELECT count(*) FROM messages WHERE NOT seen AND NOT flagged", len(RIGHT)),
        ("SELECT count(*) FROM messages WHERE mailbox LIKE 'Box%'", len(RIGHT)),
        ("SELECT max(size) > 0 FROM messages", 1),
    ],
)
def test_what_is_counted_is_warned_of_too(connection: dbapi.Connection, proxy: Proxy, sql: str, right: int) -> None:
    assert run(connection, sql) == ([(right,)], UNREADABLE)
    if "size) > 0" not in sql:
        # The list, 1 + 4 + 16 + 32 + … mailboxes, and each of those that cannot be read once more: 12 on an idle
        # machine.
        assert proxy.round_trips <= 20


def test_what_finds_little_takes_few_round_trips(connection: dbapi.Connection, proxy: Proxy) -> None:
    rows, left_out = run(connection, "SELECT mailbox, subject FROM messages WHERE subject LIKE '%needle%'")
    assert (sorted(rows), left_out) == ([row for row in RIGHT if "needle" in row[1]], UNREADABLE)
    assert len(rows) == 4
    assert proxy.round_trips <= 20 + len(rows)


def test_a_warning_says_what_the_server_said(connection: dbapi.Connection) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", errors.UnreadableMailbox)
        cursor = connection.cursor().execute("SELECT count(*) FROM messages")
    # It is about this line, not about one of ours.
    assert warned[0].filename == __file__
    assert str(warned[0].message).startswith("mailbox 'Box 017' was left out, its messages are missing: [SERVERBUG] ")
    (kind, warning), *_ = cursor.messages
    assert kind is errors.UnreadableMailbox
    assert (warning.mailbox, warning.command, warning.code) == ("Box 017", "EXAMINE", "SERVERBUG")
    assert (warning.server_text or "").startswith("[SERVERBUG] Internal error")
    cursor.execute("SELECT 1")
    assert cursor.messages == []
    assert issubclass(kind, errors.Warning)
    assert issubclass(kind, UserWarning)


def test_the_rows_of_a_query_know_what_was_left_out(account: Login) -> None:
    with imapdb.connect(account.url()) as db:
        messages = db.messages
        with pytest.warns(errors.UnreadableMailbox) as warned:
            rows = db(messages.seen == False).select(messages.mailbox, messages.subject)  # noqa: E712
        assert sorted(tuple(row) for row in rows) == RIGHT
        assert [warning.mailbox for warning in rows.left_out] == UNREADABLE
        assert [warning.message for warning in warned] == list(rows.left_out)
        assert {warning.filename for warning in warned} == {__file__}
        assert db(db["Box 001"]).select().left_out == ()


def test_a_warning_that_is_made_an_error_leaves_the_database_in_step(account: Login) -> None:
    with imapdb.connect(account.url()) as db:
        for _ in range(2):
            with pytest.raises(errors.UnreadableMailbox):
                db.execute("SELECT count(*) FROM messages").scalar()
            assert db(db["Box 001"]).count() == 1


@pytest.mark.parametrize(
    ("where", "parameters"),
    [
        ("mailbox = 'Box 017'", ()),
        ("mailbox = ?", ("Box 017",)),
        ("mailbox IN ('Box 001', 'Box 017')", ()),
        ("mailbox = 'Box 001' OR mailbox = 'Box 017' AND NOT seen", ()),
        ("(mailbox = ? AND NOT seen) OR (mailbox = ? AND NOT flagged)", ("Box 001", "Box 017")),
    ],
)
def test_a_mailbox_that_was_named_is_not_left_out(
    connection: dbapi.Connection, where: str, parameters: tuple[str, ...]
) -> None:
    with pytest.raises(errors.NoSuchMailbox, match="Box 017"):
        run(connection, f"SELECT subject FROM messages WHERE {where}", *parameters)
    assert run(connection, "SELECT subject FROM messages WHERE mailbox = 'Box 001'") == ([("1 a",)], [])


def test_a_mailbox_named_by_another_table_is_left_out(connection: dbapi.Connection) -> None:
    sql = """SELECT b.name, count(*) FROM mailboxes b JOIN messages m ON m.mailbox = b.name
             WHERE b.name BETWEEN 'Box 016' AND 'Box 021' GROUP BY b.name"""
    rows, left_out = run(connection, sql)
    assert rows == [(box(number), len(mail_of(number))) for number in (19, 21)]
    assert set(left_out) <= set(UNREADABLE)
    assert {"Box 017", "Box 018"} <= set(left_out)


def test_each_is_warned_of_once_in_a_statement(connection: dbapi.Connection) -> None:
    sql = """SELECT count(*) FROM (SELECT uid FROM messages WHERE seen = 0 UNION ALL
             SELECT uid FROM messages WHERE flagged = 0 AND size > 1)"""
    assert run(connection, sql) == ([(2 * len(RIGHT),)], UNREADABLE)


def test_mail_that_arrives_is_not_missed(connection: dbapi.Connection, account: Login) -> None:
    sql = "SELECT subject FROM messages WHERE subject LIKE 'late%'"
    late: list[tuple[str]] = []
    # Into empty ones, one that is open, and one that was read.
    for number in (0, 1, 4, 8, 8):
        run(connection, f'SELECT subject FROM "{box(number)}"')
        late.append((f"late {len(late)}",))
        account.append(box(number), f"Subject: {late[-1][0]}\r\n\r\nx\r\n".encode())
        assert sorted(run(connection, sql)[0]) == late
    with account.imaplib() as client:
        for number in (0, 1, 4, 8):
            checked(client.select(f'"{box(number)}"'))
            for found in checked(client.uid("SEARCH", "SUBJECT", "late"))[0].split():
                checked(client.uid("STORE", found.decode(), "+FLAGS.SILENT", "(\\Deleted)"))
            checked(client.expunge())
    assert run(connection, sql) == ([], UNREADABLE)


def test_no_server_hides_mail_that_has_just_arrived(login: Login) -> None:
    names = [login.server.named(name) for name in ("a", "b", "c", "d")]
    for name in names:
        login.create(name)
    right: list[tuple[str, str]] = []
    with dbapi.connect(login.url()) as connection:
        assert run(connection, "SELECT mailbox, subject FROM messages") == ([], [])
        for number in range(12):
            mailbox = ["INBOX", *names][number % 5]
            if number % 3:
                run(connection, f'SELECT count(*) FROM "{["INBOX", *names][number % 4]}"')
            login.append(mailbox, f"Subject: new {number}\r\n\r\nx\r\n".encode())
            right.append((mailbox, f"new {number}"))
            assert run(connection, "SELECT count(*) FROM messages") == ([(len(right),)], [])
            assert sorted(run(connection, "SELECT mailbox, subject FROM messages")[0]) == sorted(right)


def test_the_command_line_says_each_time_what_is_missing(
    account: Login, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT count(*) FROM messages;\n" * 2))
    assert cli.run(["shell", "--url", account.url()]) == 0
    told = capfd.readouterr()
    said = [line for line in told.err.splitlines() if "was left out" in line]
    assert len(said) == 2 * len(UNREADABLE)
    assert said[0].startswith("imapdb: warning: mailbox 'Box 017' was left out, its messages are missing: [SERVERBUG] ")
    assert told.out.split().count(str(len(RIGHT))) == 2


# What no real server does when it is asked to.

LARGE = {name: [Held(uid, f"{name} {uid}", 100 + uid) for uid in range(1, 251)] for name in ("INBOX", "Large")}
SMALL = {f"m{number}": [Held(1, f"s{number}", 50)] for number in range(12)}


def account_of(server: FaultyServer) -> Account:
    return Account(server.host, "u", server.port, password="p", tls="none", timeout=2)


def test_nothing_that_can_be_read_is_an_error() -> None:
    with FaultyServer(SMALL) as server, dbapi.connect(account_of(server)) as connection:
        server.arm("EXAMINE", instead(b"$tag NO [SERVERBUG] not today\r\n"))
        with (
            pytest.warns(errors.UnreadableMailbox, match="not today"),
            pytest.raises(errors.NoSuchMailbox, match="not today"),
        ):
            connection.cursor().execute("SELECT count(*) FROM messages")


def test_a_server_that_is_not_available_is_not_waited_for_at_each_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    with FaultyServer(SMALL) as server, dbapi.connect(account_of(server)) as connection:
        server.arm("EXAMINE", instead(b"$tag NO [UNAVAILABLE] not today\r\n"))
        with pytest.warns(errors.UnreadableMailbox), pytest.raises(errors.ServerRefused, match="not today"):
            connection.cursor().execute("SELECT count(*) FROM messages")
    assert waited == [0.1, 0.4, 1.0, *[0.1] * (len(SMALL) - 1)]


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH"])
@pytest.mark.parametrize("sql", ["SELECT mailbox, subject FROM messages", "SELECT count(*) FROM messages"])
def test_a_line_that_breaks_while_many_are_searched(command: str, sql: str) -> None:
    with FaultyServer(SMALL) as server, dbapi.connect(account_of(server)) as connection:
        right = run(connection, sql)
        assert right[1] == []
        for skipped in range(1, 13):
            left = skipped

            def play(reply: Any) -> list[Any]:
                nonlocal left
                left -= 1
                return [Act.CLOSE] if left == 0 else [reply.whole]

            server.arm(command, play)
            assert run(connection, sql) == right
            assert left <= 0 or "count" in sql


SEVERAL = {f"m{number}": [Held(uid, f"s{number}.{uid}", 50 + uid) for uid in (2, 3, 5)] for number in range(12)}


@pytest.mark.parametrize("place", [3, 9])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.command == "UID FETCH" and "endless" not in case.name], ids=lambda c: c.name
)
def test_a_fault_while_many_are_fetched_goes_by_unnoticed(case: Case, place: int) -> None:
    """What does not come as it should is asked for once more, alone."""
    sql = "SELECT mailbox, subject, size FROM messages WHERE size > 10"
    with FaultyServer(SEVERAL) as server, dbapi.connect(replace(account_of(server), timeout=0.4)) as connection:
        right = run(connection, sql)
        assert len(right[0]) == 36
        left = place

        def play(reply: Any) -> Any:
            nonlocal left
            left -= 1
            return case.play(reply) if left == 0 else [reply.whole]

        server.arm("UID FETCH", play)
        assert run(connection, sql) == right
        assert left <= 0


def test_a_mailbox_rebuilt_between_search_and_fetch_is_an_error() -> None:
    with FaultyServer(SEVERAL) as server, dbapi.connect(account_of(server)) as connection:
        left = 4

        def play(reply: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                server.uidvalidity += 1
            return [reply.whole]

        server.arm("UID SEARCH", play)
        with pytest.raises(errors.StaleMailbox, match="was rebuilt"):
            run(connection, "SELECT mailbox, subject FROM messages")


def test_a_mailbox_of_which_rows_were_given_out_is_not_left_out() -> None:
    with FaultyServer(LARGE) as server, dbapi.connect(account_of(server)) as connection:
        cursor = connection.cursor().execute("SELECT mailbox, subject FROM messages")
        assert cursor.fetchone() == ("INBOX", "INBOX 1")
        server.arm("UID FETCH", lambda reply: [Act.CLOSE], 1)
        rest = cursor.fetchmany(99)
        assert len(rest) == 99
        server.arm("EXAMINE", instead(b"$tag NO [NOPERM] not any more\r\n"))
        connection.imap.wire.close()
        with pytest.raises(errors.NoSuchMailbox, match="not any more"):
            cursor.fetchall()
        assert cursor.messages == []


def test_every_mailbox_of_a_path_that_goes(tmp_path: Path) -> None:
    """Listed UIDs need no SEARCH: then FETCH is the first that hears of it."""
    with FaultyServer(SMALL) as server, dbapi.connect(account_of(server)) as connection:
        server.arm('EXAMINE "M3"', instead(b"$tag NO [NOPERM] not yours\r\n"))
        rows, left_out = run(connection, "SELECT mailbox, subject FROM messages WHERE uid IN (1, 7)")
        assert sorted(rows) == sorted((name, held.subject) for name, (held,) in SMALL.items() if name != "m3")
        assert left_out == ["m3"]


@pytest.mark.parametrize("called", ["search", "count", "fetch"])
def test_an_interruption_leaves_the_session_in_step(called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT count(*) FROM messages" if called == "count" else "SELECT mailbox, subject FROM messages"
    with FaultyServer(SEVERAL) as server, dbapi.connect(account_of(server)) as connection:
        right = run(connection, sql)
        calls = 0

        def interrupted(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 4:
                raise KeyboardInterrupt
            return original(*arguments)

        target = survey if called == "fetch" else search
        name = "read_fetch" if called == "fetch" else "answer"
        original = getattr(target, name)
        with monkeypatch.context() as patched:
            patched.setattr(target, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                run(connection, sql)
        assert run(connection, sql) == right
        assert connection.imap.opened == 2


def test_large_mailboxes_are_not_searched_far_ahead(
    connection: dbapi.Connection, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = "SELECT mailbox, subject FROM messages"
    monkeypatch.setattr(sources, "MOST_MESSAGES", 5)
    rows, left_out = run(connection, sql)
    assert (sorted(rows), left_out) == (RIGHT, UNREADABLE)
    assert proxy.round_trips > 60


def test_what_the_server_does_not_offer_is_null_in_all_of_them() -> None:
    with FaultyServer(SEVERAL) as server, dbapi.connect(account_of(server)) as connection:
        rows, _ = run(connection, "SELECT mailbox, uid, email_id FROM messages")
        assert sorted(rows) == sorted((name, held.uid, None) for name, mail in SEVERAL.items() for held in mail)
        assert not any(command.startswith("UID FETCH") for command in server.commands)


@pytest.mark.parametrize(
    ("where", "parameters", "is_named"),
    [
        ("mailbox = 5", (), True),
        ("mailbox = ?", (5,), True),
        ("mailbox = '5'", (), True),
        ("mailbox IN (5, 6)", (), True),
        ("mailbox IN (SELECT 2 + 3)", (), False),
        ("mailbox IN (SELECT 2 + 3) AND size < 51", (), False),
        ("mailbox LIKE '5%'", (), False),
    ],
)
def test_a_mailbox_may_be_named_by_a_number(where: str, parameters: tuple[Any, ...], is_named: bool) -> None:
    mail = {name: [Held(1, "x", 50)] for name in ("5", "6", "51")}
    with FaultyServer(mail) as server, dbapi.connect(account_of(server)) as connection:
        server.arm('EXAMINE "5"', instead(b"$tag NO [NOPERM] not yours\r\n"))
        sql = f"SELECT subject FROM messages WHERE {where}"
        if is_named:
            with pytest.raises(errors.NoSuchMailbox, match="not yours"):
                run(connection, sql, *parameters)
        else:
            assert run(connection, sql)[1] == ["5"]
