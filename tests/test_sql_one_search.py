"""One WHERE is one SEARCH, however its terms are joined, from SQL and from SQLAlchemy alike: counted by a proxy."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import imapdb
from imapdb import dbapi
from imapdb.errors import NotSupportedError
from tests.kit.login import checked
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.login import Login
    from tests.kit.servers import MailServer

COUNT = 300


def message(number: int) -> bytes:
    return (
        f"From: sender{number % 7}@example.org\r\nTo: team@example.net\r\nSubject: number{number:03}\r\n"
        f"Message-ID: <id.{number}@example.org>\r\n\r\n{'x' * number}\r\n"
    ).encode()


@pytest.fixture(scope="module")
def account(dovecot: MailServer) -> Login:
    """An account of 300 messages; every third is read, every fifth flagged, every seventh work."""
    login = dovecot.new_login()
    login.append_all("INBOX", map(message, range(1, COUNT + 1)))
    login.create("Archive")
    login.append_all("Archive", map(message, range(1, 20)))
    with login.imaplib() as client:
        checked(client.select("INBOX"))
        for step, flag in ((3, "\\Seen"), (5, "\\Flagged"), (7, "work")):
            uids = ",".join(map(str, range(step, COUNT + 1, step)))
            checked(client.uid("STORE", uids, "+FLAGS.SILENT", f"({flag})"))
    return login


class Line:
    """The two ways in, through one proxy."""

    def __init__(self, proxy: Proxy, connection: dbapi.Connection, db: imapdb.Database) -> None:
        self._proxy = proxy
        self.connection = connection
        self.db = db

    def sql(self, text: str, parameters: Any = ()) -> list[Any]:
        self._proxy.clear()
        with self.connection.cursor() as cursor:
            return [row[0] for row in cursor.execute(text, parameters).fetchall()]

    def api(self, condition: Any) -> list[int]:
        self._proxy.clear()
        return sorted(row.uid for row in self.db(condition).select(self.db.INBOX.uid))

    @property
    def commands(self) -> list[str]:
        return self._proxy.commands

    @property
    def searches(self) -> list[str]:
        return [
            command.removeprefix("UID SEARCH RETURN (ALL) ")
            for command in self._proxy.commands
            if command.startswith("UID SEARCH")
        ]


@pytest.fixture
def line(account: Login) -> Iterator[Line]:
    with (
        Proxy(account.host, account.port) as proxy,
        dbapi.connect(account.through(proxy).url()) as connection,
        imapdb.connect(account.through(proxy).url()) as db,
    ):
        yield Line(proxy, connection, db)


def is_seen(uid: int) -> bool:
    return uid % 3 == 0


def is_flagged(uid: int) -> bool:
    return uid % 5 == 0


def is_work(uid: int) -> bool:
    return uid % 7 == 0


UIDS = range(1, COUNT + 1)
CONDITIONS = [
    ("NOT seen", "UNSEEN", lambda u: not is_seen(u)),
    ("seen OR flagged", "OR SEEN FLAGGED", lambda u: is_seen(u) or is_flagged(u)),
    ("NOT (seen OR flagged)", "UNSEEN UNFLAGGED", lambda u: not (is_seen(u) or is_flagged(u))),
    ("NOT (seen AND flagged)", "OR UNSEEN (SEEN UNFLAGGED)", lambda u: not (is_seen(u) and is_flagged(u))),
    (
        "NOT seen AND flagged OR uid = 9",
        "OR (UNSEEN FLAGGED) UID 9",
        lambda u: (not is_seen(u) and is_flagged(u)) or u == 9,
    ),
    ("NOT has_flag(flags, 'WORK')", "UNKEYWORD WORK", lambda u: not is_work(u)),
    ("seen IS NOT TRUE", "UNSEEN", lambda u: not is_seen(u)),
    ("uid NOT BETWEEN 4 AND 298", "OR UID 1:3 UID 299:4294967295", lambda u: not 4 <= u <= 298),
    ("subject LIKE 'number00!_%' ESCAPE '!' OR uid < 3", 'OR SUBJECT "number00" UID 1:2', lambda u: u < 3),
    (
        "uid IN (1, 2, 5) OR contains(subject, 'number299') AND NOT flagged",
        'OR UID 1:2,5 (SUBJECT "umber299" UNFLAGGED)',
        lambda u: u in (1, 2, 5, 299),
    ),
    ("message_id = '<id.8@example.org>' OR flagged AND seen", None, lambda u: u == 8 or (is_flagged(u) and is_seen(u))),
]  # fmt: skip


@pytest.mark.parametrize(("where", "key", "holds"), CONDITIONS)
def test_or_and_not_are_one_search(line: Line, where: str, key: str | None, holds: Any) -> None:
    # The text of the condition is the test's own.
    assert line.sql(f"SELECT uid FROM INBOX WHERE {where} ORDER BY uid") == [uid for uid in UIDS if holds(uid)]
    assert len(line.searches) == 1
    assert key in (None, line.searches[0])


def test_what_flags_decide_is_counted_without_a_fetch(line: Line) -> None:
    assert line.sql("SELECT count(*) FROM INBOX WHERE NOT seen") == [200]
    assert line.sql("SELECT count(*) FROM INBOX WHERE NOT seen AND NOT flagged") == [160]
    assert not [command for command in line.commands if "FETCH" in command]


def test_the_api_asks_the_same_way(line: Line) -> None:
    inbox = line.db.INBOX
    assert line.api(~inbox.seen) == [uid for uid in UIDS if not is_seen(uid)]
    assert line.searches == ["UNSEEN"]
    assert line.api(sa.or_(inbox.seen, inbox.flagged)) == [uid for uid in UIDS if is_seen(uid) or is_flagged(uid)]
    assert line.searches == ["OR SEEN FLAGGED"]
    assert line.api(sa.not_(sa.or_(inbox.seen, inbox.subject.contains("number1"), inbox.size > 300)))
    assert len(line.searches) == 1
    assert line.api(inbox.subject.contains("number00", autoescape=True) | (inbox.uid == 77)) == [*range(1, 10), 77]
    assert line.searches == ['OR SUBJECT "umber00" UID 77']


@pytest.mark.parametrize("join", [" AND ", " OR "])
@pytest.mark.parametrize("negated", ["", "NOT "])
def test_fifty_terms_are_one_search(line: Line, join: str, negated: str) -> None:
    chance = random.Random(50)
    terms = [f"contains(subject, 'number{chance.randrange(1, COUNT):03}')" for _ in range(20)]
    terms += [f"size > {chance.randrange(100, 400)}" for _ in range(20)] + ["seen", "flagged", "NOT answered"] * 3
    terms += ["has_flag(flags, 'work')"]
    chance.shuffle(terms)
    assert len(terms) == 50
    everything = line.sql(f"SELECT uid FROM INBOX WHERE iif({negated}({join.join(terms)}), 1, 0) = 1")
    assert len(line.searches) == 1
    assert line.sql(f"SELECT uid FROM INBOX WHERE {negated}({join.join(terms)})") == everything
    assert len(line.searches) == 1
    # What is not one of many texts may hold any of them: no key says that.
    assert (line.searches[0] == "ALL") == (join == " AND " and bool(negated))


def test_fifty_terms_by_the_api_are_one_search(line: Line) -> None:
    inbox = line.db.INBOX
    terms = [inbox.subject.contains(f"number{number:03}") for number in range(1, 51)]
    assert line.api(sa.or_(*terms)) == list(range(1, 51))
    assert len(line.searches) == 1
    nested = terms[0]
    for number, term in enumerate(terms[1:]):
        nested = sa.and_(nested, inbox.flagged) | term if number % 2 else nested | (term & ~inbox.seen)
    assert line.api(nested)
    assert len(line.searches) == 1


def test_each_table_of_a_join_has_its_own(line: Line) -> None:
    sql = (
        "SELECT a.uid FROM INBOX a JOIN Archive b ON a.message_id = b.message_id "
        "WHERE (a.seen OR a.flagged) AND NOT b.seen ORDER BY a.uid"
    )
    assert line.sql(sql) == [3, 5, 6, 9, 10, 12, 15, 18]
    assert {search for search in line.searches if "HEADER" not in search} <= {"OR SEEN FLAGGED", "UNSEEN"}


def test_twenty_thousand_uids_are_bounded_commands(line: Line) -> None:
    chosen = random.Random(5).sample(range(1, 400_000), 20_000)
    wanted = sorted(uid for uid in chosen if uid <= COUNT)
    marks = ", ".join("?" * len(chosen))
    assert line.sql(f"SELECT uid FROM INBOX WHERE uid IN ({marks}) ORDER BY uid", chosen) == wanted
    assert sum(len(command) for command in line.commands) < 20_000
    assert line.sql(f"SELECT uid FROM INBOX WHERE uid IN ({marks}) AND NOT seen ORDER BY uid", chosen) == [
        uid for uid in wanted if not is_seen(uid)
    ]
    assert len(line.searches) == 1
    found = line.sql(f"SELECT uid FROM INBOX WHERE uid IN ({marks}) OR uid IN (1, 2, 3) AND seen ORDER BY uid", chosen)
    assert found == sorted({*wanted, 3})
    assert len(line.commands) < 60
    assert max(map(len, line.commands)) < 8_000
    by_api = line.api(line.db.INBOX.uid.in_(chosen))
    assert by_api == wanted
    assert max(map(len, line.commands)) < 8_000


def test_a_match_is_the_servers_own_search(line: Line) -> None:
    assert line.sql("SELECT uid FROM INBOX WHERE email MATCH 'id.299'") == [299]
    assert line.searches == ['TEXT "id.299"']
    assert line.sql("SELECT uid FROM INBOX WHERE subject MATCH 'NUMBER01' AND NOT seen AND uid > 12") == [
        13,
        14,
        16,
        17,
        19,
    ]
    assert line.searches == ['UID 13:4294967295 SUBJECT "NUMBER01" UNSEEN']
    assert line.sql("SELECT uid FROM INBOX WHERE subject MATCH 'number299' OR uid = 3 ORDER BY uid") == [3, 299]
    assert line.api(line.db.INBOX.subject.match("number007")) == [7]
    assert not [command for command in line.commands if "HEADER" in command]


def test_a_match_in_a_subquery_leaves_the_outer_conditions_alone(line: Line) -> None:
    inner = "SELECT rowid FROM INBOX WHERE email MATCH 'id.299'"
    assert line.sql(f"SELECT uid FROM INBOX WHERE rowid IN ({inner}) OR uid = 3 ORDER BY uid") == [3, 299]


@pytest.mark.parametrize(
    "where",
    [
        "NOT (subject MATCH 'x')", "CASE WHEN subject MATCH 'x' THEN 1 ELSE 0 END", "subject MATCH 'x' OR seen",
        "size MATCH 'x'",
    ],
)  # fmt: skip
def test_a_match_nobody_could_decide_is_refused_before_anything_is_searched(line: Line, where: str) -> None:
    with pytest.raises(NotSupportedError, match="MATCH"):
        line.sql(f"SELECT uid FROM INBOX WHERE {where}")
    assert not line.searches or "CASE" in where
