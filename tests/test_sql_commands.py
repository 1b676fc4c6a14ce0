"""What a statement costs: the commands Dovecot hears, written down by a proxy."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

from imapdb import dbapi
from tests.kit.login import Login, checked
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.servers import MailServer

COUNT = 2_000
SUBJECT = "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"


def message(number: int) -> bytes:
    return (
        f"From: sender{number % 7}@example.org\r\nSubject: number {number}\r\n"
        f"Message-ID: <{number % 50}@example.org>\r\n"
        f"\r\n{'x' * (number % 100)}\r\n"
    ).encode()


@pytest.fixture(scope="module")
def account(dovecot: MailServer) -> Login:
    """An account of 2,000 messages, every second one read."""
    login = dovecot.new_login()
    login.append_all("INBOX", map(message, range(COUNT)))
    login.create("Small")
    login.append_all("Small", map(message, range(60)))
    with login.imaplib() as client:
        checked(client.select("INBOX"))
        checked(client.uid("STORE", ",".join(map(str, range(2, COUNT + 1, 2))), "+FLAGS.SILENT", "(\\Seen)"))
    return login


class Line:
    """A connection through a proxy."""

    def __init__(self, proxy: Proxy, connection: dbapi.Connection) -> None:
        self._proxy = proxy
        self.connection = connection

    def run(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    @property
    def commands(self) -> list[str]:
        return self._proxy.commands

    @property
    def searches(self) -> list[str]:
        return [command for command in self.commands if command.startswith("UID SEARCH")]

    @property
    def fetches(self) -> list[str]:
        return [command for command in self.commands if command.startswith("UID FETCH")]

    def asked(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and count its commands alone."""
        self._proxy.clear()
        return self.run(sql, parameters)


@pytest.fixture
def fresh(account: Login) -> Iterator[Line]:
    with Proxy(account.host, account.port) as proxy:
        url = Login(account.server, proxy.host, proxy.port, account.user, account.password).url()
        with dbapi.connect(url) as connection:
            yield Line(proxy, connection)


@pytest.fixture
def line(fresh: Line) -> Line:
    """A connection with INBOX open already."""
    fresh.run("SELECT count(*) FROM INBOX WHERE seen = 0")
    return fresh


def wanted(fetch: str) -> str:
    return re.sub(r"UID FETCH [0-9:,]+ ", "", fetch)


def test_a_first_statement_asks_for_nothing_it_does_not_need(fresh: Line) -> None:
    rows = fresh.run("SELECT uid, subject FROM INBOX WHERE seen = 0")
    assert rows == [(uid, f"number {uid - 1}") for uid in range(1, COUNT, 2)]
    login = [number for number, command in enumerate(fresh.commands) if command.startswith(("LOGIN", "AUTHENTICATE"))]
    after = [command for command in fresh.commands[login[-1] + 1 :] if command not in ("***", "CAPABILITY")]
    fixed = [command for command in after if not command.startswith("UID FETCH")]
    assert [command.split(" ")[0] for command in fixed] == ["ID", "ENABLE", "EXAMINE", "UID"]
    assert fixed[2:] == ['EXAMINE "INBOX"', "UID SEARCH RETURN (ALL) UNSEEN"]
    assert {wanted(command) for command in fresh.fetches} == {f"(UID {SUBJECT})"}
    assert len(fresh.fetches) < 8


@pytest.mark.parametrize(
    ("where", "count", "key"),
    [
        ("seen = 0", COUNT // 2, "UNSEEN"),
        ("seen = 0 AND size > 90", None, "UNSEEN LARGER 90"),
        ("uid > 1990", 10, "UID 1991:4294967295"),
        ("size BETWEEN 100 AND 200", None, "LARGER 99 SMALLER 201"),
        ("flagged = 1 OR deleted = 1", 0, None),
        ("recent = 2", 0, None),
        ("uid IN ()", 0, None),
    ],
)
def test_counting_what_the_server_decides_fetches_nothing(
    line: Line, where: str, count: int | None, key: str | None
) -> None:
    ((counted,),) = line.asked(f"SELECT count(*) FROM INBOX WHERE {where}")
    assert line.fetches == []
    if count is not None:
        assert counted == count
    if key is not None:
        assert line.searches == [f"UID SEARCH RETURN (COUNT) {key}"]


@pytest.mark.parametrize(
    ("sql", "returned"),
    [
        ("SELECT count(*) AS n FROM INBOX WHERE seen = 0", "COUNT"),
        ('SELECT count(*) "how many" FROM INBOX WHERE seen = 0', "COUNT"),
        ("SELECT count(*) FROM messages WHERE seen = 0 AND uid > 0", "COUNT"),
        ("SELECT count(*) FROM INBOX WHERE NOT seen", "ALL"),
        ("SELECT count(*) + 0 FROM INBOX WHERE seen = 0", "ALL"),
        ("SELECT count(uid) FROM INBOX WHERE seen = 0", "ALL"),
        ("SELECT count(*) FROM INBOX WHERE seen = 0 LIMIT 1", "ALL"),
        ("SELECT count(*) FROM (SELECT 1 FROM INBOX WHERE seen = 0)", "COUNT"),
        ("SELECT count(*) FROM INBOX WHERE seen = 0 AND size != 0", "ALL"),
    ],
)
def test_a_plain_count_is_the_servers(line: Line, sql: str, returned: str) -> None:
    for _ in range(2):
        assert line.asked(sql) == [(COUNT // 2 + 60 * ("messages" in sql),)]
        assert {search.partition(" RETURN ")[2].partition(" ")[0] for search in line.searches} == {f"({returned})"}


def test_a_count_has_the_name_it_has(line: Line) -> None:
    for sql, name in (("count(*)", "count(*)"), ("count(*) AS n", "n"), ('count(*) "how many"', "how many")):
        with line.connection.cursor() as cursor:
            cursor.execute(f"SELECT {sql} FROM INBOX WHERE seen = ?", (0,))
            assert cursor.description is not None
            assert [column[0] for column in cursor.description] == [name]
            assert cursor.fetchone() == (COUNT // 2,)
            assert cursor.fetchone() is None
            assert cursor.execute("SELECT uid FROM INBOX WHERE uid = 3").fetchall() == [(3,)]


@pytest.mark.parametrize("where", ["uid = 7", "uid IN (7, 9, 11)", "uid BETWEEN 7 AND 9", "uid = '7'"])
def test_listed_uids_are_fetched_without_a_search(line: Line, where: str) -> None:
    rows = line.asked(f"SELECT uid, subject FROM INBOX WHERE {where}")
    assert rows
    assert line.searches == []
    assert len(line.fetches) == 1


def test_uids_that_are_not_there_give_no_rows(line: Line) -> None:
    assert line.asked("SELECT uid, subject FROM INBOX WHERE uid IN (5, 99999, 4000000000)") == [(5, "number 4")]


@pytest.mark.parametrize("what", ["count(*)", "count(subject)"])
def test_twenty_thousand_uids_are_few_short_commands(line: Line, what: str) -> None:
    uids = list(range(1, 60_000, 3))
    marks = ", ".join("?" * len(uids))
    ((count,),) = line.asked(f"SELECT {what} FROM INBOX WHERE uid IN ({marks}) AND answered = 0", tuple(uids))
    assert count == len(range(1, COUNT + 1, 3))
    assert line.searches == ["UID SEARCH RETURN (ALL) UID 1:59998 UNANSWERED"]
    assert all(len(command) < 8_000 for command in line.commands)
    assert len(line.fetches) < 8


def test_the_newest_ten_are_one_fetch(line: Line) -> None:
    rows = line.asked("SELECT uid, subject FROM INBOX ORDER BY uid DESC LIMIT 10")
    assert [uid for uid, _ in rows] == list(range(COUNT, COUNT - 10, -1))
    assert line.fetches[0].split(" ")[2] == f"{COUNT - 9}:{COUNT}"
    assert len(line.fetches) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.uid, b.subject FROM Small a JOIN INBOX b ON a.message_id = b.message_id",
        "SELECT a.uid, b.subject FROM Small a LEFT JOIN INBOX b ON b.uid = a.uid AND b.seen = 1",
        "SELECT a.uid, b.uid FROM INBOX a JOIN INBOX b ON a.uid = b.uid WHERE a.uid < 300",
        "SELECT 1 FROM Small a WHERE EXISTS (SELECT 1 FROM INBOX b WHERE b.message_id = a.message_id AND NOT b.draft)",
        "SELECT uid, (SELECT count(*) FROM INBOX b WHERE b.size = a.size) FROM Small a",
        "SELECT uid FROM Small WHERE message_id IN (SELECT message_id FROM INBOX WHERE seen = 0)",
        "SELECT m.name, count(*) FROM mailboxes m JOIN messages a ON a.mailbox = m.name GROUP BY m.name",
    ],
)
def test_a_join_does_not_ask_once_for_each_row(line: Line, sql: str) -> None:
    assert len(line.asked(sql)) > 1
    # 2,000 messages are four pieces; a few reads of them at most, never one for each of sixty rows.
    assert len(line.commands) < 30


def test_ordering_by_uid_streams(line: Line) -> None:
    line._proxy.clear()
    cursor = line.connection.cursor()
    cursor.execute("SELECT uid, subject FROM INBOX ORDER BY uid DESC")
    assert cursor.fetchone() == (COUNT, f"number {COUNT - 1}")
    first = len(line.fetches)
    seen = [uid for uid, _ in cursor.fetchall()]
    assert seen == list(range(COUNT - 1, 0, -1))
    assert first < len(line.fetches)


@pytest.mark.parametrize(("order", "item"), [("created DESC, uid", "INTERNALDATE"), ("size, uid DESC", "RFC822.SIZE")])
def test_the_first_ten_by_a_cheap_column_are_a_listing_and_one_piece(line: Line, order: str, item: str) -> None:
    sql = f"SELECT uid, subject FROM INBOX WHERE seen = 0 ORDER BY {order} LIMIT 10"
    rows = line.asked(sql)
    assert len(line.searches) == 1
    listing = [fetch for fetch in line.fetches if "SUBJECT" not in fetch]
    assert {wanted(fetch) for fetch in listing} == {f"(UID {item})"}
    (piece,) = [fetch for fetch in line.fetches if "SUBJECT" in fetch]
    assert len(piece.split(" ")[2].split(",")) == 10
    everything = line.run(f"SELECT uid, subject FROM INBOX WHERE seen = 0 ORDER BY +{order}")
    assert rows == everything[:10]


def test_the_first_row_is_there_before_the_last_is_asked_for(line: Line) -> None:
    line._proxy.clear()
    cursor = line.connection.cursor()
    cursor.execute("SELECT subject FROM INBOX")
    cursor.fetchone()
    asked = len(line.fetches)
    assert len(cursor.fetchall()) == COUNT - 1
    assert asked < len(line.fetches)


def test_columns_drive_the_fetch(line: Line) -> None:
    for columns, items in (
        ("flags", ["(UID FLAGS)"]),
        ("seen, size", ["(UID FLAGS RFC822.SIZE)"]),
        ("created", ["(UID INTERNALDATE)"]),
        ("sender_name, subject", ["(UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])"]),
        # Whole messages are cut into pieces by their sizes.
        ("email", ["(UID RFC822.SIZE)", "(UID BODY.PEEK[])"]),
    ):
        line.asked(f"SELECT {columns} FROM INBOX WHERE uid < 50")
        assert {wanted(command) for command in line.fetches} == set(items)
    line.asked("SELECT uid FROM INBOX WHERE seen = 1 AND flagged = 0")
    assert line.fetches == []


def flags_seen(client: Any) -> list[bytes]:
    checked(client.select("INBOX", readonly=True))
    return sorted(checked(client.uid("FETCH", "1:*", "(FLAGS)")))


def test_reading_changes_nothing(fresh: Line, account: Login) -> None:
    with account.imaplib() as client:
        before = flags_seen(client)
    account.append("Small", b"Subject: new\r\n\r\nx\r\n")
    for sql in (
        "SELECT * FROM INBOX",
        "SELECT email, headers FROM INBOX WHERE uid < 20",
        "SELECT count(*), max(size) FROM messages WHERE recent = 1",
        "SELECT flags, email FROM Small",
        "SELECT * FROM mailboxes",
    ):
        fresh.run(sql)
    with account.imaplib() as client:
        assert flags_seen(client) == before
        checked(client.select("Small", readonly=True))
        # RECENT is the mark of a message no session was given yet: the reader did not take it.
        assert checked(client.search(None, "RECENT"))[0].split()
    words = {
        command.split(" ")[1] if command.startswith("UID ") else command.split(" ")[0] for command in fresh.commands
    }
    assert not words & {"SELECT", "CLOSE", "STORE", "EXPUNGE", "MOVE", "COPY", "APPEND", "CHECK", "UNSELECT"}
    assert all("PEEK" in command for command in fresh.fetches if "BODY" in command)


def test_a_statement_that_is_closed_early_leaves_the_session_in_step(line: Line) -> None:
    for _ in range(3):
        cursor = line.connection.cursor()
        cursor.execute("SELECT uid, subject FROM INBOX")
        assert list(itertools.islice(cursor, 2)) == [(1, "number 0"), (2, "number 1")]
        cursor.close()
        assert line.run("SELECT count(*) FROM INBOX WHERE seen = 1") == [(COUNT // 2,)]


def test_two_statements_take_turns_on_one_session(line: Line) -> None:
    first, second = line.connection.cursor(), line.connection.cursor()
    first.execute("SELECT uid, subject FROM INBOX ORDER BY uid")
    second.execute("SELECT uid, subject FROM Small ORDER BY uid DESC")
    pairs = list(zip(second, first, strict=False))
    assert [b for _, (b, _) in pairs] == list(range(1, len(pairs) + 1))
    assert [a for (a, _), _ in pairs] == sorted((a for (a, _), _ in pairs), reverse=True)
    assert len(pairs) >= 60
