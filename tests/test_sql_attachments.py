"""The table `attachments`: SQL over it is SQL over what the messages' own lists say, and no attachment travels."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import apsw
import pytest
import sqlalchemy as sa

import imapdb
from imapdb import dbapi, errors
from tests.kit.faulty import Act, FaultyServer, Reply
from tests.kit.mailboxes import fill, letters
from tests.kit.proxy import Proxy
from tests.test_sql_bodies import KILO, MAIL, account_of, mixed, plain, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.servers import Login, MailServer

COLUMNS = ("mailbox", "uid", "part", "filename", "content_type", "size", "content_id", "disposition")


class World:
    """An account with mail of many kinds, and its attachments in a real table."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.names = ["INBOX", login.server.named("Other")]
        for seed, name in enumerate(self.names):
            fill(login, name, letters(seed, 60))
        self.connection = dbapi.connect(login.url())
        self.oracle = apsw.Connection(":memory:")
        self.oracle.execute(f"CREATE TABLE attachments ({', '.join(COLUMNS)})")
        self.oracle.execute("CREATE TABLE messages (mailbox, uid, size, subject, seen)")
        for mailbox, uid, size, subject, seen, listed in self.run(
            "SELECT mailbox, uid, size, subject, seen, attachments FROM messages"
        ):
            self.oracle.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (mailbox, uid, size, subject, seen))
            for one in json.loads(listed):
                row = {"mailbox": mailbox, "uid": uid} | one
                marks = ", ".join("?" * len(COLUMNS))
                self.oracle.execute(f"INSERT INTO attachments VALUES ({marks})", tuple(row[name] for name in COLUMNS))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            return cursor.execute(sql).fetchall()

    def close(self) -> None:
        self.connection.close()
        self.oracle.close()


@pytest.fixture(scope="module")
def world(mail_server: MailServer) -> Iterator[World]:
    made = World(mail_server.new_login())
    yield made
    made.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM attachments",
        "SELECT count(*), count(filename), sum(size) FROM attachments",
        "SELECT filename, size FROM attachments WHERE mailbox = 'INBOX' AND size > 50",
        "SELECT uid, part FROM attachments WHERE uid = 7",
        "SELECT uid, part FROM attachments WHERE uid IN (3, 7, 109, 12) AND part = '2'",
        "SELECT uid, part FROM attachments WHERE uid BETWEEN 5 AND 120 AND mailbox IN ('INBOX', 'none')",
        "SELECT uid FROM attachments WHERE mailbox = 'none'",
        "SELECT uid, part FROM attachments WHERE uid = 3 OR part = '3' OR size = 57",
        "SELECT uid, part FROM attachments WHERE NOT (mailbox = 'INBOX' AND uid < 20)",
        "SELECT uid, part FROM attachments WHERE size <> 57 OR uid > 10",
        "SELECT mailbox, uid, part FROM attachments ORDER BY size DESC, mailbox, uid DESC, part LIMIT 7 OFFSET 2",
        "SELECT DISTINCT content_type FROM attachments WHERE disposition = 'attachment'",
        "SELECT content_type, count(*) FROM attachments GROUP BY 1 HAVING count(*) > 1",
        "SELECT filename FROM attachments WHERE filename LIKE '%m%nchen%' OR filename GLOB '*.pdf'",
        "SELECT m.subject, a.part FROM messages m JOIN attachments a USING (mailbox, uid) WHERE m.seen AND a.size > 3",
        "SELECT m.uid, a.part FROM messages m LEFT JOIN attachments a ON a.mailbox = m.mailbox AND a.uid = m.uid",
        "SELECT a.uid, b.uid FROM attachments a JOIN attachments b ON b.filename = a.filename WHERE a.uid < b.uid",
        "SELECT uid FROM messages m WHERE EXISTS (SELECT 1 FROM attachments WHERE uid = m.uid AND mailbox = m.mailbox)",
        "SELECT uid, mailbox FROM messages WHERE uid NOT IN (SELECT uid FROM attachments)",
        "WITH big AS (SELECT * FROM attachments WHERE size > 100) SELECT uid, count(*) OVER () FROM big WHERE uid > 4",
        "SELECT uid, part FROM attachments WHERE content_id IS NOT NULL AND uid IS NOT 5",
    ],
)
def test_a_statement_is_that_over_a_real_table(world: World, sql: str) -> None:
    order = repr if "ORDER BY" not in sql else lambda _: 0
    wanted = list(world.oracle.execute(sql))
    assert sorted(world.run(sql), key=order) == sorted(wanted, key=order)


def test_no_two_rows_are_one(world: World) -> None:
    ((rows, ids),) = world.run("SELECT count(*), count(DISTINCT rowid) FROM attachments")
    assert rows == ids > 20


def test_data_is_what_was_attached(login: Login) -> None:
    octets = b"\xff" * (30 * KILO)
    login.append_all("INBOX", [plain(b"none"), mixed(b"one", 40 * KILO)])
    with dbapi.connect(login.url()) as connection, connection.cursor() as cursor:
        ((uid, data),) = cursor.execute("SELECT uid, data FROM attachments WHERE mailbox = 'INBOX'").fetchall()
        assert data == octets
        row = cursor.execute(
            "SELECT length(data), data = ? FROM attachments a JOIN INBOX i ON i.uid = a.uid", (octets,)
        )
        assert row.fetchall() == [(len(octets), 1)]
        names = [column[0] for column in cursor.execute("SELECT * FROM attachments").description or ()]
        assert tuple(names) == COLUMNS
        assert [row[1] for row in cursor.fetchall()] == [uid]


def test_the_data_of_an_embedded_message_is_all_of_it(login: Login) -> None:
    inner = b"Subject: in\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    head = b"Subject: out\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    mail = head + b"--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    alone = b"Subject: out\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + inner
    # Of a message that is nothing but another one, Courier and pymap give the text of that as part 1.
    mails = [mail] if login.server.name in ("courier", "pymap") else [mail, alone]
    login.append_all("INBOX", mails)
    with imapdb.connect(login.url()) as db:
        found = db.execute("SELECT data FROM attachments ORDER BY uid").scalars().all()
        read = [message.attachments[0].read() for message in db(db.INBOX).select()][::-1]
    # Some servers count the line end before a boundary to the part.
    assert [data.strip() for data in found] == [inner.strip()] * len(mails)
    assert [data.strip() for data in read] == [inner.strip()] * len(mails)


def test_a_mailbox_rebuilt_before_data_is_read() -> None:
    """The UIDs were listed, not searched: under which UIDVALIDITY, the first answer says."""
    embedded = b'BODYSTRUCTURE ("application" "pdf" ("name" "a.pdf") NIL NIL "7bit" 8)'
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:

        def rebuilt(reply: Reply) -> Iterator[bytes | Act]:
            server.uidvalidity = 8 if b"BODYSTRUCTURE" in reply.whole else server.uidvalidity
            yield re.sub(rb"BODYSTRUCTURE \(.*?\)(?=[ )])", lambda _: embedded, reply.whole)
            if b"BODYSTRUCTURE" in reply.whole:
                yield Act.CLOSE

        server.arm("UID FETCH", rebuilt)
        with pytest.raises(errors.StaleMailbox):
            db.execute("SELECT data FROM attachments WHERE mailbox = 'INBOX' AND uid = 1").all()


def test_only_the_attachment_that_is_read_is_fetched(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [mixed(b"x", 100 * KILO)] * 20)
    sql = "SELECT uid, data FROM attachments WHERE mailbox = 'INBOX' AND size > 1000 LIMIT 1"
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        with dbapi.connect(dovecot_login.through(proxy).url()) as connection, connection.cursor() as cursor:
            ((_, data),) = cursor.execute(sql).fetchall()
        assert len(data) == 75 * KILO
        assert proxy.octets_down < 150 * KILO
        assert [command for command in proxy.commands if "BODY" in command][-1] == "UID FETCH 1 (UID BODY.PEEK[2])"


def test_a_mailbox_that_is_named_is_the_only_one_that_is_opened(dovecot_login: Login) -> None:
    for name in ("Other", "Third"):
        dovecot_login.create(name)
        dovecot_login.append(name, mixed(b"x", KILO))
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        with imapdb.connect(dovecot_login.through(proxy).url()) as db:
            assert db.execute("SELECT filename FROM attachments WHERE mailbox = 'Other'").scalars().all() == ["a.pdf"]
        assert [command for command in proxy.commands if "EXAMINE" in command] == ['EXAMINE "Other"']


def test_it_is_a_table_of_sqlalchemy(dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", mixed(b"x", KILO))
    with imapdb.connect(dovecot_login.url()) as db:
        table = db.attachments
        assert table is db.table("attachments")
        (row,) = db(table.c.size > 5).select()
        assert tuple(row._mapping) == COLUMNS
        assert row.filename == "a.pdf"
        assert db(table.c.filename == "a.pdf").count() == 1
        assert [row.data for row in db(table.c.size > 5).select(table.c.data)] == [b"\xff" * 750]
        assert [column.name for column in table.primary_key] == ["mailbox", "uid", "part"]
        query = sa.select(table.c.filename, table.c.size).where(table.c.size > 5)
        assert [tuple(row) for row in db.execute(query)] == [("a.pdf", 750)]
        inspector = sa.inspect(db.engine)
        assert "attachments" in inspector.get_table_names()
        assert [column["name"] for column in inspector.get_columns("attachments")] == [*COLUMNS, "data"]
        assert inspector.get_pk_constraint("attachments")["constrained_columns"] == ["mailbox", "uid", "part"]


@pytest.mark.parametrize("sql", ["DELETE FROM attachments", "UPDATE attachments SET filename = 'x'"])
def test_nothing_of_it_is_changed(dovecot_login: Login, sql: str) -> None:
    with imapdb.connect(dovecot_login.url()) as db, pytest.raises(errors.NotSupportedError):
        db.execute(sql)


@pytest.mark.parametrize("structure", [b"BODYSTRUCTURE NIL", b"BODYSTRUCTURE " + b"(" * 300 + b")" * 300])
def test_without_a_structure_the_message_is_taken_apart_here(structure: bytes) -> None:
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", told(structure))
        assert db.execute("SELECT * FROM attachments").all() == []


def test_explained(dovecot_login: Login) -> None:
    with imapdb.connect(dovecot_login.url()) as db:
        explained = str(db.explain("SELECT filename FROM attachments WHERE mailbox = 'INBOX' AND uid > 5 AND size > 9"))
    assert "UID SEARCH RETURN (ALL) UID 6:4294967295" in explained
    assert "UID FETCH … (UID BODYSTRUCTURE)" in explained
    assert "SEARCH knows nothing of single attachments" in explained
