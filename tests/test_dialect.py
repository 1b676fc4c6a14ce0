"""The SQLAlchemy dialect: URLs, reflection, text operators, isolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from imapdb import errors
from imapdb.sql.columns import COLUMNS, MAILBOX_COLUMNS
from imapdb.sql.types import UTCDateTime
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.servers import Login

SUBJECTS = ("50% off", "500 off", "under_score", "underXscore", "Straße", "STRASSE", "back\\slash", "a/b")


@pytest.fixture
def engine(dovecot_login: Login) -> Iterator[sa.Engine]:
    for subject in SUBJECTS:
        dovecot_login.append("INBOX", f"Subject: {subject}\r\n\r\nx\r\n".encode())
    dovecot_login.create("Archive/2024")
    made = sa.create_engine(dovecot_login.url())
    yield made
    made.dispose()


def test_urls_reach_the_account(dovecot_login: Login) -> None:
    for url in (dovecot_login.url(), dovecot_login.url("imaps"), dovecot_login.url(timeout="5")):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM INBOX")).scalar() == 0
        engine.dispose()
    for wrong in ("imap://u:p@127.0.0.1/INBOX", "imap://u:p@127.0.0.1/?nosuch=1"):
        with pytest.raises(errors.ProgrammingError), sa.create_engine(wrong).connect():
            pass


def test_the_pool_keeps_one_session_and_allows_four_more() -> None:
    made = sa.create_engine("imap://nobody:secret@127.0.0.1:9/").pool
    assert isinstance(made, sa.pool.QueuePool)
    assert (made.size(), made._max_overflow) == (1, 4)
    larger = sa.create_engine("imap://nobody:secret@127.0.0.1:9/", pool_size=3).pool
    assert isinstance(larger, sa.pool.QueuePool)
    assert larger.size() == 3


def test_connecting_asks_nothing(dovecot_login: Login) -> None:
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        engine = sa.create_engine(dovecot_login.through(proxy).url())
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        assert proxy.commands == []
        engine.dispose()


def test_reflection(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert inspector.get_table_names() == ["INBOX", "Archive/2024", "messages", "mailboxes", "attachments"]
    assert inspector.has_table("Archive/2024")
    assert inspector.has_table("inbox")
    assert not inspector.has_table("nowhere")
    table = sa.Table("INBOX", sa.MetaData(), autoload_with=engine)
    assert [column.name for column in table.columns] == [column.name for column in COLUMNS]
    assert [column.name for column in table.primary_key] == ["uid"]
    assert isinstance(table.c.created.type, UTCDateTime)
    assert isinstance(table.c.seen.type, sa.Boolean)
    everything = sa.Table("messages", sa.MetaData(), autoload_with=engine)
    assert {column.name for column in everything.primary_key} == {"mailbox", "uid"}
    listed = sa.Table("mailboxes", sa.MetaData(), autoload_with=engine)
    assert [column.name for column in listed.columns] == [column.name for column in MAILBOX_COLUMNS]
    assert inspector.get_indexes("INBOX") == []
    assert inspector.get_foreign_keys("INBOX") == []
    with pytest.raises(sa.exc.NoSuchTableError):
        sa.Table("nowhere", sa.MetaData(), autoload_with=engine)


def test_reflection_of_an_attached_file(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("ATTACH ? AS crm", (str(tmp_path / "crm.db"),))
        connection.exec_driver_sql("CREATE TABLE crm.person (id INTEGER PRIMARY KEY, address TEXT UNIQUE)")
        inspector = sa.inspect(connection)
        assert inspector.get_table_names(schema="crm") == ["person"]
        table = sa.Table("person", sa.MetaData(), schema="crm", autoload_with=connection)
        assert [column.name for column in table.primary_key] == ["id"]


@pytest.mark.parametrize(
    ("method", "value", "options", "expected"),
    [
        ("contains", "50%", {}, ["50% off"]),
        ("contains", "50%", {"autoescape": True}, ["50% off"]),
        ("contains", "R_S", {}, ["under_score"]),
        ("contains", "strasse", {}, ["Straße", "STRASSE"]),
        ("contains", "a/b", {"autoescape": True}, ["a/b"]),
        ("contains", "\\", {}, ["back\\slash"]),
        ("icontains", "SCORE", {}, ["under_score", "underXscore"]),
        ("startswith", "UNDER", {}, ["under_score", "underXscore"]),
        ("endswith", "OFF", {}, ["50% off", "500 off"]),
        ("like", "under_score", {}, ["under_score", "underXscore"]),
        ("like", "under/_score", {"escape": "/"}, ["under_score"]),
        ("ilike", "STRA%", {}, ["Straße", "STRASSE"]),
        ("ilike", "50/%%", {"escape": "/"}, ["50% off"]),
        ("ilike", "%\\\\%", {"escape": "\\"}, ["back\\slash"]),
    ],
)
def test_text_operators_and_their_negation(
    engine: sa.Engine, method: str, value: str, options: dict[str, object], expected: list[str]
) -> None:
    table = sa.Table("INBOX", sa.MetaData(), autoload_with=engine)
    condition = getattr(table.c.subject, method)(value, **options)
    with engine.connect() as connection:
        query = sa.select(table.c.subject).order_by(table.c.uid)
        assert list(connection.execute(query.where(condition)).scalars()) == expected
        rest = [subject for subject in SUBJECTS if subject not in expected]
        assert list(connection.execute(query.where(sa.not_(condition))).scalars()) == rest


def test_server_errors_come_as_sqlalchemys_with_ours_inside(dovecot_login: Login) -> None:
    engine = sa.create_engine(dovecot_login.url())
    with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError) as caught:
        connection.execute(sa.text("SELECT nosuch FROM INBOX"))
    assert isinstance(caught.value.orig, errors.ProgrammingError)
    engine.dispose()
    wrong = sa.create_engine("imap://nobody:secret@127.0.0.1:9/")
    with wrong.connect() as connection, pytest.raises(sa.exc.OperationalError) as refused:
        connection.execute(sa.text("SELECT * FROM INBOX"))
    assert isinstance(refused.value.orig, errors.ConnectionFailed)
    assert "secret" not in str(refused.value)


def test_autocommit_and_ping(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"
        connection.rollback()
        auto = connection.execution_options(isolation_level="AUTOCOMMIT")
        assert auto.get_isolation_level() == "AUTOCOMMIT"
        assert auto.execute(sa.text("SELECT count(*) FROM INBOX")).scalar() == len(SUBJECTS)
        dbapi_connection = connection.connection.dbapi_connection
        assert dbapi_connection is not None
        assert engine.dialect.do_ping(dbapi_connection)
