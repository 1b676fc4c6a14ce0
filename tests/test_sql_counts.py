"""count(*) that a server may do, and what only looks like one; and an OR of what is not set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import dbapi

if TYPE_CHECKING:
    from tests.kit.servers import Login

MESSAGE = b"Subject: number %d\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("sql", "right"),
    [
        ("SELECT count(*) FROM INBOX", 10),
        ("SELECT count(*) FROM INBOX WHERE seen = 0", 10),
        ("SELECT count(*) FROM INBOX WHERE created >= '2000-01-01 00:00:00'", 10),
        ("SELECT count(*) FROM (SELECT DISTINCT 1 FROM INBOX)", 1),
        ("SELECT count(*) FROM (SELECT 1 FROM INBOX LIMIT 3)", 3),
        ("SELECT count(*) FROM INBOX, (VALUES (1), (2))", 20),
        ("SELECT count(*) FROM INBOX LEFT JOIN (VALUES (1), (2))", 20),
        ("SELECT count(*) FROM (SELECT 1 AS x) v LEFT JOIN INBOX ON INBOX.uid = 0", 1),
        ("SELECT count(*) FROM INBOX WHERE uid IN (SELECT 3 UNION SELECT 4)", 2),
        ("SELECT count(*) FROM INBOX WHERE uid IN (3, 4) AND seen = 0", 2),
        ("SELECT count(*) FROM INBOX WHERE seen = 0 AND EXISTS (SELECT 1 WHERE 0)", 0),
        ("SELECT count(*) FROM v WHERE created >= '2000-01-01 00:00:00'", 0),
        ("SELECT count(*) FROM v WHERE seen = 0", 0),
        ("SELECT count(*) FROM few", 2),
        ("SELECT count(*) FROM INBOX WHERE seen = 0 AND created >= '2000-01-01 00:00:00'", 10),
    ],
)
def test_every_count_is_that_of_the_rows(dovecot_login: Login, sql: str, right: int) -> None:
    dovecot_login.append_all("INBOX", [MESSAGE % number for number in range(10)])
    with dbapi.connect(dovecot_login.url()) as connection:
        cursor = connection.cursor()
        if " v " in sql or "few" in sql:
            cursor.execute(sql.replace(" FROM v", " FROM INBOX").replace(" FROM few", " FROM INBOX"))
            cursor.execute("CREATE TEMP VIEW v AS SELECT * FROM INBOX WHERE length(subject) > 900")
            cursor.execute("CREATE TEMP VIEW few AS SELECT uid FROM INBOX LIMIT 2")
        for _ in range(2):
            assert cursor.execute(sql).fetchall() == [(right,)]


ALL_OF_A_KIND = ["\\Seen", "\\Deleted", "\\Answered", "\\Draft", "\\Flagged"]


@pytest.mark.parametrize("flag", ALL_OF_A_KIND)
def test_an_or_of_flags_that_are_not_set_misses_nothing(login: Login, flag: str) -> None:
    """Dovecot 2.3 skips what is below the first message without a flag, where OR is of such flags only."""
    others = [name for name in ALL_OF_A_KIND if name != flag]
    uids = []
    for number in range(6):
        uid = login.append("INBOX", MESSAGE % number, [flag, *(name for name in others if number % 2)])
        uids.append(uid)
    columns = [name.removeprefix("\\").lower() for name in (flag, *others)]
    first, second, third = columns[:3]
    with imapdb.connect(login.url()) as db:
        for condition, right in (
            (f"NOT ({first} AND {second})", [1, 3, 5]),
            (f"({first} AND {second}) IS FALSE", [1, 3, 5]),
            (f"{first} = 0 OR {second} = 0", [1, 3, 5]),
            (f"NOT {third} OR NOT {first} OR NOT {second}", [1, 3, 5]),
            (f"NOT ({first} AND {second} AND size > 1)", [1, 3, 5]),
            (f"{first} = 0 OR recent = 0 OR recent = 1", [1, 2, 3, 4, 5, 6]),
        ):
            found = db.execute(f"SELECT uid FROM INBOX WHERE {condition} ORDER BY uid").scalars().all()
            assert found == [uids[place - 1] for place in right], condition
            assert db.execute(f"SELECT count(*) FROM INBOX WHERE {condition}").scalar() == len(right), condition
