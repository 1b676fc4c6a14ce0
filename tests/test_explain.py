"""explain() tells the truth: the commands it shows are those that are sent, and telling them sends none of them."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any

import apsw
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, note, settings

import imapdb
from imapdb import dbapi
from imapdb.errors import Error, NotSupportedError, ProgrammingError, UnsendableValue
from tests.kit.mailboxes import fill, letters
from tests.kit.oracle import read_mailbox
from tests.kit.proxy import Proxy
from tests.kit.statements import Statement, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.sql.explain import Explanation, Scan
    from tests.kit.servers import Login, MailServer

COUNT = 120
_LITERAL = re.compile(r"\{\d+\+?\}\r\n")


class Line:
    """A connection through a proxy."""

    def __init__(self, proxy: Proxy, login: Login, **options: str) -> None:
        self.proxy = proxy
        self.login = login
        self.connection = dbapi.connect(login.through(proxy).url(**options))

    def explained(self, sql: str, parameters: Any = ()) -> Explanation:
        """Explain, and see to it that nothing was asked but what it may ask."""
        self.proxy.clear()
        explanation = self.connection.explain(sql, parameters)
        words = {command.partition(" ")[0] for command in self.proxy.commands}
        # What logs in, lists and counts.
        known = {"***", "CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "ENABLE", "NAMESPACE", "LIST", "LSUB", "STATUS"}
        assert words <= known
        return explanation

    def sent(self, sql: str, parameters: Any = ()) -> list[str]:
        """Run a statement and give what was really sent, as explanations write it."""
        self.proxy.clear()
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters).fetchall()
        return [normalised(command) for command in self.proxy.commands]


def normalised(command: str) -> str:
    """Write literals as explanations do: as text in quotes."""
    while match := _LITERAL.search(command):
        size = int(re.sub(r"\D", "", match[0]))
        octets = command[match.end() :].encode()
        command = command[: match.start()] + repr(octets[:size].decode()) + octets[size:].decode()
    return command


def without_uids(command: str) -> str:
    return re.sub(r"^UID FETCH \S+ ", "UID FETCH … ", command)


def kinds(commands: list[str] | tuple[str, ...]) -> list[str]:
    """Leave of the FETCHes the first of each kind; of which UIDs, an explanation knows where they are listed."""
    found: dict[str, None] = {}
    for command in commands:
        found.setdefault(without_uids(command))
    return list(found)


@pytest.fixture(scope="module")
def account(dovecot: MailServer) -> Login:
    login = dovecot.new_login()
    fill(login, "INBOX", letters(1, COUNT))
    fill(login, "Ämter 5%", letters(2, 40))
    fill(login, "5", letters(3, 10))
    return login


@pytest.fixture(scope="module")
def line(account: Login) -> Iterator[Line]:
    with Proxy(account.host, account.port) as proxy:
        line = Line(proxy, account)
        yield line
        line.connection.close()


SINGLE: list[tuple[str, tuple[Any, ...]]] = [
    ("SELECT uid, subject FROM INBOX WHERE seen = 0", ()),
    ("SELECT count(*) FROM INBOX WHERE seen = 0 AND size > ?", (300,)),
    ("SELECT size FROM INBOX WHERE size > 300", ()),
    ("SELECT size, flags FROM INBOX WHERE size BETWEEN 100 AND 900 AND has_flag(flags, 'work')", ()),
    ("SELECT flags FROM INBOX WHERE has_flag(flags, '$Forwarded') AND flagged = 1", ()),
    ("SELECT uid FROM INBOX WHERE seen = 0 OR flagged = 1", ()),
    ("SELECT subject FROM INBOX WHERE NOT (seen AND flagged) AND sender LIKE '%ann%'", ()),
    ("SELECT subject FROM INBOX WHERE subject LIKE '5\\%%' ESCAPE '\\' OR subject LIKE '%inv%'", ()),
    ("SELECT subject FROM INBOX WHERE contains(subject, ?)", ("grüße",)),
    ("SELECT subject FROM INBOX WHERE contains(subject, 'москва') AND contains(sender, 'петров')", ()),
    ("SELECT subject FROM INBOX WHERE \"to\" LIKE '%Smith, John <j%'", ()),
    ("SELECT subject FROM INBOX WHERE message_id = '<m3@example.org>'", ()),
    ("SELECT subject FROM INBOX WHERE message_id IN ('<m3@example.org>', '<m4@example.org>')", ()),
    ("SELECT uid FROM INBOX WHERE email MATCH ?", ("Grüße aus",)),
    ("SELECT uid FROM INBOX WHERE subject MATCH 'invoice' AND seen = 1", ()),
    ("SELECT created FROM INBOX WHERE created > '2024-02-27' AND created < '2024-03-01 12:00:00'", ()),
    ("SELECT sent FROM INBOX WHERE sent >= '2024-02-27'", ()),
    ("SELECT created FROM INBOX WHERE created > datetime('now', '-30 days')", ()),
    ("SELECT subject FROM INBOX WHERE uid = 7", ()),
    ("SELECT subject, seen FROM INBOX WHERE uid IN (7, 9, 11) AND seen", ()),
    ("SELECT subject FROM INBOX WHERE uid BETWEEN 5 AND 9", ()),
    ("SELECT subject FROM INBOX WHERE uid > 5 AND uid < 100000", ()),
    ("SELECT email FROM INBOX WHERE uid IN (1, 2, 3)", ()),
    ("SELECT email FROM INBOX WHERE uid = 1", ()),
    ("SELECT email, headers FROM INBOX WHERE flagged = 1", ()),
    ("SELECT headers FROM INBOX WHERE flagged = 1", ()),
    ("SELECT * FROM INBOX", ()),
    ("SELECT * FROM INBOX ORDER BY uid DESC LIMIT 3", ()),
    ("SELECT subject FROM INBOX WHERE seen = 0 ORDER BY created LIMIT 3 OFFSET 1", ()),
    ("SELECT count(*) FROM INBOX WHERE size = 400 OR uid = 3", ()),
    ("SELECT lower(subject) FROM INBOX WHERE lower(subject) = 'x'", ()),
    ("SELECT uid FROM INBOX WHERE uid IN ()", ()),
    ("SELECT uid FROM INBOX WHERE size < 0", ()),
    ("SELECT uid FROM INBOX WHERE seen = 2", ()),
    ("SELECT uid FROM INBOX WHERE subject = NULL", ()),
    ("SELECT 1 FROM INBOX WHERE 0", ()),
    ("SELECT 1", ()),
    ('SELECT uid, mailbox FROM "Ämter 5%" WHERE answered = 1 OR deleted = 0', ()),
    ('SELECT uid FROM main.INBOX AS "a b" WHERE "a b".draft = 1', ()),
    ("SELECT count(*), sender_address FROM INBOX WHERE draft = 0 GROUP BY 2", ()),
    ("SELECT subject, row_number() OVER (ORDER BY uid) FROM INBOX WHERE recent = 0", ()),
    ("WITH p AS (SELECT * FROM INBOX WHERE seen = 1) SELECT subject FROM p WHERE size > 5", ()),
    (f"SELECT subject FROM INBOX WHERE uid IN ({', '.join(map(str, range(1, 20000, 3)))})", ()),
    (f"SELECT subject FROM INBOX WHERE subject IN ({', '.join(repr(f'word{n} other{n}') for n in range(90))})", ()),
    (
        "SELECT uid FROM INBOX WHERE " + " OR ".join(f"(size > {n} AND size < {n + 2})" for n in range(300, 700)),
        (),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "parameters"), SINGLE)
def test_the_commands_shown_are_those_sent(line: Line, sql: str, parameters: tuple[Any, ...]) -> None:
    explanation = line.explained(sql, parameters)
    shown = [command for scan in explanation.scans for command in scan.commands]
    sent = line.sent(sql, parameters)
    if not any(command.startswith("UID FETCH ") for command in sent):
        # Nothing was found.
        shown = [command for command in shown if not command.startswith("UID FETCH … ")]
    assert kinds(shown) == kinds(sent)
    listed = [command for command in shown if command.startswith("UID FETCH ") and "…" not in command]
    assert set(listed) <= set(sent)
    assert str(explanation)
    json.dumps(explanation.to_dict())


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT a.uid FROM INBOX a JOIN "Ämter 5%" b ON a.in_reply_to = b.message_id WHERE a.seen = 0',
        'SELECT a.uid, b.subject FROM INBOX a LEFT JOIN "5" b ON b.uid = a.uid AND b.seen = 1',
        'SELECT uid, (SELECT count(*) FROM "5" b WHERE b.size < a.size AND b.flagged = 0) FROM INBOX a',
        'SELECT 1 FROM "5" a WHERE EXISTS (SELECT 1 FROM INBOX b WHERE b.message_id = a.message_id AND b.draft = 0)',
        'SELECT uid FROM INBOX WHERE seen = 0 UNION SELECT uid FROM "5" WHERE uid IN (1, 2, 3) AND size > 5',
        'SELECT a.uid FROM INBOX a, "5" b WHERE a.seen = 1 AND b.answered = 0',
        "SELECT i.uid, i.subject FROM json_each('[1, 3, 5, 7]') j JOIN INBOX i ON i.uid = j.value",
        "SELECT m.name, count(*) FROM mailboxes m JOIN messages a ON a.mailbox = m.name GROUP BY m.name",
    ],
)  # fmt: skip
def test_every_command_of_a_join_is_sent(line: Line, sql: str) -> None:
    explanation = line.explained(sql)
    sent = kinds(line.sent(sql))
    for scan in explanation.scans:
        for command in kinds(scan.commands):
            # Nothing else may have been selected in between.
            assert command in sent or command.startswith("EXAMINE "), (command, scan)


@pytest.mark.parametrize(
    "where", ["seen = 0", "mailbox IN ('INBOX', '5')", "seen = 0 OR mailbox = '5'", "mailbox = 'nosuch'", "1"]
)
def test_all_mailboxes(line: Line, where: str) -> None:
    sql = f"SELECT subject FROM messages WHERE {where}"
    (scan,) = line.explained(sql).scans
    sent = line.sent(sql)
    shown = [command for asked in scan.asked for command in asked.commands]
    # What is open already is entered anew before the list, and whatever has mail once more after the search.
    listed = next(number for number, command in enumerate(sent) if command.startswith("LIST "))
    entered = {command for command in sent[listed:] if command.startswith("EXAMINE ")}
    assert set(kinds(shown)) <= {*kinds(sent), 'EXAMINE "INBOX"'}
    assert len(scan.mailboxes) == len(entered)
    assert {c for c in kinds(sent) if c.startswith("UID ")} == {c for c in kinds(shown) if c.startswith("UID ")}


def test_the_table_of_mailboxes(line: Line) -> None:
    line.sent("SELECT count(*) FROM INBOX WHERE seen")
    for sql, count in (
        ("SELECT name FROM mailboxes", 0),
        # INBOX is open: its numbers are asked behind another EXAMINE.
        ("SELECT unseen FROM mailboxes WHERE name = 'INBOX'", 2),
        ("SELECT unseen FROM mailboxes WHERE name = '5'", 1),
        ("SELECT unseen FROM mailboxes", 1),
    ):
        (scan,) = line.explained(sql).scans
        sent = line.sent(sql)
        assert list(scan.commands) == sent
        assert len(sent) == 1 + count


def test_any_statement(line: Line, rows: dict[str, Any]) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(statement=statements(rows))
    def holds(statement: Statement) -> None:
        note(statement.sql)
        check(line, statement)

    holds()


def check(line: Line, statement: Statement) -> None:
    with line.connection.cursor() as cursor:
        try:
            cursor.execute(statement.sql, statement.parameters)
        except Error as error:
            with pytest.raises(type(error)):
                line.connection.explain(statement.sql, statement.parameters)
            return
    explanation = line.explained(statement.sql, statement.parameters)
    sent = kinds(line.sent(statement.sql, statement.parameters))
    note(str(explanation))
    note("\n".join(sent))
    for scan in explanation.scans:
        searches = {command for command in scan.commands if command.startswith("UID SEARCH")}
        assert has_rows_of_others(scan) or searches <= set(sent)


def has_rows_of_others(scan: Scan) -> bool:
    return any("other" in note or "around" in note for note in scan.notes)


@pytest.fixture(scope="module")
def rows(account: Login) -> dict[str, Any]:
    found = {name: read_mailbox(account, name) for name in ("INBOX", "Ämter 5%", "5")}
    return found | {"messages": [row for name in found for row in found[name]]}


# What is said of the terms.

FUNCTION = "a function of the column, which SEARCH does not have"
EXPRESSION = "an expression of the column, which SEARCH does not have"


def hows(scan: Scan) -> list[tuple[str, str, str | None]]:
    return [(term.text, term.how, term.key) for term in scan.terms]


def test_the_terms(line: Line) -> None:
    sql = (
        "SELECT uid FROM INBOX WHERE seen = 0 AND created > '2024-02-28' AND contains(subject, ?) "
        "AND lower(sender) = 'x' AND size % 2 = 0 AND cc GLOB '*'"
    )
    (scan,) = line.explained(sql, ("invoice",)).scans
    assert hows(scan) == [
        ("seen = 0", "exact", "UNSEEN"),
        ("created > '2024-02-28'", "narrowing", "SINCE 27-Feb-2024"),
        ("cc GLOB '*'", "local", None),
        ("contains(subject, 'invoice')", "narrowing", 'SUBJECT "nvoice"'),
        ("lower(sender) = 'x'", "local", None),
        ("size % 2 = 0", "local", None),
    ]
    whys = {term.text: term.why for term in scan.terms}
    assert whys["seen = 0"] == ""
    assert whys["created > '2024-02-28'"] == "SEARCH knows days only"
    assert whys["contains(subject, 'invoice')"] == "the server's words, checked again"
    assert whys["lower(sender) = 'x'"] == FUNCTION
    assert whys["size % 2 = 0"] == EXPRESSION


@pytest.mark.parametrize(
    ("where", "how", "why"),
    [
        ("seen", "local", "a bare column: seen = 1 would be searched for"),
        ("seen = 0 OR flagged = 1", "narrowing", "OR/NOT: narrowed as a whole, checked again"),
        ("seen = 0 OR lower(subject) = 'x'", "local", "not every side of it has a key (profile dovecot)"),
        ("email MATCH 'x'", "exact", "the server's own search, not checked again"),
        ("seen = 7", "exact", "no message can satisfy it: nothing is asked"),
        ("seen < 7", "exact", "true of every message"),
        ("created > 'x'", "local", "no single day from 1971 to 2036"),
        ("created != '2024-01-01'", "local", "not an operator SEARCH has"),
        ("subject LIKE '%%'", "local", "no word in it that the server surely finds"),
        ("subject = 'x' COLLATE NOCASE", "local", "another collation"),
        ("subject COLLATE NOCASE IN ('x')", "local", "another collation"),
        ("length(subject) > 9", "local", FUNCTION),
        ("NOT length(subject) > 9", "local", FUNCTION),
        ("date(created) = '2026-11-20'", "local", FUNCTION),
        ("'X' = upper(subject)", "local", FUNCTION),
        ("cast(size AS text) LIKE '1%'", "local", FUNCTION),
        ("flags ->> '$[0]' = 'x'", "local", FUNCTION),
        ("has_flag(flags, 'x') = 1", "local", "what has_flag() gives is compared: by itself it would be searched for"),
        ("size * 2 > 9", "local", EXPRESSION),
        ("subject || '' = 'x'", "local", EXPRESSION),
        ("CASE WHEN seen THEN 1 END", "local", EXPRESSION),
        ("subject = sender", "local", "more than one column, and SEARCH compares none with another"),
        ("coalesce(sent, created) > '2026'", "local", "more than one column, and SEARCH compares none with another"),
        ("size = size", "local", "the column stands in it more than once"),
        ("subject", "local", "a text taken for true or false, which SEARCH does not do"),
        ("sent IS TRUE", "local", "a text taken for true or false, which SEARCH does not do"),
        ("created != date('now')", "local", "not an operator SEARCH has"),
        ("uid NOT IN (SELECT 1)", "local", "compared with a subquery"),
        ("created LIKE '%-11-%'", "local", "no single day, month or year from 1971 to 2036"),
        ("NOT subject LIKE '%hello%'", "local", "the opposite of it is nothing SEARCH has"),
        ("NOT size > 5000", "narrowing", "checked again"),
        ("NOT has_flag(flags, 'work')", "narrowing", "checked again"),
        ("NOT uid > 5", "exact", ""),
        ("NOT seen", "exact", ""),
        ("seen IS /* */ TRUE", "local", "OR, NOT and IS TRUE could not be read for this table"),
        ("headers = '{}'", "local", "no SEARCH key for this column"),
        ("size IN (3, 9)", "narrowing", "checked again"),
    ],
)
def test_why(line: Line, where: str, how: str, why: str) -> None:
    (scan,) = line.explained(f"SELECT uid FROM INBOX WHERE {where}").scans
    (term,) = scan.terms
    assert (term.how, term.why) == (how, why)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        # Once each, whatever SQLite makes of the value.
        ("created >= datetime('2026-11-20', '-1 day')", [("created >= '2026-11-19 00:00:00'", "SINCE 18-Nov-2026")]),
        ("date('2026-11-20') > created", [("created < '2026-11-20'", "BEFORE 22-Nov-2026")]),
        (
            "created BETWEEN date('2026-11-20') AND '2026-11-21'",
            [("created >= '2026-11-20'", "SINCE 19-Nov-2026"), ("created <= '2026-11-21'", "BEFORE 23-Nov-2026")],
        ),
        ("size BETWEEN 5 AND 9 AND NOT flagged", [
            ("size >= 5", "LARGER 4"), ("size <= 9", "SMALLER 10"), ("NOT flagged", "UNFLAGGED"),
        ]),
        ("uid IN (5)", [("uid = 5", "UID 5")]),
        ("uid IN (SELECT 5)", [("uid IN (5)", "UID 5")]),
        ("rowid = 5", [("uid = 5", "UID 5")]),
        ("(size > 3 AND length(subject) > 9)", [("size > 3", "LARGER 3"), ("length(subject) > 9", None)]),
        ("subject = lower('WORD') COLLATE BINARY", [("subject = 'word'", 'SUBJECT "word"')]),
        ("subject = 'word' AND subject = 'word' COLLATE NOCASE", [
            ("subject = 'word'", 'SUBJECT "word"'), ("subject = 'word' COLLATE NOCASE", None),
        ]),
        ("has_flag(flags, lower('WORK'))", [("has_flag(flags, 'work')", "KEYWORD work")]),
        ("created LIKE '2026-11-%'", [("created LIKE '2026-11-%'", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026")]),
        ("created LIKE '2026-11-%' AND created >= '2026-11-'", [
            ("created >= '2026-11-'", None), ("created LIKE '2026-11-%'", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ]),
        # As it is written.
        ("subject LIKE '50\\%%' ESCAPE '\\'", [("subject LIKE '50\\%%' ESCAPE '\\'", 'SUBJECT "50"')]),
        ("seen IS TRUE", [("seen IS TRUE", "SEEN")]),
        ("seen IS FALSE", [("seen IS FALSE", "UNSEEN")]),
        ("seen IS NOT TRUE", [("seen IS NOT TRUE", "UNSEEN")]),
        ("seen IS NOT FALSE AND flagged IS FALSE", [("seen IS NOT FALSE", "SEEN"), ("flagged IS FALSE", "UNFLAGGED")]),
        ("(NOT seen) IS TRUE", [("(NOT seen) IS TRUE", "UNSEEN")]),
        ("(size > 5) IS FALSE", [("(size > 5) IS FALSE", "SMALLER 6")]),
    ],
)  # fmt: skip
def test_each_condition_is_told_once(line: Line, where: str, told: list[tuple[str, str | None]]) -> None:
    (scan,) = line.explained(f"SELECT uid FROM INBOX WHERE {where}").scans
    found = [(term.text, term.key) for term in scan.terms]
    # SQLite says which of several it takes first.
    assert sorted(found, key=str) == sorted(told, key=str)


@pytest.mark.parametrize("truth", ["TRUE", "FALSE", "NOT TRUE", "NOT FALSE"])
def test_whether_a_flag_is_set_is_decided_by_the_server(line: Line, rows: dict[str, Any], truth: str) -> None:
    (scan,) = line.explained(f"SELECT uid FROM INBOX WHERE seen IS {truth}").scans
    assert [term.how for term in scan.terms] == ["exact"]
    wanted = truth in ("TRUE", "NOT FALSE")
    with line.connection.cursor() as cursor:
        found = cursor.execute(f"SELECT uid, seen FROM INBOX WHERE seen IS {truth} ORDER BY uid").fetchall()
    assert found == [(row["uid"], int(wanted)) for row in rows["INBOX"] if bool(row["seen"]) is wanted]
    with line.connection.cursor() as cursor:
        assert cursor.execute(f"SELECT count(*) FROM INBOX WHERE seen IS {truth}").fetchone() == (len(found),)


@pytest.mark.parametrize("column", ["created", "sent"])
@pytest.mark.parametrize(
    "pattern", ["2024-02-%", "2024-03-%", "2024-%", "1971-%", "1970-%", "2036-12-%", "2037-%", "2024-__-29%", "%-03-%"]
)
def test_months_and_years_are_those_of_plain_rows(line: Line, rows: dict[str, Any], column: str, pattern: str) -> None:
    database = apsw.Connection(":memory:")
    database.execute("CREATE TABLE plain (uid INTEGER, created, sent)")
    database.executemany(
        "INSERT INTO plain VALUES (?, ?, ?)", [(r["uid"], r["created"], r["sent"]) for r in rows["INBOX"]]
    )
    glob = pattern.replace("%", "*").replace("_", "[0-9]")
    for where in (f"{column} LIKE '{pattern}'", f"{column} GLOB '{glob}'", f"{column} LIKE '{pattern}' OR uid = 1"):
        with line.connection.cursor() as cursor:
            found = cursor.execute(f"SELECT uid FROM INBOX WHERE {where} ORDER BY uid").fetchall()
        assert found == list(database.execute(f"SELECT uid FROM plain WHERE {where} ORDER BY uid"))


def test_tables_named_twice(line: Line) -> None:
    union = "SELECT uid FROM INBOX WHERE seen = 0 UNION SELECT uid FROM INBOX WHERE flagged = 1"
    join = "(SELECT * FROM INBOX WHERE {}) x JOIN (SELECT * FROM INBOX WHERE {}) y ON x.size = y.size"
    for sql in (union, "SELECT x.uid FROM " + join.format("seen = 0", "flagged = 1")):
        first, second = line.explained(sql).scans
        assert hows(first) == [("seen = 0", "exact", "UNSEEN")]
        assert hows(second)[0] == ("flagged = 1", "exact", "FLAGGED")
    # Which of the two it is cannot be told before the first has rows.
    first, second = line.explained("SELECT x.uid FROM " + join.format("seen = 0", "seen = 1")).scans
    assert second.commands == ('EXAMINE "INBOX"', second.commands[1], second.commands[2])
    assert second.commands[1].endswith(" ALL")


def test_joined_conditions_are_told_of_the_table_they_are_on(line: Line) -> None:
    joined = """SELECT a.uid FROM INBOX a JOIN "5" b ON a.in_reply_to = b.message_id
        WHERE length(a.subject) > 3 AND a.seen IS FALSE AND b.size BETWEEN a.size AND a.size + 9"""
    first, second = line.explained(joined).scans
    assert hows(first) == [("seen IS FALSE", "exact", "UNSEEN"), ("length(a.subject) > 3", "local", None)]
    assert sorted(hows(second)) == [
        ("a.in_reply_to = b.message_id", "local", None),
        ("b.size BETWEEN a.size AND a.size + 9", "local", None),
    ]
    inner = "SELECT 1 FROM \"5\" b WHERE b.message_id = a.message_id AND lower(b.subject) = 'x' AND b.seen = 0"
    _, second = line.explained(f"SELECT 1 FROM INBOX a WHERE EXISTS ({inner})").scans
    assert second.alias == "b"
    assert {(term.text, term.why) for term in second.terms} == {
        ("seen = 0", ""),
        ("b.message_id = a.message_id", "decided per row of the other table"),
        ("lower(b.subject) = 'x'", FUNCTION),
    }


def test_whole_messages_in_a_join(line: Line) -> None:
    explanation = line.explained('SELECT b.email FROM INBOX a JOIN "5" b ON b.uid = a.uid')
    notes = explanation.scans[1].notes
    assert "headers, texts and email are fetched one by one, for the rows that are looked at" in notes
    assert "nothing is fetched: the search decides it all" not in notes


def test_exact_search_pushes_no_text(account: Login) -> None:
    with Proxy(account.host, account.port) as proxy:
        line = Line(proxy, account, search="exact")
        explanation = line.explained("SELECT uid FROM INBOX WHERE contains(subject, 'x') AND seen = 0")
        (scan,) = explanation.scans
        assert scan.commands[1] == "UID SEARCH RETURN (ALL) UNSEEN"
        assert [(term.how, term.why) for term in scan.terms] == [
            ("exact", ""),
            ("local", "search=exact pushes no text"),
        ]
        assert "search=exact: no text is searched for on the server" in explanation.notes
        line.connection.close()


def test_an_untrusted_server(dovecot_login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    from imapdb.imap.profiles import PROFILES  # noqa: PLC0415

    monkeypatch.setattr("imapdb.imap.connection.recognise", lambda *said: PROFILES["yahoo"])
    with dbapi.connect(dovecot_login.url()) as connection:
        explanation = connection.explain(
            "SELECT uid FROM INBOX WHERE contains(subject, 'x') AND created > '2025-01-01'"
        )
    (scan,) = explanation.scans
    assert {term.why for term in scan.terms} == {
        "this server's SUBJECT is not trusted (profile yahoo)",
        "SINCE is not trusted (profile yahoo)",
    }
    assert explanation.notes == ("server profile yahoo, made of public reports: not seen live",)


# Estimates.


def test_estimates(line: Line) -> None:
    def bounds(sql: str) -> tuple[int | None, int | None]:
        (scan,) = line.explained(sql).scans
        return scan.messages, scan.octets

    with line.connection.cursor() as cursor:
        unseen = cursor.execute("SELECT count(*) FROM INBOX WHERE seen = 0").fetchall()[0][0]
    assert bounds("SELECT count(*) FROM INBOX") == (COUNT, 0)
    assert bounds("SELECT count(*) FROM INBOX WHERE seen = 0") == (unseen, 0)
    assert bounds("SELECT count(*) FROM INBOX WHERE seen = 1 AND flagged = 1") == (COUNT - unseen, 0)
    assert bounds("SELECT uid FROM INBOX WHERE uid IN (1, 2, 3)") == (3, 0)
    assert bounds("SELECT uid FROM INBOX WHERE uid IN ()") == (0, 0)
    assert bounds("SELECT uid FROM INBOX WHERE seen = 0 LIMIT 4") == (4, 0)
    assert bounds("SELECT uid FROM INBOX LIMIT 4 OFFSET 50") == (COUNT, 0)
    assert bounds("SELECT uid FROM INBOX WHERE lower(subject) = 'x' LIMIT 4")[0] == COUNT
    assert bounds("SELECT created FROM INBOX ORDER BY created LIMIT 4")[0] == COUNT
    assert bounds("SELECT uid FROM messages")[0] == COUNT + 50


def test_octets_are_those_seen_on_this_connection(account: Login) -> None:
    with Proxy(account.host, account.port) as proxy:
        line = Line(proxy, account)
        sql = "SELECT references, subject FROM INBOX".replace("references", '"references"')
        (before,) = line.explained(sql).scans
        assert before.octets == COUNT * 240
        line.sent(sql)
        came = proxy.octets_down
        (after,) = line.explained(sql).scans
        assert after.octets is not None
        assert abs(after.octets - came) < came / 10
        (bodies,) = line.explained("SELECT email FROM INBOX").scans
        assert bodies.octets is not None
        line.sent("SELECT email FROM INBOX")
        assert bodies.octets < proxy.octets_down < 3 * bodies.octets
        line.connection.close()


# What is refused.


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM INBOX", "UPDATE INBOX SET seen = 1", "INSERT INTO INBOX (seen) VALUES (1)", "DROP TABLE INBOX",
        "WITH x AS (SELECT 1) DELETE FROM INBOX", "CREATE TABLE t (x)", "PRAGMA user_version", "BEGIN", "COMMIT",
        "ATTACH ':memory:' AS x", "EXPLAIN SELECT 1", "", "nonsense", "SELECT 1; DELETE FROM INBOX",
        "SELECT 1; SELECT 2", "-- SELECT\nDELETE FROM INBOX", "SELECT", "SELECT nosuch FROM INBOX", "SELECT ?",
        "SELECT * FROM nosuch", 'SELECT * FROM "x""; DROP TABLE INBOX; --"', "SELECT 'a' FROM INBOX WHERE",
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused(line: Line, sql: str) -> None:
    line.connection.rollback()
    with pytest.raises(ProgrammingError):
        line.explained(sql)
    assert line.explained("SELECT count(*) FROM INBOX").scans[0].messages == COUNT
    assert not line.connection.database.in_transaction


def test_nothing_is_sent_for_a_refused_statement(account: Login) -> None:
    with Proxy(account.host, account.port) as proxy:
        line = Line(proxy, account)
        for sql in ("DELETE FROM INBOX", "WITH x AS (SELECT 1) UPDATE INBOX SET seen = 1", "SELECT nosuch FROM INBOX"):
            with pytest.raises(ProgrammingError):
                line.connection.explain(sql)
        assert proxy.commands == []
        line.connection.close()


def test_errors_of_values_are_those_of_running_it(line: Line) -> None:
    with pytest.raises(UnsendableValue):
        line.explained("SELECT uid FROM INBOX WHERE contains(subject, ?)", ("a\r\nb",))
    with pytest.raises(NotSupportedError):
        line.explained("SELECT uid FROM INBOX WHERE size MATCH 'x'")


def test_a_statement_that_never_ends_is_explained(pymap_login: Login) -> None:
    endless = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x, uid FROM c JOIN INBOX ON uid = x"
    )
    with dbapi.connect(pymap_login.url()) as connection:
        explanation = connection.explain(endless)
    assert "the loops over other tables took long and were not run to the end" in explanation.notes


def test_a_result_that_is_half_read_goes_on(line: Line) -> None:
    with line.connection.cursor() as cursor:
        cursor.execute("SELECT uid, subject FROM INBOX ORDER BY uid")
        first = cursor.fetchone()
        line.connection.explain("SELECT subject FROM messages WHERE seen = 0")
        assert [row[0] for row in [first, *cursor.fetchall()] if row] == list(range(1, COUNT + 1))


# The Python API, on the embedded server.


def test_queries_and_statements(pymap_login: Login) -> None:
    fill(pymap_login, "INBOX", letters(4, 5))
    with imapdb.connect(pymap_login.url()) as db:
        inbox = db.INBOX
        query = db((inbox.seen == False) & inbox.uid.in_([1, 2]))  # noqa: E712
        (scan,) = query.explain(inbox.subject, limitby=(0, 1)).scans
        assert scan.commands == (
            'EXAMINE "INBOX"',
            "UID SEARCH UID 1:2 UNSEEN",
            "UID FETCH … (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        )
        assert str(query.explain()).startswith("INBOX: at most 2 messages, about ")
        (scan,) = db(inbox.created == datetime.date(2024, 2, 28)).explain().scans
        assert [term.how for term in scan.terms] == ["narrowing", "narrowing"]
        for sql, parameters in (("uid = ?", [3]), ("uid = :uid", {"uid": 3})):
            (scan,) = db.explain(f"SELECT subject FROM INBOX WHERE {sql}", parameters).scans
            assert scan.commands[-1] == "UID FETCH 3 (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        (scan,) = db.explain(sa.select(inbox.uid).where(inbox.uid == sa.bindparam("x")), {"x": 4}).scans
        assert scan.terms[0].text == "uid = 4"
        with pytest.raises(ProgrammingError):
            db.explain(sa.update(inbox).values(seen=True))
        with pytest.raises(ProgrammingError):
            db.explain("SELECT * FROM nosuch")
        assert db(inbox.uid > 0).count() == 5
