"""What SQLAlchemy takes for no text is searched as text all the same, and reads as what it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import imapdb
from imapdb.sql.types import JSONText, MessageOctets, _read, read_json

if TYPE_CHECKING:
    from tests.kit.servers import Login


def test_the_text_of_octets_and_json_is_searched(dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", b"Subject: a\r\n\r\nthe budget of all\r\n", ["\\Flagged", "Junk"])
    with imapdb.connect(dovecot_login.url()) as db:
        inbox = db.INBOX
        for condition, count in (
            (inbox.email.match("budget"), 1),
            (inbox.email.match("nothing"), 0),
            (inbox.flags.contains("Junk"), 1),
            (~inbox.flags.contains("Junk"), 0),
            (inbox.flags.like("%Flag%"), 1),
            (inbox.flags.icontains("JUNK"), 1),
            (inbox.headers.contains("subject"), 1),
            (inbox.headers["subject"].as_string() == "a", 1),
        ):
            assert db(condition).count() == count, condition


def test_reflected_columns_have_these_types_too(dovecot_login: Login) -> None:
    engine = sa.create_engine(dovecot_login.url())
    with engine.connect() as connection:
        columns = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("INBOX")}
    assert isinstance(columns["flags"], JSONText)
    assert isinstance(columns["email"], MessageOctets)
    engine.dispose()


@pytest.mark.parametrize(
    "text", ["2026-11-20 10:11:12", "2026-11-20T10:11+01", "20261120T1011+01:00", "2026-11-20", "2026-11-20 10:11:12.5"]
)
def test_moments_of_any_form_are_read(text: str) -> None:
    plain = datetime.fromisoformat(text)
    assert _read(text) == (plain if plain.tzinfo else plain.replace(tzinfo=UTC))


@pytest.mark.parametrize("value", [["a", "b"], [], ["a", 1], [["a"]], {"a": "b"}, "a", None, 5, ["x" * 300]])
def test_json_is_read_anew_each_time(value: object) -> None:
    text = json.dumps(value)
    first = read_json(text)
    assert first == value
    if isinstance(first, list):
        first.append("changed")
    assert read_json(text) == value
