"""The same SQL, over live mail and over a real SQLite table of everything fetched: every answer must be the same.

Well-formed mail is read by the plain client and the standard library. Of odd mail nobody but us can say what its
columns hold: there the rows are what imapdb shows when it is asked for everything, and conditions must not change them.

`PROFILE=long` runs two thousand statements a server instead of a few dozen, over four worlds instead of one. A world is
made from a seed, drawn anew for every run; what fails prints it, and SEED=… brings it back.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from imapdb import dbapi
from tests.kit.mailboxes import Letter, fill, letters
from tests.kit.odd_mail import odd_letters
from tests.kit.oracle import COLUMNS, HIDDEN, SYSTEM_FLAGS, Oracle, read_mailbox, read_told
from tests.kit.sql_values import TEXTS
from tests.kit.statements import SHOWN, Statement, statements, text_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.kit.oracle import Row
    from tests.kit.servers import Login, MailServer

# Name and number of messages. A mailbox named as a number is told from the number.
MAILBOXES = (("INBOX", 60), ("Ämter 5%", 40), ("5", 25), ("1", 10), ("empty", 0))
ODD_MAILBOXES = (("INBOX", 80), ("Ämter 5%", 50), ("5", 20))
# A search of pymap takes its time for every message.
FEWER_MESSAGES = {"pymap": 4}
# Statements of each kind in a short run and in a long one; servers that are not named answer as late as GreenMail.
STATEMENTS = {"dovecot": (250, 2000), "greenmail": (25, 2000), "pymap": (50, 200)}
OTHER_STATEMENTS = (15, 500)
IS_LONG = settings().max_examples > settings.get_profile("short").max_examples
WORLDS = 4 if IS_LONG else 1
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
# Servers that tell the same of a header whole and field by field, however odd it is.
WHOLE = {"dovecot"}
# What the server itself says of its messages, which other servers do not have.
OF_THE_SERVER = {"email_id", "thread_id", "labels"}
# Servers that tell another size of a part than its octets: they count its header, or (Courier) the end of an embedded
# message once more.
MISCOUNTING = {"pymap", "greenmail", "courier"}
TOLD = ("uid", *SYSTEM_FLAGS, "flags", "size", "created", "mailbox")


class World(NamedTuple):
    """One account, and what its tables hold. `exact` is a connection that asks servers for no text."""

    login: Login
    seed: int
    rows: dict[str, list[Row]]
    connection: dbapi.Connection
    exact: dbapi.Connection
    oracle: Oracle


def shown_of(world: World) -> tuple[str, ...]:
    return SHOWN if world.login.server.name in WHOLE else TEXTS


def share_of(server: str, count: int) -> int:
    return -(-count // FEWER_MESSAGES.get(server, 1))


def named(server: MailServer, mailboxes: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(server.named(name), count) for name, count in mailboxes]


def marked(mailbox: str, letter: Letter) -> Letter:
    """Have one mailbox hold nothing but seen mail, and one nothing but deleted mail.

    Some servers skip what is below the first unseen message.
    """
    flag = {"5": "\\Seen", "1": "\\Deleted"}.get(mailbox)
    return letter if flag is None or flag in letter.flags else letter._replace(flags=(*letter.flags, flag))


def with_all(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return rows | {"messages": [row for name in rows for row in rows[name]]}


def opened(login: Login, seed: int, rows: dict[str, list[Row]]) -> Iterator[World]:
    oracle = Oracle(rows)
    with dbapi.connect(login.url()) as connection, dbapi.connect(login.url(), search="exact") as exact:
        yield World(login, seed, rows, connection, exact, oracle)
    oracle.close()


def take_sizes(login: Login, rows: dict[str, list[Row]]) -> None:
    """Take the sizes of attachments, and nothing else of them, from what imapdb shows."""
    with dbapi.connect(login.url()) as connection:
        for name, expected in rows.items():
            shown = run(connection, f"SELECT uid, attachments FROM {quoted(name)} ORDER BY uid")
            for row, (uid, attachments) in zip(expected, shown, strict=True):
                assert (uid, unsized(attachments)) == (row["uid"], unsized(row["attachments"]))
                row["attachments"] = attachments


def unsized(attachments: str) -> list[dict[str, Any]]:
    return [{**one, "size": None} for one in json.loads(attachments)]


@pytest.fixture(scope="module", params=range(WORLDS))
def world(mail_server: MailServer, request: pytest.FixtureRequest) -> Iterator[World]:
    """Well-formed mail, read by the plain client."""
    login = mail_server.new_login()
    seed = SEED + request.param
    mailboxes = named(mail_server, MAILBOXES)
    for place, (name, count) in enumerate(mailboxes):
        made = [marked(name, letter) for letter in letters(10 * seed + place, share_of(mail_server.name, count))]
        assert fill(login, name, made) == len(made)
    rows = {name: read_mailbox(login, name) for name, _ in mailboxes}
    if mail_server.name in MISCOUNTING:
        take_sizes(login, rows)
    yield from opened(login, seed, with_all(rows))


@pytest.fixture(scope="module", params=range(WORLDS))
def odd_world(mail_server: MailServer, request: pytest.FixtureRequest) -> Iterator[World]:
    """Odd mail, as imapdb shows it."""
    login = mail_server.new_login()
    seed = SEED + request.param
    rows = {}
    mailboxes = named(mail_server, ODD_MAILBOXES)
    for place, (name, count) in enumerate(mailboxes):
        share = share_of(mail_server.name, count)
        assert fill(login, name, odd_letters(10 * seed + place, share)) > share / 4
    with dbapi.connect(login.url()) as connection:
        for name, _ in mailboxes:
            rows[name] = shown_rows(connection, name)
    yield from opened(login, seed, with_all(rows))


def shown_rows(connection: dbapi.Connection, mailbox: str) -> list[Row]:
    """Ask imapdb for everything; for the whole header apart from the fields, as a server may read them differently."""
    whole = ("headers", "email", "problems")
    fields = tuple(name for name in COLUMNS if name not in whole)
    rows: list[Row] = []
    for chosen in (fields, whole):
        sql = f"SELECT {names(chosen)} FROM {quoted(mailbox)} ORDER BY uid"
        found = [dict(zip(chosen, row, strict=True)) for row in run(connection, sql)]
        rows = [a | b for a, b in zip(rows, found, strict=True)] if rows else found
    return rows


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def names(columns: Iterable[str] = COLUMNS) -> str:
    return ", ".join(map(quoted, columns))


def run(connection: dbapi.Connection, sql: str, parameters: Any = (), *, star: bool = False) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        if not star:
            return cursor.fetchall()
        shown = [place for place, column in enumerate(cursor.description or ()) if column[0] not in OF_THE_SERVER]
        return [tuple(row[place] for place in shown) for row in cursor.fetchall()]


def in_any_order(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, rows))


def check(world: World, connection: dbapi.Connection, statement: Statement) -> None:
    note(f"on {world.login.server.name}, SEED={world.seed}")
    sql, parameters, ordered, star = statement
    wanted = (world.oracle.run_star if star else world.oracle.run)(sql, parameters)
    got = run(connection, sql, parameters, star=star)
    if ordered:
        assert got == wanted
    else:
        assert in_any_order(got) == in_any_order(wanted)


def check_many(world: World, connection: dbapi.Connection, made: st.SearchStrategy[Statement]) -> None:
    @settings(
        max_examples=STATEMENTS.get(world.login.server.name, OTHER_STATEMENTS)[IS_LONG] // WORLDS,
        deadline=None,
        # The mailboxes differ from run to run of the suite (uids): nothing to replay.
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(statement=made)
    def agree(statement: Statement) -> None:
        check(world, connection, statement)

    agree()


def test_every_column_of_every_row_is_what_the_message_says(world: World) -> None:
    for table in world.rows:
        sql = f"SELECT {names()} FROM {quoted(table)} ORDER BY mailbox, uid"
        for got, wanted in zip(run(world.connection, sql), world.oracle.run(sql), strict=True):
            # As dicts, for the names of the columns that differ.
            assert dict(zip(COLUMNS, got, strict=True)) == dict(zip(COLUMNS, wanted, strict=True)), f"SEED={world.seed}"


def test_a_star_shows_every_column_that_is_not_hidden(world: World) -> None:
    with world.connection.cursor() as cursor:
        shown = [column[0] for column in cursor.execute("SELECT * FROM INBOX LIMIT 0").description or ()]
    assert [name for name in shown if name not in OF_THE_SERVER] == [n for n in COLUMNS if n not in HIDDEN]


def test_random_statements_agree_with_sqlite(world: World) -> None:
    check_many(world, world.connection, statements(world.rows))


def test_random_conditions_on_text_agree_with_sqlite(world: World) -> None:
    check_many(world, world.connection, text_statements(world.rows))


def test_what_the_server_says_of_odd_mail_is_shown(odd_world: World) -> None:
    for mailbox, _ in named(odd_world.login.server, ODD_MAILBOXES):
        told = [tuple(row[name] for name in TOLD) for row in read_told(odd_world.login, mailbox)]
        sql = f"SELECT {', '.join(TOLD)} FROM {quoted(mailbox)} ORDER BY uid"
        assert run(odd_world.connection, sql) == told, f"SEED={odd_world.seed}"


def test_search_exact_agrees_with_sqlite_on_any_mail(odd_world: World) -> None:
    check_many(odd_world, odd_world.exact, statements(odd_world.rows, shown=shown_of(odd_world)))


def test_search_exact_finds_any_text_in_any_mail(odd_world: World) -> None:
    check_many(odd_world, odd_world.exact, text_statements(odd_world.rows))


def test_conditions_on_anything_but_text_miss_no_odd_mail(odd_world: World) -> None:
    check_many(odd_world, odd_world.connection, statements(odd_world.rows, (), shown_of(odd_world)))
