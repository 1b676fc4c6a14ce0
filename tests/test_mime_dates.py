"""Date fields and INTERNALDATE to UTC."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime import dates

ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES).map(  # noqa: DTZ001 - bounds are naive by hypothesis' rule
    lambda moment: moment.replace(microsecond=0)
)
PIECES = st.sampled_from(
    [
        *b"Fri, Friday 20 1 31 Feb Nov november 2026 99 26 10:11:12 25:00 23:59:60 +0100 -0000 +2500".split(),
        *b"GMT EST Z ( ) (x) - . T pm".split(),
        *(b" ", b"\r\n ", b"\0", b"\xe4"),
    ]
)
MIXED = st.lists(PIECES, max_size=9).map(b" ".join) | st.lists(PIECES, max_size=12).map(b"".join) | st.binary()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - one line reads better


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Fri, 20 Nov 2026 10:11:12 +0100", "2026-11-20 09:11:12"),
        (b"20 Nov 2026 10:11:12 -0330", "2026-11-20 13:41:12"),
        (b"Fri, 20 Nov 2026 10:11:12 +0100 (CET)", "2026-11-20 09:11:12"),
        (b"Fri, 20 Nov 2026 10:11:12 +0100 (a (b) c)", "2026-11-20 09:11:12"),
        (b"Fri, 20 Nov 2026 10:11:12 +0100 (open", "2026-11-20 09:11:12"),
        (b"Fri,\r\n 20 NOV 2026\r\n 10:11:12 GMT", "2026-11-20 10:11:12"),
        # The example of RFC 5322 appendix A.6.3.
        (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21 15:55:06"),
        (b"20 Nov 2026 10:11:12 +0100 CET", "2026-11-20 09:11:12"),
        (b'20 Nov 2026 10:11:12 "GMT"', "2026-11-20 10:11:12"),
        (b"Fri Nov 20 10:11:12 +0100 2026", "2026-11-20 09:11:12"),
        (b"Fr, 20 Nov 2026 10:11 +0100", "2026-11-20 09:11:00"),
        (b"20 Nov 2026 10:11:12 -0000", "2026-11-20 10:11:12"),
        (b"20 Nov 2026 10:11 EST", "2026-11-20 15:11:00"),
        (b"20 Nov 2026 10:11:12 pdt", "2026-11-20 17:11:12"),
        (b"20 Nov 2026 10:11:12 A", "2026-11-20 10:11:12"),
        (b"20 Nov 2026 10:11:12 XYZ", "2026-11-20 10:11:12"),
        (b"20 Nov 2026 10:11:12", "2026-11-20 10:11:12"),
        (b"20 Nov 2026 10:11:12 GMT+01:00", "2026-11-20 09:11:12"),
        (b"20 Nov 2026 10:11:12 +1", "2026-11-20 09:11:12"),
        (b"20 Nov 2026 10:11:12 +100", "2026-11-20 09:11:12"),
        (b"Fri, 20 Nov 26 10:11:12 +0000", "2026-11-20 10:11:12"),
        (b"20 Nov 49 10:11:12 +0000", "2049-11-20 10:11:12"),
        (b"20 Nov 50 10:11:12 +0000", "1950-11-20 10:11:12"),
        (b"20 Nov 126 10:11:12 +0000", "2026-11-20 10:11:12"),
        (b"Fri Nov 20 10:11:12 2026", "2026-11-20 10:11:12"),
        (b"Fri Nov  1 10:11:12 PST 2026", "2026-11-01 18:11:12"),
        (b"November 20, 2026 10:11 pm", "2026-11-20 22:11:00"),
        (b"Friday, 1st November 2026 12:00 am", "2026-11-01 00:00:00"),
        (b"20-Nov-2026 GMT", "2026-11-20 00:00:00"),
        (b"2026-11-20T10:11:12.5+01:00", "2026-11-20 09:11:12"),
        (b"2026-11-20T10:11:12Z", "2026-11-20 10:11:12"),
        (b"2026-11-20 10:11", "2026-11-20 10:11:00"),
        (b"2026-11-20", "2026-11-20 00:00:00"),
        (b"31 Dec 2026 23:59:60 +0000", "2026-12-31 23:59:59"),
        (b"1 Jan 0002 00:00:00 +0000", "0002-01-01 00:00:00"),
        (b"32 Nov 2026 10:11:12 +0000", None),
        (b"30 Feb 2026 10:11:12 +0000", None),
        (b"20 Nov 2026 25:11:12 +0000", None),
        (b"20 Nov 2026 10:61:12 +0000", None),
        (b"20 Nov 2026 13:00 pm", None),
        (b"20 Nov 2026 10:11:12 +2500", None),
        (b"20 Nov 2026 10:11:12 +0060", None),
        (b"20 Foo 2026 10:11:12 +0000", None),
        (b"1 Jan 0001 00:00:00 +0100", None),
        (b"31 Dec 9999 23:00:00 -0100", None),
        (b"20 Nov 0000 10:11:12 +0000", None),
        (b"2026-13-01", None),
        (b"tomorrow", None),
        (b"", None),
    ],
)
def test_header_dates(raw: bytes, text: str | None) -> None:
    assert dates.sql_from_header(raw) == text
    moment = dates.parse(raw)
    assert moment == (text and datetime.fromisoformat(text).replace(tzinfo=UTC))
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"20-Nov-2026 10:11:12 +0100"', "2026-11-20 09:11:12"),
        (b" 1-Nov-2026 00:11:12 +0100", "2026-10-31 23:11:12"),
        (b'" 1-nov-2026 00:11:12 -0000"', "2026-11-01 00:11:12"),
        (b"1-Nov-2026 00:11:12 +0000", "2026-11-01 00:11:12"),
        (b"31-Nov-2026 00:11:12 +0000", None),
        (b"20-Nov-2026 24:00:00 +0000", None),
        (b"20-Nov-2026 10:11:12", None),
        (b"NIL", None),
    ],
)
def test_internal_dates(raw: bytes, text: str | None) -> None:
    assert dates.sql_from_internaldate(raw) == text
    assert dates.parse_internaldate(raw) == (text and datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC), "2026-11-20 10:11:12"),
        (datetime(2026, 11, 20, 10, 11, 12, 500, tzinfo=UTC), "2026-11-20 10:11:12.000500"),
        (datetime(26, 1, 2, tzinfo=UTC), "0026-01-02 00:00:00"),
        (datetime(2026, 11, 20, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2026-11-19 23:30:00"),
    ],
)
def test_sql_text(moment: datetime, text: str) -> None:
    assert dates.to_sql(moment) == text


def test_a_naive_datetime_is_local() -> None:
    local = datetime(2026, 11, 20, 10, 11, 12)  # noqa: DTZ001 - what is tested
    assert dates.to_sql(local) == dates.to_sql(local.astimezone(UTC))


@given(MOMENTS)
def test_dates_written_by_the_standard_library(moment: datetime) -> None:
    raw = email.utils.format_datetime(moment).encode()
    assert dates.parse(raw) == moment
    assert dates.sql_from_header(raw) == dates.to_sql(moment)


@given(MOMENTS)
def test_internal_dates_of_any_moment(moment: datetime) -> None:
    year = f"{moment.year:04}"
    raw = f"{moment.day:2}-{MONTHS[moment.month - 1]}-{year} {moment:%H:%M:%S %z}"
    assert dates.parse_internaldate(raw.encode()) == moment


@given(MOMENTS)
def test_iso_dates_of_any_moment(moment: datetime) -> None:
    assert dates.parse(moment.isoformat().encode()) == moment


@given(MIXED)
def test_never_fails(raw: bytes) -> None:
    text = dates.sql_from_header(raw)
    assert text is None or datetime.fromisoformat(text).isoformat(" ") == text
    assert dates.parse_internaldate(raw) is None or dates.sql_from_internaldate(raw) is not None


@given(MIXED | MOMENTS.map(lambda moment: email.utils.format_datetime(moment).encode()))
def test_fast_and_general_agree(raw: bytes) -> None:
    if common := dates._COMMON.fullmatch(raw):
        moment = dates._general(raw)
        assert dates._sql(*common.groups()) == (moment and str(moment))
    known = dates._known(raw.strip(), dates._HEADER_DAYS)
    assert known is None or known == str(dates._general(raw))


@given(MOMENTS)
def test_a_day_that_is_known_and_one_that_is_not_read_alike(moment: datetime) -> None:
    raw = email.utils.format_datetime(moment).encode()
    first = dates.sql_from_header(raw)
    assert dates.sql_from_header(b" " + raw + b"\r\n") == first
    assert dates._HEADER_DAYS[raw[:-15] + raw[-5:]] == dates._Days(dates._COMMON)[raw[:-15] + raw[-5:]]


@pytest.mark.parametrize("unit", [b"(", b"()", b" ", b"1", b"a", b"20 Nov ", b"+01", b"\n"])
def test_a_megabyte_of_one_pattern_is_no_date(unit: bytes) -> None:
    assert dates.parse(unit * (1_000_000 // len(unit))) is None
    assert dates.parse(unit * (990 // len(unit))) is None
    assert dates.parse_internaldate(unit * (1_000_000 // len(unit))) is None
