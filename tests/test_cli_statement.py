"""What the options of `imapdb search` and its like become: known answers, no server."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from imapdb.cli.columns import BUILT_IN, column_names
from imapdb.cli.conditions import Conditions, octets
from imapdb.cli.moments import utc_text
from imapdb.cli.query import value_of
from imapdb.cli.statement import count, quoted, raw, select, uids
from imapdb.cli.uids import LARGEST, parse_uids
from imapdb.errors import ProgrammingError
from imapdb.sql.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_bare_search() -> None:
    assert select("INBOX", ["uid", "subject"], Conditions().term()) == (
        'SELECT "uid", "subject" FROM "INBOX" ORDER BY "created" DESC',
        [],
    )
    assert count("INBOX", Conditions().term()) == ('SELECT count(*) FROM "INBOX"', [])


EVERY = Conditions(
    seen=False,
    flagged=True,
    draft=False,
    deleted=False,
    recent=True,
    keyword=["$Forwarded"],
    no_keyword=["Junk"],
    sender=["ada", "lovelace"],
    to=["bob"],
    cc=["c"],
    bcc=["d"],
    reply_to=["e"],
    subject=["f"],
    message_id=["g"],
    list_id=["h"],
    not_sender=["i"],
    not_to=["j"],
    not_subject=["k"],
    text=["words"],
    since="2026-11-01 00:00:00",
    before="2026-11-02 00:00:00",
    sent_since="2026-10-01 00:00:00",
    sent_before="2026-10-02 00:00:00",
    larger=10,
    smaller=20,
    uid="1,5,10:20,100:*",
    where=["size % 2 = 0"],
)


def test_every_condition() -> None:
    sql, values = select("INBOX", ["uid"], EVERY.term(), order="subject", descending=False, limit=3)
    assert sql == (
        'SELECT "uid" FROM "INBOX" WHERE ("uid" IN (?, ?) OR "uid" BETWEEN ? AND ? OR "uid" >= ?)'
        ' AND "seen" = ? AND "flagged" = ? AND "draft" = ? AND "deleted" = ? AND "recent" = ?'
        ' AND has_flag("flags", ?) AND NOT has_flag("flags", ?)'
        ' AND "created" >= ? AND "created" < ? AND "sent" >= ? AND "sent" < ? AND "size" > ? AND "size" < ?'
        ' AND contains("sender", ?) AND contains("sender", ?) AND contains("to", ?) AND contains("cc", ?)'
        ' AND contains("bcc", ?) AND contains("reply_to", ?) AND contains("subject", ?) AND contains("message_id", ?)'
        ' AND contains("list_id", ?)'
        ' AND contains("sender", ?) IS NOT 1 AND contains("to", ?) IS NOT 1 AND contains("subject", ?) IS NOT 1'
        ' AND "email" MATCH ? AND (size % 2 = 0)'
        ' ORDER BY "subject" COLLATE NOCASE LIMIT ?'
    )
    assert values == [
        *(1, 5, 10, 20, 100, 0, 1, 0, 0, 1, "$Forwarded", "Junk"),
        *("2026-11-01 00:00:00", "2026-11-02 00:00:00", "2026-10-01 00:00:00", "2026-10-02 00:00:00", 10, 20),
        *("ada", "lovelace", "bob", "c", "d", "e", "f", "g", "h", "i", "j", "k", "words", 3),
    ]


def test_no_condition_is_forgotten() -> None:
    unset = Conditions()
    given = {field.name for field in dataclasses.fields(Conditions)} - {"any_of", "answered"}
    assert all(getattr(EVERY, name) != getattr(unset, name) for name in given)


def test_any_condition() -> None:
    asked = Conditions(seen=False, uid="1:2,5", where=["size > 3 OR cc IS NULL"], any_of=True)
    assert count("INBOX", asked.term()).text == (
        'SELECT count(*) FROM "INBOX" WHERE ("uid" IN (?) OR "uid" BETWEEN ? AND ?) OR "seen" = ?'
        " OR (size > 3 OR cc IS NULL)"
    )
    assert Conditions(text=["words"], subject=["x"], any_of=True).term().text == (
        'contains("subject", ?) OR "email" MATCH ?'
    )
    assert Conditions(any_of=True).term() == ("", [])


@pytest.mark.parametrize(
    "written",
    ["size > 1) OR (1", "(", ")", "1; DELETE FROM INBOX", "size = ?", "", " ", "-- nothing", "'a'' ' || (')'"],
)
def test_what_is_no_condition(written: str) -> None:
    if written == "-- nothing":
        # SQLite says so.
        assert raw(written).text == "(-- nothing\n)"
        return
    with pytest.raises(ValueError, match=r"not one condition|write values"):
        raw(written)


@pytest.mark.parametrize(
    "written",
    ["1", "subject = 'a)b;?'", '"to" = 1 -- (', "size /* ) */ > 1", "(1) OR (0)", "[uid] = 1", "`uid` = 1", "1 --"],
)
def test_a_condition_stays_within_its_parentheses(written: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE t (uid, subject, "to", size)')
    assert connection.execute(f"SELECT 1 FROM t WHERE 0 AND {raw(written).text} ORDER BY 1").fetchall() == []
    connection.close()


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("7", '"uid" IN (?)'),
        ("1:*", '"uid" >= ?'),
        ("1:2,5", '("uid" IN (?) OR "uid" BETWEEN ? AND ?)'),
    ],
)
def test_uid_conditions(written: str, condition: str) -> None:
    assert uids(parse_uids(written)).text == condition


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
    ("written", "size"),
    [("0", 0), ("1500", 1500), ("10k", 10240), ("2M", 2 * 1024**2), ("1g", 1024**3), ("10kB", 10240), ("1500b", 1500)],
)
def test_sizes(written: str, size: int) -> None:
    assert octets(written) == size


@pytest.mark.parametrize("written", ["", "k", "1.5k", "-1", "10 k", "10kib", "b", "٣"])
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


SHORT = ["uid", "seen", "created", "sender", "subject", "size"]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "imapdb").mkdir()
    return tmp_path / "imapdb" / "config.toml"


def test_column_names(settings: Path) -> None:
    assert column_names("uid, sender") == ["uid", "sender"]
    assert column_names("@short") == SHORT
    assert column_names("subject,@short,to") == ["subject", "uid", "seen", "created", "sender", "size", "to"]
    for written in ("uid,,sender", "", "@nope", "@"):
        with pytest.raises(typer.BadParameter):
            column_names(written)


def test_saved_columns(settings: Path) -> None:
    settings.write_text('[columns]\nmine = ["uid", "cc"]\nshort = ["uid"]\n', encoding="utf-8")
    assert column_names("@mine,size") == ["uid", "cc", "size"]
    assert column_names("@short") == ["uid"]
    with pytest.raises(typer.BadParameter, match="no set of columns @nope, only @short, @long, @flags, @mine"):
        column_names("@nope")


@pytest.mark.parametrize(
    "text", ["[columns", 'columns = "uid"', "[columns]\nmine = 5", '[columns]\nmine = [""]', "[columns]\nmine = []"]
)
def test_settings_that_cannot_be_read(settings: Path, text: str) -> None:
    settings.write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammingError, match=r"config\.toml"):
        column_names("@mine")


def test_the_built_in_sets_are_columns() -> None:
    assert {name for names in BUILT_IN.values() for name in names} <= {column.name for column in COLUMNS}
