"""The same SQL, over live mail and over a real SQLite table of everything fetched: every answer must be the same.

`PROFILE=long` runs two thousand statements a server instead of a few dozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from imapdb import dbapi
from tests.kit.mailboxes import fill, letters
from tests.kit.oracle import COLUMNS, Oracle, read_mailbox
from tests.kit.statements import Statement, statements, text_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.oracle import Row
    from tests.kit.servers import MailServer

# Name, seed and number of messages. A mailbox named as a number is told from the number.
MAILBOXES = (("INBOX", 1, 60), ("Ämter 5%", 2, 40), ("5", 3, 25), ("empty", 4, 0))
# What a server is spared in the short run: GreenMail answers late, a search of pymap takes its time for every message.
FEWER_MESSAGES = {"pymap": 4}
FEWER_STATEMENTS = {"pymap": 4, "greenmail": 6}


class World(NamedTuple):
    server: str
    rows: dict[str, list[Row]]
    connection: dbapi.Connection
    oracle: Oracle
    statements: st.SearchStrategy[Statement]
    text_statements: st.SearchStrategy[Statement]


@pytest.fixture(scope="module")
def world(mail_server: MailServer) -> Iterator[World]:
    """One account with its mailboxes, one connection and one oracle for all statements."""
    login = mail_server.new_login()
    share = FEWER_MESSAGES.get(mail_server.name, 1)
    for name, seed, count in MAILBOXES:
        fill(login, name, letters(seed, -(-count // share)))
    rows = {name: read_mailbox(login, name) for name, _, _ in MAILBOXES}
    rows["messages"] = [row for name in tuple(rows) for row in rows[name]]
    oracle = Oracle(rows)
    with dbapi.connect(login.url()) as connection:
        yield World(mail_server.name, rows, connection, oracle, statements(rows), text_statements(rows))
    oracle.close()


def run(connection: dbapi.Connection, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def in_any_order(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, rows))


def test_every_column_of_every_row_is_what_the_message_says(world: World) -> None:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    for table in world.rows:
        sql = f'SELECT {names} FROM "{table}" ORDER BY mailbox, uid'
        assert run(world.connection, sql, []) == world.oracle.run(sql)


def check(world: World, statement: Statement) -> None:
    sql, parameters, ordered = statement
    wanted = world.oracle.run(sql, parameters)
    got = run(world.connection, sql, parameters)
    if ordered:
        assert got == wanted
    else:
        assert in_any_order(got) == in_any_order(wanted)


def examples(server: str) -> int:
    wanted = settings.get_profile("short").max_examples
    loaded = settings().max_examples
    return loaded if loaded > wanted else 10 * wanted // FEWER_STATEMENTS.get(server, 1)


def check_many(world: World, made: st.SearchStrategy[Statement]) -> None:
    @settings(
        max_examples=examples(world.server),
        deadline=None,
        # The mailboxes differ from run to run of the suite (uids): nothing to replay.
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(statement=made)
    def agree(statement: Statement) -> None:
        check(world, statement)

    agree()


def test_random_statements_agree_with_sqlite(world: World) -> None:
    check_many(world, world.statements)


def test_random_conditions_on_text_agree_with_sqlite(world: World) -> None:
    check_many(world, world.text_statements)
