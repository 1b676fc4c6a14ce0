"""What a server sorts by arrival: count(*) by `created` looks only at messages near a bound, ORDER BY at none."""

from __future__ import annotations

import datetime
import operator
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import imapdb
from imapdb.imap.profiles import PROFILES
from tests.kit.login import checked
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from tests.kit.servers import Login

START = datetime.datetime(2024, 3, 10, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
COMPARES = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
# Places for messages whose clocks are as far apart as clocks can be, and for the bounds around them.
ZONES = (-12, -5, 0, 3, 14)
SPAN = 16 * 24


class Held(NamedTuple):
    """An account, and what is in it: when each message came, as the column says, and whether it was seen."""

    login: Login
    messages: list[tuple[str, bool]]


def text(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@pytest.fixture(scope="module")
def held(mail_server: Any) -> Held:
    login = mail_server.new_login()
    chance = random.Random(7)
    moment = START
    for _ in range(120 if login.server.name == "dovecot" else 40):
        zone = datetime.timezone(chance.choice(ZONES) * HOUR)
        if chance.random() < 0.7:  # others come in the same second
            moment = START + datetime.timedelta(minutes=chance.randrange(SPAN * 60))
        seen = chance.random() < 0.5
        login.append("INBOX", b"Subject: s\r\n\r\nb\r\n", ["\\Seen"] * seen, moment.astimezone(zone))
    with imapdb.connect(login.url()) as db:
        # As the column says: GreenMail keeps other moments than some it was given.
        rows = db.execute("SELECT CAST(created AS TEXT) AS moment, seen FROM INBOX").mappings().all()
    return Held(login, [(row["moment"], bool(row["seen"])) for row in rows])


bounds = st.tuples(
    st.sampled_from(sorted(COMPARES)),
    st.integers(-30 * 60, (SPAN + 30) * 60).map(lambda minutes: text(START + datetime.timedelta(minutes=minutes))),
)


def test_any_bounds_count_what_is_within_them(held: Held) -> None:
    with imapdb.connect(held.login.url()) as db:

        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(chosen=st.lists(bounds | st.sampled_from(("created", "seen = 1", "uid > 3")), min_size=1, max_size=3))
        def agree(chosen: list[tuple[str, str] | str]) -> None:
            terms = [f"created {term[0]} '{term[1]}'" for term in chosen if not isinstance(term, str)]
            wanted = held.messages
            for term in chosen:
                if not isinstance(term, str):
                    wanted = [one for one in wanted if COMPARES[term[0]](one[0], term[1])]
            if "seen = 1" in chosen:
                terms.append("seen = 1")
                wanted = [one for one in wanted if one[1]]
            if not terms:
                terms = ["uid > 0"]
            sql = f"SELECT count(*) FROM INBOX WHERE {' AND '.join(terms)}"
            assert db.execute(sql).scalar() == len(wanted), sql

        agree()


def test_a_bound_at_every_message(held: Held) -> None:
    with imapdb.connect(held.login.url()) as db:
        for moment in sorted({moment for moment, _ in held.messages})[::7]:
            asked = db.INBOX.created >= datetime.datetime.fromisoformat(moment + "+00:00")
            assert db(asked).count() == sum(one >= moment for one, _ in held.messages)


def test_sort_goes_by_the_moment_where_the_profile_says_so(held: Held) -> None:
    with held.login.imaplib() as client:
        client.select("INBOX", readonly=True)
        if b"SORT" not in checked(client.capability())[0].split():
            assert held.login.server.name == "pymap"
            return
        (found,) = checked(client.uid("SORT", "(ARRIVAL)", "US-ASCII", "ALL"))
    with imapdb.connect(held.login.url()) as db:
        created = {row["uid"]: row["created"] for row in db.execute("SELECT uid, created FROM INBOX").mappings()}
    listed = [(created[int(uid)], int(uid)) for uid in found.split()]
    assert len(listed) == len(held.messages)
    if PROFILES[held.login.server.name].sorts_arrival:
        assert listed == sorted(listed)


@pytest.mark.parametrize(
    "order", ["created", "created DESC", "created, uid", "created DESC, uid DESC", "created, uid DESC"]
)
@pytest.mark.parametrize(
    "where", ["", "WHERE seen = 0", "WHERE uid IN (3, 8, 2, 11, 900)", "WHERE created > '2024-03-18'"]
)
def test_rows_come_in_the_order_asked_for(held: Held, order: str, where: str) -> None:
    with imapdb.connect(held.login.url()) as db:
        # The subject is dear: it is fetched for the rows that are wanted, in their order.
        select = f"SELECT subject, created, uid FROM INBOX {where}"
        rows, plain, few = (
            [dict(row) for row in db.execute(sql).mappings()]
            for sql in (f"{select} ORDER BY {order}", select, f"{select} ORDER BY {order} LIMIT 4 OFFSET 1")
        )
    assert {row["uid"] for row in rows} == {row["uid"] for row in plain}
    if "uid" in order:
        plain.sort(key=operator.itemgetter("uid"), reverse="uid DESC" in order)
    plain.sort(key=operator.itemgetter("created"), reverse="created DESC" in order)
    assert [row["created"] for row in rows] == [row["created"] for row in plain]
    if "uid" in order:
        assert rows == plain
        assert few == plain[1:5]


def test_the_newest_are_not_looked_for_by_listing_all(dovecot_login: Login) -> None:
    login = dovecot_login
    for number in range(30):
        login.append("INBOX", b"Subject: %d\r\n\r\nb\r\n" % number, (), START + number % 7 * HOUR)
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url(tls="none")) as db:
        sql = "SELECT subject FROM INBOX WHERE seen = 0 ORDER BY created DESC, uid DESC LIMIT 3"
        newest = db.execute(sql).scalars().all()
        assert newest == ["27", "20", "13"]
        sent = [command.partition(" (UID")[0] for command in proxy.commands if command.startswith("UID ")]
        assert sent == ["UID SORT (ARRIVAL) US-ASCII UNSEEN", "UID FETCH 14,21,28"]


@pytest.mark.parametrize(
    "condition",
    [
        "created >= 5",
        "created >= '2024'",
        "created >= '2024-03-12'",
        "created >= '2024-03-12 01:02:03.5'",
        "created >= NULL",
        "created > x'32'",
        "created >= '2024-03-12 00:00:00' AND subject = 's'",
        "created >= '2024-03-12 00:00:00' AND created <= sent",
        "created >= '2024-03-12 00:00:00' AND uid IN (SELECT uid FROM INBOX WHERE seen)",
        "created >= '2024-03-12 00:00:00' OR seen",
        "created >= '2024-03-12 00:00:00' AND length(subject) = 2",
        "created BETWEEN '2024-03-12 00:00:00' AND '2024-03-14 12:00:00'",
        "created >= '2024-03-12 00:00:00' COLLATE NOCASE",
        "'2024-03-12 00:00:00' <= created",
        "created >= '2024-03-12 00:00:00' AND seen IS 1",
        "created >= '9999-12-31 23:59:59'",
        "created < '0001-01-01 00:00:00'",
        "created >= '2024-13-41 00:00:00'",
    ],
)
def test_other_conditions_count_the_rows_they_have(held: Held, condition: str) -> None:
    with imapdb.connect(held.login.url()) as db:
        rows = db.execute(f"SELECT uid FROM INBOX WHERE {condition}").all()
        assert db.execute(f"SELECT count(*) FROM INBOX WHERE {condition}").scalar() == len(rows)


def test_only_what_is_near_a_bound_is_fetched(dovecot_login: Login) -> None:
    login = dovecot_login
    zone = datetime.timezone(2 * HOUR)
    moments = [START + datetime.timedelta(hours=hours) for hours in range(0, 24 * 40, 3)]
    for moment in moments:
        login.append("INBOX", b"Subject: s\r\n\r\nb\r\n", (), moment.astimezone(zone))
    bound = START + datetime.timedelta(days=9, minutes=1)
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url(tls="none")) as db:
        asked = (db.INBOX.created >= bound) & (db.INBOX.seen == False)  # noqa: E712 - an expression
        expected = sum(moment >= bound for moment in moments)
        assert db(asked).count() == expected
        sent = [command for command in proxy.commands if command.startswith("UID ")]
        assert sent[0] == "UID SORT (ARRIVAL) US-ASCII UNSEEN SINCE 18-Mar-2024"
        assert len(sent) == 2
        assert sent[1].endswith("(UID INTERNALDATE)")
        told = db.explain(f"SELECT count(*) FROM INBOX WHERE seen = 0 AND created >= '{text(bound)}'")
        assert "UID SORT (ARRIVAL) US-ASCII UNSEEN SINCE 18-Mar-2024" in str(told)


HELLO = (
    "S: * OK [CAPABILITY IMAP4rev1 SORT ESEARCH] Dovecot ready.",
    "C: LOGIN ...",
    "S: $tag OK [CAPABILITY IMAP4rev1 SORT ESEARCH] done",
    'C: EXAMINE "INBOX"',
    "S: * 9 EXISTS",
    "S: * OK [UIDVALIDITY 1] ok",
    "S: $tag OK [READ-ONLY] done",
    "C: UID SORT (ARRIVAL) US-ASCII SINCE 11-Mar-2024",
)
COUNTED = "SELECT count(*) FROM INBOX WHERE created >= '2024-03-12 00:00:00'"


def row(uid: int, day: str) -> str:
    return f'S: * {uid} FETCH (UID {uid} INTERNALDATE "{day}-Mar-2024 10:00:00 +0000")'


def test_a_message_that_is_gone_meanwhile_is_not_counted() -> None:
    script: list[str | bytes] = [
        *HELLO,
        "S: * SORT 4 2 3 9",
        "S: $tag OK done",
        "C: UID FETCH 2:4,9 (UID INTERNALDATE)",
        row(3, "13"),
        row(4, "11"),
        row(9, "14"),
        "S: $tag OK done",
        "HOLD",
    ]
    with Transcript(script) as server, imapdb.connect(f"imap://u:p@127.0.0.1:{server.port}/?tls=none") as db:
        assert db.execute(COUNTED).scalar() == 2


@pytest.mark.parametrize(
    "answer",
    [
        ["S: $tag BAD what?"],
        ["S: $tag NO [BADCHARSET (UTF-8)] no"],
        ["S: $tag OK nothing"],
        ["S: * SORT 9", "S: $tag OK [MESSAGELIMIT 1 9] a part"],
        ["S: * SORT 4 9 4", "S: $tag OK twice"],
        ["S: * SORT 0 9", "S: $tag OK no UID"],
        ["S: * SORT 4 4294967296", "S: $tag OK no UID either"],
        ["S: * SORT 9", "S: * SORT 4 (MODSEQ 5)", "S: $tag OK another form"],
    ],
)
def test_where_sorting_fails_all_that_is_found_is_looked_at(answer: list[str]) -> None:
    script: list[str | bytes] = [
        *HELLO,
        *answer,
        'C: EXAMINE "INBOX"',
        "S: * 9 EXISTS",
        "S: * OK [UIDVALIDITY 1] ok",
        "S: $tag OK [READ-ONLY] done",
        "C: UID SEARCH RETURN (ALL) SINCE 11-Mar-2024",
        "S: * ESEARCH (TAG $tag) UID ALL 4,9",
        "S: $tag OK done",
        "C: UID FETCH 4,9 (UID INTERNALDATE)",
        row(4, "11"),
        row(9, "14"),
        "S: $tag OK done",
        "HOLD",
    ]
    with Transcript(script) as server, imapdb.connect(f"imap://u:p@127.0.0.1:{server.port}/?tls=none") as db:
        assert db.execute(COUNTED).scalar() == 1
