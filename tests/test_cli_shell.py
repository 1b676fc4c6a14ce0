"""The shell without its terminal: statements, dot commands, what TAB offers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import imapdb.demo
from imapdb import dbapi
from imapdb.cli.shell.names import as_written, offers
from imapdb.cli.shell.session import COMMANDS, Session, is_complete, statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imapdb.sql.explain import Explanation

CLI = str(Path(__file__).parent.parent / "cli.py")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with imapdb.demo.server() as url:
        yield url


@pytest.fixture
def connection(url: str) -> Iterator[dbapi.Connection]:
    connection = dbapi.connect(url)
    yield connection
    connection.close()


class Said:
    """Takes down what a session says."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self.connection = connection
        self.said: list[Any] = []
        self.errors: list[str] = []

    def answer(self, sql: str, mode: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            if cursor.description is not None:
                self.said.append((mode, cursor.fetchall()))

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]], mode: str) -> None:
        self.said.append((mode, tuple(columns), rows))

    def explanation(self, explained: Explanation, mode: str) -> None:
        self.said.append(str(explained))

    def text(self, text: str) -> None:
        self.said.append(text)

    def error(self, message: str) -> None:
        self.errors.append(message)


@pytest.fixture
def said(connection: dbapi.Connection) -> Said:
    return Said(connection)


@pytest.fixture
def session(connection: dbapi.Connection, said: Said) -> Session:
    return Session(connection, said)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("SELECT 1", [("SELECT 1", False)]),
        ("SELECT 1;", [("SELECT 1;", True)]),
        ("SELECT 1; SELECT 2", [("SELECT 1;", True), (" SELECT 2", False)]),
        ("SELECT ';' /* ; */;", [("SELECT ';' /* ; */;", True)]),
        ("SELECT ';", [("SELECT ';", False)]),
        ("SELECT 1 -- ;\n;", [("SELECT 1 -- ;\n;", True)]),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END;",
            [("CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END;", True)],
        ),
    ],
)
def test_statements(text: str, found: list[tuple[str, bool]]) -> None:
    assert list(statements(text)) == found


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        ("  \n", True),
        ("-- a remark", True),
        (".tables", True),
        (" .explain SELECT 1", True),
        ("SELECT 1", False),
        ("SELECT ';'", False),
        ("SELECT 1;", True),
        ("SELECT 1;\n", True),
    ],
)
def test_is_complete(text: str, whole: bool) -> None:
    assert is_complete(text) == whole


def test_a_statement_over_several_lines(session: Session, said: Said) -> None:
    for line in ("SELECT count(*) > 100", "  FROM INBOX", "; SELECT 1;", "", "-- a remark", ";"):
        assert session.feed(line)
    assert said.said == [("auto", [(1,)]), ("auto", [(1,)])]
    assert not session.is_within


def test_what_is_left_is_run_at_the_end(session: Session, said: Said) -> None:
    assert session.feed("SELECT 5")
    assert session.is_within
    assert session.finish()
    assert session.finish()
    assert said.said == [("auto", [(5,)])]


def test_what_is_cancelled_is_not_run(session: Session, said: Said) -> None:
    session.feed("SELECT 5")
    session.cancel()
    assert session.feed("SELECT 6;")
    assert said.said == [("auto", [(6,)])]


def test_errors_are_one_line_and_the_session_goes_on(session: Session, said: Said) -> None:
    assert not session.feed("SELEKT\n1;")
    assert not session.feed("SELECT * FROM nosuch; SELECT 7;")
    assert not session.feed(".nosuch")
    assert session.feed("SELECT 7;")
    assert said.errors[0] == 'near "SELEKT": syntax error'
    assert said.errors[1] == "no such table: nosuch"
    assert said.errors[2] == "there is no command .nosuch; .help lists them"
    # What stood behind the statement that failed was not run.
    assert said.said == [("auto", [(7,)])]


def test_an_interrupted_statement_leaves_a_session_to_use(
    session: Session, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = said.answer

    def interrupted(sql: str, mode: str) -> None:
        cursor = said.connection.cursor()
        cursor.execute("SELECT subject FROM INBOX")
        cursor.fetchone()
        raise KeyboardInterrupt

    monkeypatch.setattr(said, "answer", interrupted)
    assert not session.feed("SELECT subject FROM INBOX;")
    assert said.errors == ["interrupted"]
    assert session.was_interrupted
    monkeypatch.setattr(said, "answer", answer)
    assert session.feed("SELECT count(*), count(subject) FROM INBOX;")
    ((_, [(messages, subjects)]),) = said.said
    assert 100 < subjects <= messages


def test_each_statement_stands_alone(session: Session, connection: dbapi.Connection) -> None:
    said = []
    for statement in ("CREATE TEMP TABLE seen AS SELECT uid FROM INBOX LIMIT 1;", "BEGIN;", "ROLLBACK;"):
        assert session.feed(statement)
        said.append(connection.database.in_transaction)
    assert said == [False, True, False]


def test_tables(session: Session, said: Said) -> None:
    session.feed("CREATE TEMP VIEW unread AS SELECT * FROM INBOX WHERE seen = 0;")
    session.feed("ATTACH ':memory:' AS other;")
    session.feed("CREATE TABLE other.people (name TEXT);")
    assert session.feed(".tables")
    text = said.said[-1]
    names = text.splitlines()
    assert names[:3] == ["INBOX", '"Archive/2025"', "Drafts"]
    assert {"messages", "mailboxes", '"日本語"', '"Reise & Urlaub"', "unread", "other.people"} <= set(names)
    session.feed(".tables *a*/*")
    assert said.said[-1] == '"Archive/2025"'
    session.feed(".tables nosuch")
    assert said.said[-1] == "no table is like nosuch"
    # Each is written as a statement takes it.
    for name in names:
        assert session.feed(f"SELECT count(*) FROM {name};")


def test_schema(session: Session, said: Said, connection: dbapi.Connection) -> None:
    assert session.feed('.schema "Lists/python"')
    text = said.said[-1]
    assert text.startswith('CREATE TABLE "Lists/python" (\n  uid ')
    assert '"to" ' in text
    assert "email          BLOB HIDDEN,  -- the whole message as stored" in text
    assert session.feed(".schema inbox;")
    assert session.feed(".schema mailboxes")
    assert "uidvalidity" in str(said.said[-1])
    session.feed("CREATE TEMP TABLE mine (a, b);")
    session.feed(".schema MINE")
    assert said.said[-1] == "CREATE TABLE mine (a, b);"
    assert not session.feed(".schema")
    assert not session.feed(".schema nosuch")
    assert said.errors == ["which table? .tables lists them", "no such table: nosuch"]


def test_columns(session: Session, said: Said) -> None:
    assert session.feed(".columns")
    mode, columns, rows = said.said[-1]
    assert (mode, columns) == ("auto", ("column", "type", "what it is"))
    assert rows[0] == ("uid", "INTEGER", "the message's UID in its mailbox")
    assert session.feed(".columns mailboxes")
    assert not session.feed(".columns nosuch")


def test_explain_and_mode_and_help_and_quit(session: Session, said: Said) -> None:
    assert session.feed(".explain SELECT uid FROM INBOX WHERE seen = 0;")
    assert "UID SEARCH" in str(said.said[-1])
    assert not session.feed(".explain")
    assert session.feed(".mode json")
    session.feed("SELECT 1;")
    assert said.said[-1] == ("json", [(1,)])
    assert not session.feed(".mode xml")
    assert said.errors[-1] == "'xml' is not one of auto, table, text, csv, json"
    session.feed(".mode")
    assert said.said[-1] == "json"
    session.feed(".help")
    assert all(command in str(said.said[-1]) for command in COMMANDS)
    assert not session.is_over
    session.feed(".quit")
    assert session.is_over


TABLES = ["INBOX", '"Lists/python"', "Sent", "messages", "mailboxes"]


def offered(before: str, after: str = "") -> list[str]:
    return [offer.text for offer in offers(before, after, TABLES, COMMANDS)]


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("SEL", "SELECT"),
        ("SELECT uid fr", "FROM"),
        ("SELECT uid FROM ", "INBOX"),
        ("SELECT uid FROM IN", "INBOX"),
        ("SELECT uid FROM lists/p", '"Lists/python"'),
        ('SELECT uid FROM "Lis', '"Lists/python"'),
        ("SELECT uid FROM INBOX, Se", "Sent"),
        ("SELECT uid FROM INBOX a JOIN S", "Sent"),
        ("SELECT subj", "subject"),
        ("SELECT to", '"to"'),
        ("SELECT a.recip", "recipients"),
        ("SELECT hasx, has_", "has_flag("),
        (".sch", ".schema"),
        (".schema Li", '"Lists/python"'),
        (".columns mai", "mailboxes"),
    ],
)
def test_offers(before: str, first: str) -> None:
    if "a.recip" in before:
        assert offered(before, " FROM Sent AS a")[0] == first
    else:
        assert offered(before)[0] == first


def test_columns_are_those_of_the_tables_named() -> None:
    assert "uidvalidity" in offered("SELECT uidv", " FROM mailboxes")
    assert "uidvalidity" not in offered("SELECT uid", " FROM INBOX")
    assert offered("SELECT m.uidv", " FROM INBOX i JOIN mailboxes m") == ["uidvalidity"]
    assert offered("SELECT nosuch.u", " FROM INBOX") == []
    assert offered("SELECT uid FROM INBOX WHERE subject = 'se") == []


def test_an_offer_replaces_the_word() -> None:
    (offer,) = offers("SELECT uid FROM INBOX i WHERE i.subj", "", TABLES, COMMANDS)
    assert (offer.text, offer.length, offer.what) == ("subject", 4, "column")


def test_as_written() -> None:
    names = ["INBOX", "to", "order", "Lists/python", 'a"b', "日本語", "a b", "1a"]
    assert [as_written(name) for name in names] == [
        *("INBOX", '"to"', '"order"', '"Lists/python"', '"a""b"', '"日本語"', '"a b"', '"1a"'),
    ]


def run_script(url: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, CLI, "shell"],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"IMAPDB_URL": url, "PYTHONIOENCODING": "utf-8"},
        input=text,
        timeout=60,
    )


def test_a_script(url: str) -> None:
    done = run_script(
        url,
        "-- what there is\nSELECT name FROM mailboxes\n WHERE name = 'INBOX'; SELECT 2, 'a\tb';\n"
        ".mode json\nSELECT 3 AS three;\n.mode table\nSELECT 4 AS four;\n.mode csv\nSELECT 5 AS five",
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["INBOX", "2\ta b"]
    assert json.loads("".join(lines[2:5])) == [{"three": 3}]
    assert [line.strip() for line in lines[5:7]] == ["four", "4"]
    assert lines[7:] == ["five", "5"]


def test_a_script_stops_where_it_fails(url: str) -> None:
    done = run_script(url, "SELECT 1;\nSELECT nosuch FROM INBOX;\nSELECT 3;\n")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.splitlines() == ["imapdb: no such column: nosuch", "imapdb: line 2: stopped here"]


def test_a_script_that_leaves(url: str) -> None:
    done = run_script(url, "SELECT 1;\n.quit\nSELECT 3;\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
