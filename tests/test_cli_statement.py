"""What the options of `imapdb search` become: known answers, no server."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from imapdb.cli.moments import utc_text
from imapdb.cli.query import value_of
from imapdb.cli.search import names, octets
from imapdb.cli.statement import Search, quoted
from imapdb.cli.uids import LARGEST, parse_uids

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_bare_search() -> None:
    assert Search("INBOX").sql() == (
        'SELECT "uid", "seen", "created", "sender", "subject", "size" FROM "INBOX" ORDER BY "created" DESC',
        [],
    )


def test_every_condition() -> None:
    sql, values = Search(
        "INBOX",
        columns=["uid"],
        flags=[("seen", False), ("flagged", True), ("answered", None)],
        texts=[("sender", "ada"), ("to", "bob"), ("sender", "lovelace")],
        since="2026-11-01 00:00:00",
        before="2026-11-02 00:00:00",
        larger=10,
        smaller=20,
        uids=[(1, 1), (5, 5), (10, 20), (100, LARGEST)],
        order="subject",
        descending=False,
        limit=3,
    ).sql()
    assert sql == (
        'SELECT "uid" FROM "INBOX" WHERE ("uid" IN (?, ?) OR "uid" BETWEEN ? AND ? OR "uid" >= ?)'
        ' AND "seen" = ? AND "flagged" = ? AND "created" >= ? AND "created" < ? AND "size" > ? AND "size" < ?'
        ' AND contains("sender", ?) AND contains("to", ?) AND contains("sender", ?)'
        ' ORDER BY "subject" COLLATE NOCASE LIMIT ?'
    )
    assert values == [
        *(1, 5, 10, 20, 100),
        *(0, 1, "2026-11-01 00:00:00", "2026-11-02 00:00:00", 10, 20),
        *("ada", "bob", "lovelace", 3),
    ]


@pytest.mark.parametrize(
    ("uids", "condition"),
    [
        ([(7, 7)], '"uid" IN (?)'),
        ([(1, LARGEST)], '"uid" >= ?'),
        ([(1, 2), (5, 5)], '("uid" IN (?) OR "uid" BETWEEN ? AND ?)'),
    ],
)
def test_uid_conditions(uids: list[tuple[int, int]], condition: str) -> None:
    sql, _ = Search("INBOX", uids=uids).sql()
    assert f" WHERE {condition} ORDER" in sql


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_name_is_one_identifier(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({quoted('x' + name)})")
    found = connection.execute("SELECT name FROM pragma_table_info('t')").fetchall()
    connection.close()
    assert found == [("x" + name,)]


@pytest.mark.parametrize(
    ("written", "ranges"),
    [
        ("7", [(7, 7)]),
        ("1,5,10:20,100:*", [(1, 1), (5, 5), (10, 20), (100, LARGEST)]),
        ("20:10", [(10, 20)]),
        ("*:100", [(100, LARGEST)]),
        ("1:3,2:8,9", [(1, 9)]),
        (" 3 , 1 ", [(1, 1), (3, 3)]),
    ],
)
def test_uids(written: str, ranges: list[tuple[int, int]]) -> None:
    assert parse_uids(written) == ranges


@pytest.mark.parametrize("written", ["", "0", "a", "1,,2", "1:2:3", "-1", "4294967296", "٣", "*", "1;DROP TABLE x"])
def test_what_is_no_uid(written: str) -> None:
    with pytest.raises(ValueError, match="uid"):
        parse_uids(written)


def test_more_ranges_than_sqlite_takes() -> None:
    with pytest.raises(ValueError, match="more than 900"):
        parse_uids(",".join(str(2 * number + 1) for number in range(901)))


@pytest.mark.parametrize(
    ("written", "size"), [("0", 0), ("1500", 1500), ("10k", 10240), ("2M", 2 * 1024**2), ("1g", 1024**3)]
)
def test_sizes(written: str, size: int) -> None:
    assert octets(written) == size


@pytest.mark.parametrize("written", ["", "k", "1.5k", "-1", "10 k", "10kb", "٣"])
def test_what_is_no_size(written: str) -> None:
    with pytest.raises(typer.BadParameter):
        octets(written)


@pytest.mark.parametrize("zone", ["Europe/Berlin"], indirect=True)
@pytest.mark.parametrize(
    ("written", "text"),
    [
        # in Berlin it is already the 21st
        ("today", "2026-11-20 23:00:00"),
        ("Yesterday", "2026-11-19 23:00:00"),
        ("7d", "2026-11-13 23:00:00"),
        ("2w", "2026-11-06 23:00:00"),
        ("36h", "2026-11-19 11:30:00"),
        ("2026-11-01", "2026-10-31 23:00:00"),
        # summer time
        ("2026-07-01", "2026-06-30 22:00:00"),
        ("2026-11-01T18:30", "2026-11-01 17:30:00"),
        ("2026-11-01 18:30:15", "2026-11-01 17:30:15"),
        ("2026-11-01T18:30Z", "2026-11-01 18:30:00"),
        ("2026-11-01T18:30-05:00", "2026-11-01 23:30:00"),
    ],
)
def test_moments(zone: None, written: str, text: str) -> None:
    assert utc_text(written, NOW) == text


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"], indirect=True)
@pytest.mark.parametrize("written", ["", "nope", "7", "7y", "-7d", "2026-13-01", "0001-01-01", "9999-12-31", "999999d"])
def test_what_is_no_moment(zone: None, written: str) -> None:
    try:
        text = utc_text(written, NOW)
    except ValueError as error:
        assert "is no date" in str(error)  # noqa: PT017 - whether the extremes overflow is a matter of the zone
    else:
        assert written in ("0001-01-01", "9999-12-31")
        assert len(text) == 19


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("-12", -12),
        ("0", 0),
        ("007", "007"),
        ("1e5", "1e5"),
        ("٣", "٣"),
        ("-0", "-0"),
        ("", ""),
        ("9" * 30, "9" * 30),
    ],
)
def test_parameters(written: str, value: object) -> None:
    assert value_of(written) == value


def test_column_names() -> None:
    assert names("uid, sender") == ["uid", "sender"]
    with pytest.raises(typer.BadParameter):
        names("uid,,sender")
