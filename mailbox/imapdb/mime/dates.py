"""Date fields and INTERNALDATE to UTC (RFC 5322 sections 3.3 and 4.3, RFC 9051 section 9 `date-time`).

A date is whole seconds in UTC. As text it is `YYYY-MM-DD HH:MM:SS`, which sorts, compares and is what SQLite's own
date functions read.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

__all__ = [
    "FIRST_SENT",
    "LAST_SENT",
    "parse",
    "parse_internaldate",
    "sql_from_header",
    "sql_from_internaldate",
    "to_sql",
]

# What 32 bits hold, with a sign or without. No mail was sent outside of these years, whatever it says; and Dovecot 2.3,
# which keeps no more of a date, finds 1900 in 2036.
FIRST_SENT, LAST_SENT = "1902", "2106"

_MONTH_NAMES: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
# Every spelling by its octets: Nov, nov, NOV, and the same for longer beginnings (Sept, November).
_MONTHS: Final = {
    spelling.encode(): number
    for number, name in enumerate(_MONTH_NAMES, 1)
    for length in range(3, len(name) + 1)
    for spelling in (name[:length], name[:length].title(), name[:length].upper())
}
_HOURS_OF_ZONE: Final = {b"est": -5, b"edt": -4, b"cst": -6, b"cdt": -5, b"mst": -7, b"mdt": -6, b"pst": -8, b"pdt": -7}

_TIME: Final = rb"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)"  # other hours and seconds go the general way
_COMMON: Final = re.compile(
    rb"\s*+(?:[A-Za-z]{3}, *+)?(\d\d?) ([A-Za-z]{3}) (\d{4}) "
    + _TIME
    + rb" ([+-]\d{4}|GMT|UTC?|Z)(?: \([A-Za-z]*+\))?\s*+"
)
_INTERNAL: Final = re.compile(rb'"?([ \d]?\d)-([A-Za-z]{3})-(\d{4}) ' + _TIME + rb' ([+-]\d{4})"?')

_USUAL: Final = 40  # octets; longer ones are not worth a cache
_MOST_DAYS: Final = 8192
_ONE_DAY: Final = timedelta(days=1)
_MINUTES: Final = re.compile(rb":[0-5]\d:[0-5]\d ")
_DIGITS: Final = tuple(f"{hour:02}" for hour in range(24))
_HOURS: Final = {f" {digits}".encode(): hour for hour, digits in enumerate(_DIGITS)}

_LONGEST: Final = 998  # octets; RFC 5322 section 2.1.1 allows no longer line, and a date has no reason to fold
_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_GAPS: Final = re.compile(rb'[\x00-\x20",\x7f]++')
_COLONS: Final = re.compile(rb" ?: ?")
_CLOCK: Final = rb"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:\.\d++)?)? ?(?P<half>[ap]m)?"
_ZONE: Final = rb" ?(?P<zone>[a-z]*+ ?(?:[+-]\d{1,2}(?::?\d{2})? ?)?[a-z]*+)"
_WEEKDAY: Final = rb"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*+\.? ?)?"
_SHAPES: Final = (
    # 20 Nov 2026 10:11 EST · 20-Nov-26 GMT · Friday, 1st November 2026
    re.compile(
        rb"(?:[a-z]++\.? ?)?(?P<day>\d{1,2})(?:st|nd|rd|th)?[ .-]*+(?P<month>[a-z]{3,9})[ .-]*+(?P<year>\d{2,4})"
        rb"(?: " + _CLOCK + rb")?" + _ZONE
    ),
    # Fri Nov 20 10:11:12 2026 · Fri Nov 20 10:11:12 CET 2026 · Nov 20 10:11:12 2026 +0100
    re.compile(
        _WEEKDAY + rb"(?P<month>[a-z]{3,9})\.? (?P<day>\d{1,2}) " + _CLOCK + rb"(?: (?P<before>[a-z]++|[+-]\d{4}))? "
        rb"(?P<year>\d{4})" + _ZONE
    ),
    # November 20, 2026 10:11
    re.compile(
        _WEEKDAY + rb"(?P<month>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)? (?P<year>\d{4})"
        rb"(?: " + _CLOCK + rb")?" + _ZONE
    ),
    # 2026-11-20T10:11:12.5+01:00
    re.compile(rb"(?P<year>\d{4})[/-](?P<month>\d\d)[/-](?P<day>\d\d)(?:[ t]" + _CLOCK + rb")?" + _ZONE),
)
_OFFSET: Final = re.compile(rb"([+-])(\d{1,2}?):?(\d{2})?(?!\d)")  # +1, +01, +100, +0100, +01:00


class _Days(dict[bytes, tuple[str, str, str, int] | None]):
    """Days by how a message writes them with their zone: the day before, the day, the next, and how many hours ahead.

    None for what is no day of this form, or has a zone that is not whole hours ahead.
    """

    def __init__(self, form: re.Pattern[bytes]) -> None:
        self._form = form

    def __missing__(self, written: bytes) -> tuple[str, str, str, int] | None:
        if len(self) >= _MOST_DAYS:
            self.clear()
        found = self._form.fullmatch(written[:-5] + b" 00:00:00 " + written[-5:])
        day = self[written] = None if found is None else self._read(*found.groups())
        return day

    @staticmethod
    def _read(day: bytes, month: bytes, year: bytes, _: bytes, zone: bytes) -> tuple[str, str, str, int] | None:
        try:
            local = date(int(year), _month(month), int(day))
            ahead, minutes = divmod(_offset(zone), timedelta(hours=1))
            days = _beginning(local - _ONE_DAY), _beginning(local), _beginning(local + _ONE_DAY)
        except (ValueError, OverflowError):
            return None
        return None if minutes else (*days, ahead)


@lru_cache(maxsize=4096)
def _beginning(day: date) -> str:
    """Write a day as the beginning of a moment: the same one for all zones."""
    return f"{day} "


class _Clocks(dict[bytes, str | None]):
    """What `:MM:SS` and a blank stand for; None for what is none."""

    def __missing__(self, written: bytes) -> str | None:
        if not _MINUTES.fullmatch(written):
            return None
        text = self[written] = written[:-1].decode("ascii")
        return text


_HEADER_DAYS: Final = _Days(_COMMON)
_INTERNAL_DAYS: Final = _Days(_INTERNAL)
_CLOCKS: Final = _Clocks()


def parse(raw: bytes) -> datetime | None:
    """Read the raw value of a Date field as an aware datetime in UTC, whole seconds.

    Besides RFC 5322 and its obsolete forms: asctime, RFC 3339, missing weekdays, seconds, times and zones. A zone name
    that RFC 5322 section 4.3 gives no meaning is UTC, as it says. None for what is no date: no such day or hour, an
    offset of a day or more, a year before 1 or after 9999 in UTC. A leap second is the second before it.
    """
    text = sql_from_header(raw)
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def sql_from_header(raw: bytes) -> str | None:
    """Read the raw value of a Date field as UTC text `YYYY-MM-DD HH:MM:SS`; None as for `parse`."""
    raw = raw.strip()
    if (text := _known(raw, _HEADER_DAYS)) is not None:
        return text
    common = _COMMON.fullmatch(raw)
    if common is None:
        moment = _general(raw)
        return None if moment is None else str(moment)
    return _sql(*common.groups())


def parse_internaldate(raw: bytes) -> datetime | None:
    """Read an INTERNALDATE (`20-Nov-2026 10:11:12 +0100`, with or without its quotes) as an aware datetime in UTC.

    None for what is no such date.
    """
    text = sql_from_internaldate(raw)
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def sql_from_internaldate(raw: bytes) -> str | None:
    """Read an INTERNALDATE as UTC text `YYYY-MM-DD HH:MM:SS`; None for what is no such date."""
    if (text := _known(raw, _INTERNAL_DAYS)) is not None:
        return text
    found = _INTERNAL.fullmatch(raw)
    return None if found is None else _sql(*found.groups())


def to_sql(moment: datetime) -> str:
    """Give `moment` as UTC text `YYYY-MM-DD HH:MM:SS`, with `.ffffff` only where there is a fraction of a second.

    A naive datetime is local time. OverflowError for one whose year in UTC is not between 1 and 9999.
    """
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def _known(raw: bytes, days: _Days) -> str | None:
    """Read a date that ends in ` HH:MM:SS +ZZ00`, of a day known from other dates; None for any other."""
    if len(raw) > _USUAL:
        return None
    day, hour, clock = days[raw[:-15] + raw[-5:]], _HOURS.get(raw[-15:-12]), _CLOCKS[raw[-12:-5]]
    if day is None or hour is None or clock is None:
        return None
    before, same, after, ahead = day
    if ahead:
        hour -= ahead
        if hour < 0:
            same, hour = before, hour + 24
        elif hour > 23:  # noqa: PLR2004 - a clock has no more
            same, hour = after, hour - 24
    return same + _DIGITS[hour] + clock


def _sql(day: bytes, month: bytes, year: bytes, time: bytes, zone: bytes) -> str | None:
    """Put the parts of a date of a fixed shape together: built as text, since that is what is wanted most."""
    try:
        text = _day(day, month, year) + time.decode("ascii")
        offset = _offset(zone)
        return str(datetime.fromisoformat(text) - offset) if offset else text
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=8192)
def _day(day: bytes, month: bytes, year: bytes) -> str:
    """Give `YYYY-MM-DD ` with its blank; ValueError if there is no such day."""
    return f"{date(int(year), _month(month), int(day))} "


def _moment(  # noqa: PLR0917 - the six numbers of a date and its zone, straight from the pattern
    day: bytes, month: bytes, year: bytes, hour: bytes, minute: bytes, second: bytes, zone: bytes
) -> datetime | None:
    """Put the parts of a date together as naive UTC; None where there is no such date."""
    try:
        if second == b"60":
            second = b"59"
        offset = _offset(zone)
        local = datetime(  # noqa: DTZ001 - naive UTC, so that its text has no suffix
            int(year), _month(month), int(day), int(hour), int(minute), int(second)
        )
        return local - offset if offset else local
    except (ValueError, OverflowError):
        return None


def _month(name: bytes) -> int:
    number = _MONTHS.get(name) or _MONTHS.get(name.lower())
    if number is None:
        raise ValueError(name)
    return number


@lru_cache(maxsize=512)
def _offset(zone: bytes) -> timedelta:
    """Give how far a zone (in lower case) is ahead of UTC; ValueError if it is a day or more."""
    numeric = _OFFSET.search(zone)
    if numeric is None:
        return timedelta(hours=_HOURS_OF_ZONE.get(zone.strip(), 0))
    sign, hours, minutes = numeric.groups(b"0")
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004 - a clock has no more
        raise ValueError(zone)
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return ahead if sign == b"+" else -ahead


def _general(raw: bytes) -> datetime | None:
    """Read a date of any other shape; naive UTC."""
    if len(raw) > _LONGEST:
        return None
    text = raw
    while text != (shorter := _COMMENT.sub(b" ", text)):  # one level of nesting each time; the length is bounded
        text = shorter
    text = _COLONS.sub(b":", _GAPS.sub(b" ", text.partition(b"(")[0])).strip().lower()
    for shape in _SHAPES:
        if found := shape.fullmatch(text):
            return _from_parts(found.groupdict())
    return None


def _from_parts(parts: dict[str, bytes | None]) -> datetime | None:
    month, year = parts["month"] or b"", parts["year"] or b""
    if month.isdigit():
        month = _MONTH_NAMES[int(month) - 1][:3].encode() if 1 <= int(month) <= len(_MONTH_NAMES) else b""
    hour = parts["hour"] or b"0"
    if half := parts["half"]:
        if not 1 <= int(hour) <= 12:  # noqa: PLR2004 - 13 pm is no hour
            return None
        hour = b"%d" % (int(hour) % 12 + (12 if half == b"pm" else 0))
    zone = parts["zone"] or parts.get("before") or b""
    return _moment(
        parts["day"] or b"", month, _full_year(year), hour, parts["minute"] or b"0", parts["second"] or b"0", zone
    )


def _full_year(year: bytes) -> bytes:
    """Give the year that fewer than four digits mean (RFC 5322 section 4.3)."""
    if len(year) == 2:  # noqa: PLR2004 - 00 to 49 are this century, as the RFC says
        return (b"20" if year < b"50" else b"19") + year
    if len(year) == 3:  # noqa: PLR2004 - years since 1900, as some programs of the year 2000 wrote
        return b"%d" % (1900 + int(year))
    return year
