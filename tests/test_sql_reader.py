"""What is read from a statement's text: for each condition the SEARCH key it comes to, and whose condition it is."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from imapdb.imap.profiles import PROFILES
from imapdb.sql.lexer import is_worth_reading, prepare
from imapdb.sql.reader import occurrences, trees
from imapdb.sql.tree import UNKNOWN, Parameter
from imapdb.sql.where import Where

if TYPE_CHECKING:
    from imapdb.sql.tree import Parameters

DOVECOT = PROFILES["dovecot"]
ALL, NOTHING = "ALL", "NOT ALL"


def key(sql: str, parameters: Parameters = (), table: str = "inbox", mailbox: str | None = None) -> str:
    """Give the key for the rows of a table, read from a statement whether or not that is worth it."""
    node = trees(f"{sql} -- OR").get(table, UNKNOWN)
    return str(Where(node, parameters).key(DOVECOT, mailbox))


def key_of(condition: str, parameters: Parameters = ()) -> str:
    return key(f"SELECT uid FROM INBOX a WHERE {condition}", parameters)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        # Flags.
        ("seen", "SEEN"),
        ("NOT seen", "UNSEEN"),
        ("NOT NOT seen", "SEEN"),
        ("a.seen", "SEEN"),
        ("A.SEEN", "SEEN"),
        ("b.seen", ALL),
        ("seen = 1", "SEEN"),
        ("1 = seen", "SEEN"),
        ("seen == 0", "UNSEEN"),
        ("seen <> 1", "UNSEEN"),
        ("seen != 2", ALL),
        ("seen = 2", NOTHING),
        ("0 < seen", "SEEN"),
        ("seen IS 1", "SEEN"),
        ("seen > '0'", "SEEN"),
        ("seen IS NOT 1", "UNSEEN"),
        ("seen IS NULL", NOTHING),
        ("seen ISNULL", NOTHING),
        ("seen NOTNULL", ALL),
        ("seen NOT NULL", ALL),
        ("NOT seen ISNULL", ALL),
        ("recent OR NOT recent", "OR RECENT NOT RECENT"),
        ("(((seen)))", "SEEN"),
        ("seen = (1)", "SEEN"),
        ("(seen) = 1", "SEEN"),
        ("seen = TRUE", "SEEN"),
        ("seen = NULL", NOTHING),
        ("NOT seen = NULL", NOTHING),
        ("(seen = NULL) IS NOT TRUE", ALL),
        # AND, OR, De Morgan.
        ("seen OR flagged", "OR SEEN FLAGGED"),
        ("seen AND flagged", "SEEN FLAGGED"),
        ("NOT (seen OR flagged)", "UNSEEN UNFLAGGED"),
        ("NOT (seen AND flagged)", "OR UNSEEN (SEEN UNFLAGGED)"),
        ("seen OR flagged AND draft", "OR SEEN (FLAGGED DRAFT)"),
        ("(seen OR flagged) AND draft", "OR SEEN FLAGGED DRAFT"),
        ("NOT seen OR flagged", "OR UNSEEN FLAGGED"),
        ("NOT seen = 1 OR flagged", "OR UNSEEN FLAGGED"),
        ("seen OR length(subject) > 5", ALL),
        ("seen AND (flagged OR length(subject) > 5)", "SEEN"),
        ("seen OR uid = 3 OR flagged", "OR SEEN OR UID 3 FLAGGED"),
        ("seen OR FALSE", "SEEN"),
        ("seen OR NULL", "SEEN"),
        ("seen OR TRUE", ALL),
        ("seen AND NULL", NOTHING),
        ("seen AND 0", NOTHING),
        ("seen AND 0.5", "SEEN"),
        ("NOT (seen AND NULL)", "UNSEEN"),
        ("NOT (seen OR NULL)", NOTHING),
        ("1", ALL),
        ("'1'", ALL),
        ("-1", ALL),
        # IS TRUE and its like.
        ("seen IS TRUE", "SEEN"),
        ("seen IS NOT TRUE", "UNSEEN"),
        ("seen IS FALSE", "UNSEEN"),
        ("seen IS NOT FALSE", "SEEN"),
        ("(seen OR flagged) IS TRUE", "OR SEEN FLAGGED"),
        ("(seen OR flagged) IS NOT TRUE", "UNSEEN UNFLAGGED"),
        ("NOT (seen AND flagged) IS FALSE", "SEEN FLAGGED"),
        ("(subject LIKE '%word%') IS NOT FALSE", ALL),
        ("(subject LIKE '%order%') IS TRUE", 'SUBJECT "order"'),
        ("(size > 5) IS NOT TRUE", ALL),
        ("(NOT size > 5) IS NOT TRUE", ALL),
        ("(NOT size > 5) IS NOT FALSE", ALL),
        ("(NOT seen) IS NOT TRUE", "SEEN"),
        ("(NOT seen) IS NOT FALSE", "UNSEEN"),
        ("(size > 5) IS FALSE", "SMALLER 6"),
        ("uid IS TRUE", ALL),
        ("size IS FALSE", "SMALLER 1"),
        ("seen IS (TRUE)", "SEEN"),
        ("NULL IS TRUE OR seen", "SEEN"),
        ("seen IS DISTINCT FROM 1", "UNSEEN"),
        ("seen IS NOT DISTINCT FROM 1", "SEEN"),
        ("uid IS NOT DISTINCT FROM TRUE", ALL),
        ("uid = TRUE", "UID 1"),
        ("uid IS DISTINCT FROM TRUE", NOTHING),
        ("seen IS DISTINCT FROM FALSE", "SEEN"),
        ("uid IS NOT DISTINCT FROM (TRUE)", ALL),
        # Ranges and lists.
        ("size BETWEEN 5 AND 9", "LARGER 4 SMALLER 10"),
        ("size NOT BETWEEN 5 AND 9", "OR SMALLER 5 LARGER 9"),
        ("size BETWEEN 5 AND 9 AND seen", "LARGER 4 SMALLER 10 SEEN"),
        ("5 BETWEEN size AND 9", ALL),
        ("size BETWEEN NULL AND 9", NOTHING),
        ("size NOT BETWEEN NULL AND 9", "LARGER 9"),
        ("uid BETWEEN 3 AND 5", "UID 3:4294967295 UID 1:5"),
        ("uid IN (1, 3, 5)", "UID 1,3,5"),
        ("uid IN (1, NULL)", "UID 1"),
        ("uid IN (NULL)", NOTHING),
        ("uid IN ()", NOTHING),
        ("uid NOT IN ()", ALL),
        ("uid NOT IN (1, 2)", ALL),
        ("uid NOT IN (1, NULL)", NOTHING),
        ("seen NOT IN (1)", "UNSEEN"),
        ("seen NOT IN (1, NULL)", NOTHING),
        ("seen NOT IN (5, '1')", "UNSEEN"),
        ("(uid IN (1, NULL)) IS NOT TRUE", ALL),
        ("uid IN (SELECT 1)", ALL),
        ("uid IN (VALUES (1))", ALL),
        ("5 IN (uid)", ALL),
        ("(uid, seen) IN ((1, 1))", ALL),
        # Texts.
        ("subject LIKE '%hello%' OR seen", 'OR SUBJECT "hello" SEEN'),
        ("subject NOT LIKE '%hello%'", ALL),
        ("subject LIKE '%100!%00%' ESCAPE '!'", 'SUBJECT "100" SUBJECT "00"'),
        ("subject LIKE 'a5bcd' ESCAPE 5", ALL),
        ("subject LIKE '%!hello%' ESCAPE '!'", 'SUBJECT "ello"'),
        ("subject NOT LIKE 'a!%' ESCAPE '!'", ALL),
        ("like('%hello%', subject)", 'SUBJECT "hello"'),
        ("like('%!hello', subject, '!')", 'SUBJECT "ello"'),
        ("glob('*hello*', subject)", 'SUBJECT "hello"'),
        ("subject GLOB '*hello*'", 'SUBJECT "hello"'),
        ("subject NOT GLOB 'a'", ALL),
        ("contains(subject, 'hello')", 'SUBJECT "hello"'),
        ("NOT contains(subject, 'hello')", ALL),
        ("contains(subject, NULL)", NOTHING),
        ("subject = 'hello'", 'SUBJECT "hello"'),
        ("subject <> 'hello'", ALL),
        ("subject = 'hello' COLLATE NOCASE", ALL),
        ("subject COLLATE NOCASE = 'hello'", ALL),
        ("subject IS NOT NULL", 'HEADER SUBJECT ""'),
        ("NOT subject IS NULL", 'HEADER SUBJECT ""'),
        ("subject IS NULL", ALL),
        ("subject = 'it''s 12'", 'SUBJECT "12" SUBJECT "it"'),
        ("\"to\" = 'hello'", 'TO "hello"'),
        ("recipients = 'hello'", 'TO "hello"'),
        ("[to] = 'hello'", 'TO "hello"'),
        ("`to` = 'hello'", 'TO "hello"'),
        ("subject = 'hello' || ''", ALL),
        ("subject LIKE lower('hello')", ALL),
        ("subject LIKE unescaped('hel/lo', '/') OR seen", 'OR SUBJECT "hello" SEEN'),
        ("subject REGEXP 'a'", ALL),
        ("subject", ALL),
        ("subject IS TRUE", ALL),
        ("subject MATCH 'a' OR seen", 'OR SUBJECT "a" SEEN'),
        # Keywords.
        ("has_flag(flags, 'work')", "KEYWORD work"),
        ("NOT has_flag(flags, 'work')", "UNKEYWORD work"),
        ("NOT has_flag(flags, '\\Seen')", "UNSEEN"),
        ("has_flag(flags, 5)", NOTHING),
        ("NOT has_flag(flags, NULL)", NOTHING),
        ("NOT has_flag(flags, 5)", NOTHING),
        ("has_flag(flags, 'work') IS NOT TRUE", "UNKEYWORD work"),
        ("has_flag(flags, 5) IS NOT TRUE", ALL),
        ("has_flag/**/(flags, 'work')", "KEYWORD work"),
        ("has_flag(flags, 'work') = 1", ALL),
        ("has_flag(flags, 'no atom')", ALL),
        # Dates.
        ("created >= '2024-02-10' OR seen", "OR SINCE 9-Feb-2024 SEEN"),
        ("created < '2024-02-10'", "BEFORE 12-Feb-2024"),
        ("NOT created < '2024-02-10'", "SINCE 9-Feb-2024"),
        ("created = '2024-02-10 10:00'", "SINCE 9-Feb-2024 BEFORE 12-Feb-2024"),
        ("created >= '2024-02-30'", ALL),
        ("created <> '2024-02-10'", ALL),
        ("created >= date('now')", ALL),
        ("created LIKE '2024-02-%'", "SINCE 31-Jan-2024 BEFORE 2-Mar-2024"),
        ("created LIKE '2024!-02-%' ESCAPE '!'", ALL),
        ("created LIKE '2024-02-29!%%' ESCAPE '!'", "SINCE 28-Feb-2024 BEFORE 2-Mar-2024"),
        ("created LIKE '2024-02-!%' ESCAPE '!'", "SINCE 31-Jan-2024 BEFORE 2-Mar-2024"),
        ("created NOT LIKE '2024-02-%'", ALL),
        ("NOT created GLOB '2024-*'", ALL),
        # What takes a column's affinity away, and numbers SQLite reads its own way.
        ("+seen = 1", ALL),
        ("'1' IS DISTINCT FROM +seen", ALL),
        ("seen = +1", ALL),
        ("-seen = 1", ALL),
        ("~seen", ALL),
        ("seen + 0 = 1", ALL),
        ("uid = 0x10", ALL),
        ("uid = 1_0", ALL),
        ("uid = 1_0.5", ALL),
        ("uid = 1e1", "UID 10"),
        ("uid = 10.", "UID 10"),
        ("uid > .5", "UID 1:4294967295"),
        ("uid = 9223372036854775808", NOTHING),
        ("uid > -5", "UID 1:4294967295"),
        ("uid > - 5", "UID 1:4294967295"),
        ("uid = - -5", ALL),
        ("size = 5.5", NOTHING),
        ("uid = '5'", "UID 5"),
        ("uid = X'35'", ALL),
        ("uid < 1e999", "UID 1:4294967295"),
        ("uid = CAST(5 AS INTEGER)", ALL),
        ("uid = 2 + 3", ALL),
        # As SQLite groups it, and not as it looks.
        ("seen = flagged = 1", ALL),
        ("seen = 1 = 1", ALL),
        ("seen = 1 IS NULL", ALL),
        ("(seen = 1) IS TRUE", "SEEN"),
        ("1 = seen IS NULL", ALL),
        ("seen < 1 = 1", ALL),
        ("seen = 1 < 2", ALL),
        ("seen IS 1 IS 1", ALL),
        ("NOT seen IS NULL", ALL),
        ("seen IS NULL IS NULL", ALL),
        ("size BETWEEN 1 AND 2 = 1", ALL),
        ("seen = 1 BETWEEN 0 AND 1", ALL),
        ("seen = 1 IN (1)", ALL),
        ("NOT seen IS TRUE IN ()", ALL),
        # sqlglot takes an AND for another, or does without.
        ("seen BETWEEN size ISNULL AND flagged AND draft", ALL),
        ("seen BETWEEN size NOT NULL AND flagged AND draft", ALL),
        ("seen BETWEEN size LIKE ('x') AND flagged AND draft", ALL),
        ("seen BETWEEN 0 AND flagged AND draft", "DRAFT"),
        ("seen -- OR 1\n AND flagged /* OR 1 */", "SEEN FLAGGED"),
        ("seen/**/AND/**/flagged", "SEEN FLAGGED"),
        ("seen AND flagged--", "SEEN FLAGGED"),
        ("CASE WHEN seen THEN 1 END", ALL),
        ("EXISTS (SELECT 1)", ALL),
        ("(SELECT seen)", ALL),
        ("iif(seen, 1, 0)", ALL),
        ("coalesce(seen, 1)", ALL),
        ("(seen, flagged) = (1, 1)", ALL),
        ("likely(seen)", ALL),
        ("seen & 1", ALL),
        ("seen || ''", ALL),
        ("seen -> '$'", ALL),
        ("main.INBOX.seen", ALL),
        ("temp.a.seen", ALL),
        ("a.'seen'", ALL),
        ("'a'.seen", ALL),
        ('"SEEN" OR [a].[flagged]', "OR SEEN FLAGGED"),
        ("nosuch OR seen", ALL),
        ("rowid = 5", ALL),
    ],
)
def test_a_condition_and_its_key(condition: str, said: str) -> None:
    assert key_of(condition) == said


@pytest.mark.parametrize(
    ("condition", "parameters", "said"),
    [
        ("seen = ? OR uid = ?", (1, 5), "OR SEEN UID 5"),
        ("seen = ?2 OR uid = ?1", (5, 1), "OR SEEN UID 5"),
        ("uid = ?2 OR size < ?", (0, 5, 7), "OR UID 5 SMALLER 7"),
        ("uid = ?1 OR size < ?1", (5,), "OR UID 5 SMALLER 5"),
        ("uid = :n OR size < :n", {"n": 5}, "OR UID 5 SMALLER 5"),
        ("uid = :n OR size < :m", (5, 7), "OR UID 5 SMALLER 7"),
        ("uid = @n OR size < $m", {"n": 5, "m": 7}, "OR UID 5 SMALLER 7"),
        ("uid = :n OR size < @n", (5, 7), "OR UID 5 SMALLER 7"),
        ("uid = :n OR size < @n", {"n": 5}, "OR UID 5 SMALLER 5"),
        ("uid = :n OR size < ? OR size > :n", (5, 7), "OR UID 5 OR SMALLER 7 LARGER 5"),
        ("uid = ?3 OR size < :n OR uid = ?", (0, 0, 5, 7, 9), "OR UID 5 OR SMALLER 7 UID 9"),
        ("uid = ?01", (5,), "UID 5"),
        ("uid = ?1 OR seen", {"1": 5}, "OR UID 5 SEEN"),
        ("uid = $a::b(c) OR seen", {"a::b(c)": 5}, "OR UID 5 SEEN"),
        ("uid = :é OR seen", {"é": 5}, "OR UID 5 SEEN"),
        ("uid=:n OR seen", {"n": 5}, "OR UID 5 SEEN"),
        ("uid = (?)", (5,), "UID 5"),
        ("uid IN (?, ?)", (5, None), "UID 5"),
        ("seen = ?", (None,), NOTHING),
        ("NOT seen = ?", (True,), "UNSEEN"),
        ("uid = -?", (5,), ALL),
        ("'?' = subject OR uid = ?", (5,), ALL),
        ("uid = ? -- ?\n OR seen = /* ? */ ?", (5, 1), "OR UID 5 SEEN"),
        ("subject LIKE ? ESCAPE '!' OR seen", ("%!hello%",), 'OR SUBJECT "ello" SEEN'),
        ("? = seen", (b"1",), NOTHING),
        ("?", (1,), ALL),
        ("size BETWEEN ? AND ?", (5, 9), "LARGER 4 SMALLER 10"),
        ("uid = CASE WHEN 1 THEN?END OR seen", (1,), ALL),
    ],
)
def test_a_parameter_is_the_one_sqlite_binds(condition: str, parameters: Any, said: str) -> None:
    database = apsw.Connection(":memory:")
    database.execute("CREATE TABLE INBOX (uid, size, seen, subject)")
    # SQLite takes them, so many and by these names.
    database.execute(f"SELECT uid FROM INBOX a WHERE {condition}", parameters)
    assert key_of(condition, parameters) == said


@pytest.mark.parametrize(
    ("condition", "here", "elsewhere"),
    [
        ("mailbox = 'INBOX'", ALL, NOTHING),
        ("mailbox <> 'INBOX'", NOTHING, ALL),
        ("mailbox IS 'INBOX'", ALL, NOTHING),
        ("mailbox = 'INBOX' AND seen OR flagged", "OR SEEN FLAGGED", "FLAGGED"),
        ("mailbox IN ('INBOX', 'x') OR seen", ALL, "SEEN"),
        ("mailbox NOT IN ('INBOX') OR seen", "SEEN", ALL),
        ("mailbox NOT IN ('x', NULL) OR seen", "SEEN", "SEEN"),
        ("mailbox = NULL OR seen", "SEEN", "SEEN"),
        ("mailbox IS NULL OR seen", "SEEN", "SEEN"),
        ("mailbox IS NOT NULL", ALL, ALL),
        ("NOT (mailbox = 'INBOX' AND seen)", "UNSEEN", ALL),
        ("mailbox LIKE 'in%'", ALL, ALL),
        ("mailbox = 'inbox'", NOTHING, NOTHING),
        ("mailbox = 'inbox' COLLATE NOCASE", ALL, ALL),
        ("mailbox = 5", NOTHING, ALL),
        ("mailbox = 5.0", ALL, ALL),
        ("mailbox = X'35'", ALL, ALL),
        ("mailbox = '5'", NOTHING, ALL),
        ("mailbox < 'J'", ALL, ALL),
        ("mailbox IS DISTINCT FROM 'INBOX'", NOTHING, ALL),
    ],
)
def test_the_mailbox_decides_what_is_asked_in_it(condition: str, here: str, elsewhere: str) -> None:
    sql = f"SELECT uid FROM messages WHERE {condition}"
    assert key(sql, table="messages", mailbox="INBOX") == here
    assert key(sql, table="messages", mailbox="5") == elsewhere


def test_true_is_bound_as_one() -> None:
    assert key("SELECT uid FROM messages WHERE mailbox = ?", (True,), "messages", "1") == ALL


@pytest.mark.parametrize(
    ("sql", "inbox", "other"),
    [
        # Aliases and their columns.
        ("SELECT 1 FROM INBOX WHERE INBOX.seen", "SEEN", ALL),
        ("SELECT 1 FROM INBOX AS a WHERE a.seen", "SEEN", ALL),
        ("SELECT 1 FROM INBOX a WHERE INBOX.seen", ALL, ALL),
        ("SELECT 1 FROM main.INBOX WHERE main.INBOX.seen", "SEEN", ALL),
        ("SELECT 1 FROM inbox 'a' WHERE a.seen", "SEEN", ALL),
        ("SELECT 1 FROM 'INBOX' WHERE seen", "SEEN", ALL),
        ('SELECT 1 FROM "InBoX" WHERE seen', "SEEN", ALL),
        ("SELECT 1 FROM other.INBOX WHERE seen", ALL, ALL),
        ("SELECT 1 FROM temp.INBOX WHERE seen", ALL, ALL),
        ("SELECT 0 AS seen FROM INBOX WHERE seen", "SEEN", ALL),
        ("SELECT 0 AS true FROM INBOX WHERE seen IS TRUE", ALL, ALL),
        ('SELECT 0 AS "FALSE" FROM INBOX WHERE seen IS FALSE', ALL, ALL),
        ("SELECT 1 FROM INBOX other, other INBOX WHERE INBOX.seen AND other.draft", "DRAFT", "SEEN"),
        # Joins.
        ("SELECT 1 FROM INBOX a, other b WHERE a.seen AND b.draft", "SEEN", "DRAFT"),
        ("SELECT 1 FROM INBOX a, other b WHERE seen", ALL, ALL),
        ("SELECT 1 FROM INBOX a JOIN other b ON a.seen WHERE b.draft", "SEEN", "DRAFT"),
        ("SELECT 1 FROM INBOX a CROSS JOIN other b WHERE b.draft", ALL, "DRAFT"),
        (
            "SELECT 1 FROM INBOX a LEFT JOIN other b ON b.draft AND a.seen WHERE a.flagged AND b.seen",
            "FLAGGED",
            "DRAFT",
        ),
        ("SELECT 1 FROM INBOX a LEFT OUTER JOIN other b ON b.draft WHERE b.uid IS NULL OR a.flagged", ALL, "DRAFT"),
        ("SELECT 1 FROM INBOX a NATURAL LEFT JOIN other b WHERE a.seen AND b.seen", "SEEN", ALL),
        ("SELECT 1 FROM INBOX a NATURAL JOIN other b WHERE a.seen AND seen", "SEEN", ALL),
        ("SELECT 1 FROM INBOX a JOIN other b USING (uid) WHERE a.seen AND b.draft", "SEEN", "DRAFT"),
        ("SELECT 1 FROM INBOX a LEFT JOIN other b USING (uid) WHERE a.seen AND b.draft", "SEEN", ALL),
        ("SELECT 1 FROM INBOX a RIGHT JOIN other b ON a.seen WHERE b.draft", ALL, ALL),
        ("SELECT 1 FROM INBOX a FULL JOIN other b ON a.seen WHERE b.draft", ALL, ALL),
        ("SELECT 1 FROM INBOX a, x RIGHT JOIN other b ON a.seen WHERE a.draft", ALL, ALL),
        ("SELECT 1 FROM INBOX a NATURAL FULL OUTER JOIN other b WHERE a.seen", ALL, ALL),
        ("SELECT 1 FROM INBOX a LEFT JOIN x ON x.y JOIN other b ON b.draft AND a.seen", "SEEN", "DRAFT"),
        ("SELECT 1 FROM INBOX a LEFT RIGHT JOIN other b ON a.seen WHERE a.draft", ALL, ALL),
        ("SELECT 1 FROM (INBOX) WHERE seen", ALL, ALL),
        ("SELECT 1 FROM (INBOX a JOIN other b ON a.seen) WHERE b.draft", ALL, ALL),
        ("SELECT 1 FROM INBOX a JOIN (other b LEFT JOIN x ON b.seen) ON a.draft WHERE b.draft", "DRAFT", ALL),
        ("SELECT 1 FROM INBOX a JOIN (x RIGHT JOIN other b ON b.seen) ON b.draft WHERE a.draft", "DRAFT", ALL),
        ("SELECT 1 FROM INBOX anti JOIN other b WHERE INBOX.seen AND anti.draft", ALL, ALL),
        ("SELECT 1 FROM INBOX AS left JOIN other b WHERE b.seen", ALL, "SEEN"),
        # The same table twice.
        ("SELECT 1 FROM INBOX a JOIN INBOX b WHERE a.seen AND b.draft", "OR SEEN DRAFT", ALL),
        ("SELECT 1 FROM INBOX, INBOX WHERE INBOX.seen", ALL, ALL),
        ("SELECT 1 FROM INBOX a JOIN INBOX b WHERE a.seen", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen UNION SELECT 1 FROM inbox WHERE draft", "OR SEEN DRAFT", ALL),
        ("SELECT 1 FROM INBOX WHERE seen EXCEPT SELECT 1 FROM INBOX", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen UNION ALL SELECT 1 FROM other WHERE draft", "SEEN", "DRAFT"),
        ("SELECT 1 FROM INBOX WHERE seen UNION SELECT 1 FROM 'INBOX'", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen UNION SELECT 1 FROM (INBOX)", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen AND (uid, seen) IN INBOX", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen AND uid IN main.INBOX", ALL, ALL),
        ("SELECT 1 FROM INBOX WHERE seen UNION SELECT 1 FROM INBOX('x')", ALL, ALL),
        ("SELECT (SELECT max(uid) FROM INBOX) FROM INBOX WHERE seen", ALL, ALL),
        # Subqueries: each its own scope.
        (
            "SELECT 1 FROM INBOX a WHERE a.seen AND EXISTS (SELECT 1 FROM other b WHERE b.draft AND a.flagged)",
            "SEEN",
            "DRAFT",
        ),
        ("SELECT 1 FROM INBOX a WHERE EXISTS (SELECT 1 FROM other a WHERE a.draft)", ALL, "DRAFT"),
        ("SELECT 1 FROM INBOX a WHERE NOT EXISTS (SELECT 1 FROM other WHERE draft)", ALL, "DRAFT"),
        ("SELECT 1 FROM INBOX WHERE uid IN (SELECT uid FROM other WHERE NOT seen) AND draft", "DRAFT", "UNSEEN"),
        ("SELECT (SELECT 1 FROM other WHERE draft) FROM INBOX WHERE seen", "SEEN", "DRAFT"),
        ("SELECT 1 FROM (SELECT * FROM INBOX WHERE draft LIMIT 3) WHERE seen", "DRAFT", ALL),
        ("SELECT 1 FROM (SELECT * FROM INBOX) INBOX WHERE INBOX.seen", ALL, ALL),
        ("SELECT 1 FROM INBOX, (SELECT * FROM other WHERE seen) d WHERE d.draft AND INBOX.flagged", "FLAGGED", "SEEN"),
        ("SELECT 1 FROM INBOX, json_each(flags) j WHERE seen AND INBOX.draft", "DRAFT", ALL),
        ("SELECT count(*) FILTER (WHERE seen) FROM INBOX", ALL, ALL),
        ("SELECT seen, count(*) FROM INBOX WHERE draft GROUP BY 1 HAVING flagged", "DRAFT", ALL),
        # Common table expressions.
        ("WITH x AS (SELECT * FROM INBOX WHERE draft) SELECT 1 FROM x WHERE seen", "DRAFT", ALL),
        ("WITH INBOX AS (SELECT * FROM other WHERE draft) SELECT 1 FROM INBOX WHERE seen", ALL, "DRAFT"),
        (
            "WITH inbox AS (SELECT * FROM main.INBOX WHERE draft) SELECT 1 FROM main.INBOX WHERE seen",
            "OR SEEN DRAFT",
            ALL,
        ),
        ("WITH inbox AS MATERIALIZED (SELECT 1) SELECT 1 FROM main.INBOX WHERE seen", "SEEN", ALL),
        (
            "WITH r AS (SELECT 1 FROM INBOX WHERE seen UNION SELECT 1 FROM r, other b WHERE b.draft) SELECT 1",
            "SEEN",
            "DRAFT",
        ),
        (
            "SELECT 1 FROM (WITH INBOX AS (SELECT 0 AS seen) SELECT * FROM INBOX) UNION SELECT 1 FROM INBOX WHERE seen",
            ALL,
            ALL,
        ),
        # More.
        ("SELECT 1 FROM INBOX WHERE seen;", "SEEN", ALL),
        ("VALUES (1) UNION SELECT 1 FROM INBOX WHERE seen", "SEEN", ALL),
        ("SELECT 1 FROM INBOX NOT INDEXED WHERE seen", "SEEN", ALL),
        (
            "SELECT count(*) OVER w FROM INBOX WHERE seen WINDOW w AS (ORDER BY uid) ORDER BY 1 LIMIT 1_0 OFFSET 0x1",
            "SEEN",
            ALL,
        ),
    ],
)
def test_whose_condition_it_is(sql: str, inbox: str, other: str) -> None:
    assert (key(sql), key(sql, table="other")) == (inbox, other)


def test_names_that_need_their_quotes() -> None:
    for written in ('"a""[b]`"', '`a"[b]```'):
        assert key(f"SELECT 1 FROM {written} WHERE seen", table='a"[b]`') == "SEEN"
    # An odd number of quotes in brackets: what follows is still there.
    assert key('SELECT 1 FROM [a"] b WHERE seen OR b.[flagged]', table='a"') == "OR SEEN FLAGGED"
    assert key("SELECT 1 FROM Ämter WHERE seen", table="Ämter") == "SEEN"
    assert key("SELECT 1 FROM a\u00a0b WHERE seen", table="a\u00a0b") == "SEEN"
    assert key("SELECT 1 FROM a$b WHERE seen", table="a$b") == "SEEN"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT",
        "SELECT 1 FROM INBOX WHERE seen OR",
        "SELECT 1 FROM INBOX WHERE (seen OR draft",
        "SELECT 1 FROM INBOX WHERE seen OR draft)",
        "SELECT 'a OR b",
        'SELECT "a OR b',
        "SELECT [a OR b",
        "SELECT /* OR b",
        "SELECT 1 FROM INBOX WHERE seen OR draft; SELECT 2",
        "WITH OR",
        "SELECT OR \ud800",
        "SELECT 1 OR \0 2",
        "EXPLAIN SELECT 1 FROM INBOX WHERE seen OR draft",
        "CREATE TEMP VIEW v AS SELECT 1 FROM INBOX WHERE seen OR draft",
        "INSERT INTO t SELECT 1 FROM INBOX WHERE NOT seen",
        "UPDATE INBOX SET seen = 1 WHERE NOT seen",
        "PRAGMA x",
        "",
        ";",
        "SELECT 1 FROM INBOX WHERE seen",
        "SELECT 1 FROM INBOX WHERE uid = ?" + "1" * 5_000 + " OR seen",
        "SELECT 1 FROM INBOX WHERE uid = " + "1" * 5_000 + " OR seen",
        "SELECT $$ OR $$",
        "SELECT 1 FROM INBOX WHERE seen OR draft IS",
        "VALUES (1) OR",
        "WITH x AS (SELECT 1) PRAGMA OR",
        "SELECT 1 FROM INBOX WHERE seen OR draft FOR UPDATE",
        "SELECT 1 OR 1 INTO x FROM INBOX",
    ],
)
def test_what_cannot_be_read_gives_nothing(sql: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert trees(sql) == {}
    assert not caplog.records


def test_where_a_table_is_changed_nothing_is_said_of_it() -> None:
    sql = "WITH x AS (SELECT 1 FROM other WHERE NOT seen) DELETE FROM INBOX WHERE NOT seen"
    assert (key(sql), key(sql, table="other")) == (ALL, "UNSEEN")


START = "SELECT uid FROM INBOX WHERE "


@pytest.mark.parametrize(
    "sql",
    [
        START + "(" * 1_000 + "seen OR draft" + ")" * 1_000,
        START + "NOT " * 5_000 + "seen",
        START + "- " * 5_000 + "seen OR draft",
        START + "~ " * 5_000 + "seen OR draft",
        START + "CASE WHEN " * 1_000 + "seen" + " THEN 1 END" * 1_000 + " OR draft",
        START + "seen" + " IS TRUE" * 3_000 + " OR draft",
        START + "(" * 3_000,
    ],
)
def test_what_is_too_deep_is_left_to_sqlite(sql: str) -> None:
    assert trees(sql) == {}


def test_what_is_long_is_read() -> None:
    listed = " OR ".join(f"uid = {uid}" for uid in range(1, 5_001))
    assert key(START + listed).count("OR") == 4_999
    assert key(START + "NOT seen AND uid IN (" + ", ".join(map(str, range(1, 5_001))) + ")") == "UNSEEN UID 1:5000"
    assert key(START + "a" + " = a" * 2_000 + " OR seen") == ALL
    assert key(" UNION ".join([START + "seen OR draft"] * 200)) == "OR SEEN DRAFT"


def test_a_stack_that_is_nearly_full() -> None:
    def at_depth(left: int) -> str:
        return (
            key(START + "seen OR (draft AND (flagged OR (answered AND uid = 77)))") if left == 0 else at_depth(left - 1)
        )

    whole = at_depth(0)
    for depth in range(0, sys.getrecursionlimit() - 150, 25):
        trees.cache_clear()
        occurrences.cache_clear()
        assert at_depth(depth) in (whole, ALL)


@pytest.mark.parametrize(
    ("sql", "worth"),
    [
        ("SELECT 1 OR 2", True),
        ("select x not in (1)", True),
        ("SELECT x LIKE y ESCAPE z", True),
        ("SELECT x IS TRUE", True),
        ("select x is\n(false)", True),
        ("SELECT x = TRUE", False),
        ("SELECT x AS true", False),
        ("SELECT this TRUE", False),
        ("SELECT x IS TRUEST", False),
        ("SELECT " + "x IS " * 20_000, False),
        ("SELECT IS" + " " * 100_000, False),
        ("WITH x AS (SELECT NOT 1) SELECT 1", True),
        ("VALUES (NOT 1)", True),
        ("-- a\n/* b ** */ (SELECT 1 OR 1)", True),
        ("\ufeffSELECT 1 OR 1", True),
        ("SELECT 1", False),
        ("SELECT ordinal, notes FROM x", False),
        ("DELETE FROM x WHERE NOT y", False),
        ("/**/ " * 2_000 + "UPDATE x SET y = NOT y", False),
        ("/*" + "*" * 20_000 + " OR", False),
        ("-- x\n" * 5_000 + "OR", False),
    ],
)
def test_what_is_worth_reading(sql: str, worth: bool) -> None:
    assert is_worth_reading(sql) is worth


def test_parameters_are_numbered_as_sqlite_numbers_them() -> None:
    prepared = prepare("? ?5 ? :a @a :a $a::b(c) #x '?' [?] ?005 ?")
    assert [*prepared.parameters.values()] == [
        Parameter(1),
        Parameter(5, "5"),
        Parameter(6),
        Parameter(7, "a"),
        Parameter(8, "a"),
        Parameter(7, "a"),
        Parameter(9, "a::b(c)"),
        Parameter(10, "x"),
        Parameter(5, "005"),
        Parameter(11),
    ]


def test_no_two_tokens_become_one() -> None:
    assert prepare("a<~b--c\n-/**/-1 x'00' 0x1F").text == "a < ~ b - - 1 ( ~ 0 ) ( ~ 0 )"
    assert prepare('contains /* */ (a."b""c",[d"e])').text == 'imapdb_contains ( a . "b""c" , "d""e" )'


def test_every_place_of_a_table_is_listed() -> None:
    found = occurrences("SELECT 1 FROM INBOX a JOIN (other) ON 1 WHERE a.seen OR EXISTS (SELECT 1 FROM x.y z)")
    assert sorted((o.table, o.alias, o.node == UNKNOWN) for o in found) == [
        ("INBOX", "a", False),
        ("other", "other", True),
        ("y", "z", True),
    ]
