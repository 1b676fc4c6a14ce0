"""PEP 249, point by point, over a real mailbox."""

from __future__ import annotations

import datetime
import gc
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from imapdb import dbapi, errors
from imapdb.account import Account
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.servers import Login

MAIL = b"From: Anna <anna@example.org>\r\nSubject: %s\r\n\r\nhello\r\n"


@pytest.fixture
def connection(dovecot_login: Login) -> Iterator[dbapi.Connection]:
    dovecot_login.append_all("INBOX", [MAIL % b"s%d" % number for number in range(5)])
    opened = dbapi.connect(dovecot_login.url())
    yield opened
    opened.close()


def test_module_globals() -> None:
    assert dbapi.apilevel == "2.0"
    assert dbapi.threadsafety == 1
    assert dbapi.paramstyle == "qmark"
    assert issubclass(dbapi.Error, Exception)
    assert issubclass(dbapi.Warning, Exception)
    assert issubclass(dbapi.InterfaceError, dbapi.Error)
    for name in ("Data", "Operational", "Integrity", "Internal", "Programming", "NotSupported"):
        suffix = "Error"
        assert issubclass(getattr(dbapi, name + suffix), dbapi.DatabaseError)
        assert getattr(dbapi.Connection, name + suffix) is getattr(dbapi, name + suffix)


def test_description_and_rowcount(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert (cursor.description, cursor.rowcount) == (None, -1)
    cursor.execute("SELECT uid, seen, subject, created, flags, email, 1 + 1 AS two FROM INBOX WHERE uid < 0")
    described = cursor.description or ()
    assert [name for name, *_ in described] == ["uid", "seen", "subject", "created", "flags", "email", "two"]
    codes = [column[1] for column in described]
    assert codes[0] == dbapi.NUMBER
    assert codes[2] == dbapi.STRING
    assert codes[3] == dbapi.DATETIME
    assert codes[5] == dbapi.BINARY
    assert codes[2] != dbapi.NUMBER
    assert cursor.rowcount == -1
    assert cursor.fetchall() == []


def test_fetching(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT subject FROM INBOX ORDER BY uid") is cursor
    assert cursor.fetchone() == ("s0",)
    assert cursor.fetchmany(2) == [("s1",), ("s2",)]
    assert cursor.fetchmany(0) == []
    assert cursor.fetchmany() == [("s3",), ("s4",)]
    assert cursor.fetchone() is None
    assert cursor.fetchall() == []
    assert list(cursor.execute("SELECT subject FROM INBOX ORDER BY uid DESC LIMIT 2")) == [("s4",), ("s3",)]


def test_parameters(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    either = "SELECT count(*) FROM INBOX WHERE subject = ? OR subject = ?"
    assert cursor.execute(either, ("s1", "s2")).fetchone() == (2,)
    assert cursor.execute("SELECT count(*) FROM INBOX WHERE subject = :one", {"one": "s1"}).fetchone() == (1,)
    long_ago = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    assert cursor.execute("SELECT count(*) FROM INBOX WHERE created > ?", (long_ago,)).fetchone() == (5,)
    assert cursor.execute("SELECT ?", (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),)).fetchone() == (
        "2026-01-02 03:04:05",
    )
    assert cursor.execute("SELECT ?", (datetime.date(2026, 1, 2),)).fetchone() == ("2026-01-02",)
    for wrong in (("s1",), ("s1", "s2", "s3")):
        with pytest.raises(errors.ProgrammingError):
            cursor.execute(either, wrong)
    with pytest.raises(errors.ProgrammingError, match="type"):
        cursor.execute("SELECT ?", (object(),))


def test_numbers_of_numpy_are_numbers(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    uids = [uid for (uid,) in cursor.execute("SELECT uid FROM INBOX ORDER BY uid")]
    third = np.int64(uids[2])
    for operator, count in (("=", 1), ("<", 2), (">", 2)):
        assert cursor.execute(f"SELECT count(*) FROM INBOX WHERE uid {operator} ?", (third,)).fetchone() == (count,)
    assert cursor.execute("SELECT ?, ?, ?", (np.float32(0.5), np.bool_(1), np.array(7))).fetchone() == (0.5, 1, 7)
    assert cursor.execute("SELECT ?", (pd.Timestamp("2026-01-02 03:04:05.000000006Z"),)).fetchone() == (
        "2026-01-02 03:04:05",
    )
    assert cursor.execute("SELECT ?", (pd.NaT,)).fetchone() == (None,)
    assert cursor.execute("SELECT typeof(?)", (pd.Timestamp("2026-01-02 03:04:05"),)).fetchone() == ("text",)
    west = datetime.timezone(datetime.timedelta(hours=-5))
    with pytest.raises(errors.DataError, match="years"):
        cursor.execute("SELECT ?", (datetime.datetime(9999, 12, 31, 23, tzinfo=west),))


def test_numbers_too_long_for_sqlite_are_reals(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    for column in ("uid", "size"):
        assert cursor.execute(f"SELECT count(*) FROM INBOX WHERE {column} < ?", ("9" * 5000,)).fetchone() == (5,)
        assert cursor.execute(f"SELECT count(*) FROM INBOX WHERE {column} = ?", ("0" * 5000,)).fetchone() == (0,)


def test_a_connection_that_is_dropped_closes_its_socket(dovecot_login: Login) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = dbapi.connect(dovecot_login.through(proxy).url())
        connection.cursor().execute("SELECT count(*) FROM INBOX")
        del connection
        gc.collect()
        for _ in range(200):
            if "LOGOUT" in proxy.commands:
                break
            time.sleep(0.01)
        assert proxy.commands[-1] == "LOGOUT"


def test_misuse(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    with pytest.raises(errors.ProgrammingError, match="no rows"):
        cursor.fetchone()
    with pytest.raises(errors.ProgrammingError, match="one statement"):
        cursor.execute("SELECT 1; SELECT 2")
    assert cursor.execute("-- a comment\n SELECT 1 ; -- and another").fetchall() == [(1,)]
    with pytest.raises(errors.ProgrammingError, match="syntax"):
        cursor.execute("SELEC 1")
    with pytest.raises(errors.ProgrammingError, match="no such table"):
        cursor.execute("SELECT * FROM nosuch")
    with pytest.raises(errors.ProgrammingError, match="no such column"):
        cursor.execute('SELECT "nosuch" FROM INBOX')
    with pytest.raises(errors.ProgrammingError):
        cursor.executemany("SELECT ?", [(1,), (2,)])
    cursor.close()
    cursor.close()
    with pytest.raises(errors.InterfaceError):
        cursor.execute("SELECT 1")
    connection.close()
    connection.close()
    for use in (connection.cursor, connection.commit, connection.rollback):
        with pytest.raises(errors.InterfaceError):
            use()


def test_a_transaction_covers_attached_files(connection: dbapi.Connection, tmp_path: Path) -> None:
    cursor = connection.cursor()
    cursor.execute("ATTACH ? AS notes", (str(tmp_path / "notes.db"),))
    cursor.execute("CREATE TABLE notes.note (uid INTEGER, text TEXT)")
    connection.commit()
    cursor.execute("INSERT INTO notes.note SELECT uid, subject FROM INBOX")
    assert cursor.rowcount == 5
    connection.rollback()
    assert cursor.execute("SELECT count(*) FROM notes.note").fetchone() == (0,)
    cursor.executemany("INSERT INTO notes.note VALUES (?, ?)", [(1, "a"), (2, "b")])
    assert cursor.rowcount == 2
    connection.commit()
    connection.rollback()
    sql = "SELECT i.subject, n.text FROM INBOX i JOIN notes.note n USING (uid) ORDER BY uid"
    assert cursor.execute(sql).fetchall() == [("s0", "a"), ("s1", "b")]


def test_tables_made_in_a_transaction_survive_its_rollback(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    for _ in range(3):
        assert cursor.execute("SELECT count(*) FROM INBOX").fetchone() == (5,)
        assert cursor.execute("SELECT count(*) FROM mailboxes").fetchone() == (1,)
        connection.rollback()


def test_several_cursors_at_once(connection: dbapi.Connection) -> None:
    one, other = connection.cursor(), connection.cursor()
    one.execute("SELECT subject FROM INBOX ORDER BY uid")
    assert one.fetchone() == ("s0",)
    other.execute("SELECT subject FROM INBOX ORDER BY uid DESC")
    assert [one.fetchone(), other.fetchone(), one.fetchone()] == [("s1",), ("s4",), ("s2",)]


def test_connect_takes_accounts_and_passwords(dovecot_login: Login) -> None:
    account = Account.from_url(dovecot_login.url())
    with dbapi.connect(account) as connection:
        assert connection.cursor().execute("SELECT count(*) FROM INBOX").fetchone() == (0,)
    bare = dovecot_login.url().replace(dovecot_login.url().split(":")[2].split("@")[0], "", 1).replace(":@", "@", 1)
    with dbapi.connect(bare, password=dovecot_login.password) as connection:
        connection.ping()
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_a_statement_without_mail_opens_nothing() -> None:
    # Nobody listens on this port; SQL that names no mailbox does not need a server.
    with dbapi.connect("imap://nobody:secret@127.0.0.1:9/") as connection:
        assert connection.cursor().execute("SELECT upper('x'), icontains('ÄB', 'äb')").fetchone() == ("X", 1)
        with pytest.raises(errors.ConnectionFailed):
            connection.cursor().execute("SELECT * FROM INBOX")


def test_the_aliases_of_reserved_words(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute('SELECT recipients, refs, "to", "references" FROM INBOX LIMIT 1')
    assert cursor.fetchone() == (None, None, None, None)
    cursor.execute("SELECT * FROM INBOX LIMIT 1")
    assert cursor.description is not None
    names = [column[0] for column in cursor.description]
    assert not {"recipients", "refs", "headers", "email"} & set(names)
