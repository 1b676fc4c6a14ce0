"""Terms on dates. SEARCH knows days only, in a zone of the server's choosing, so every bound is widened."""

from __future__ import annotations

import calendar
import dataclasses
import datetime
import re
from typing import TYPE_CHECKING, Final

from imapdb.imap import keys
from imapdb.sql.narrowing import COMPARISONS, EVERY, Narrowing

if TYPE_CHECKING:
    from imapdb.imap.keys import Key
    from imapdb.imap.profiles import Profile
    from imapdb.sql.values import SQLValue

__all__ = ["DateTerm", "SentTerm"]

# Servers keep times in 32 bits here and there, and clamp; the years at the ends would be widened across.
FIRST_YEAR, LAST_YEAR = 1970, 2037
MOST_DAYS = 20
DECEMBER: Final = 12

_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
# A pattern whose first wildcard stands where the month, or the day, would begin.
_PERIODS: Final = {
    "LIKE": re.compile(r"(\d{4})-(?:(\d\d)-)?[%_]", re.ASCII),
    "GLOB": re.compile(r"(\d{4})-(?:(\d\d)-)?[*?\[]", re.ASCII),
}
_FROM: Final = frozenset({"=", "IS", ">", ">=", "LIKE", "GLOB"})
_TO: Final = frozenset({"=", "IS", "<", "<=", "LIKE", "GLOB"})


@dataclasses.dataclass(frozen=True, slots=True)
class DateTerm:
    """INTERNALDATE. The server's zone is at most a day away from UTC: one day more on each side is enough."""

    exact: bool = False
    operators: frozenset[str] = COMPARISONS | {"LIKE", "GLOB"}
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison with a text that begins with a date, or a pattern that does or names a month or year.

        Anything else narrows nothing.
        """
        days = _days(operator, value)
        return EVERY if days is None else self._between(operator, *days, profile)

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN: each day where there are few, else the days from the first to the last."""
        days = {_day(value) for value in values if value is not None}
        known = sorted(day for day in days if day is not None)
        if len(known) < len(days) or not known:
            return EVERY
        if len(known) > MOST_DAYS:
            return self._between("=", known[0], known[-1], profile)
        found = [self._between("=", day, day, profile).key for day in known]
        return Narrowing(key=keys.either(key or keys.ALL for key in found))

    def _between(self, operator: str, first: datetime.date, last: datetime.date, profile: Profile) -> Narrowing:
        wanted = []
        if operator in _FROM:
            wanted.append(self._since(first, profile))
        if operator in _TO:
            wanted.append(self._until(last, profile))
        return Narrowing(key=keys.both(wanted))

    def _since(self, day: datetime.date, profile: Profile) -> Key:
        return keys.since(day - datetime.timedelta(days=1)) if profile.finds_arrival else keys.ALL

    def _until(self, day: datetime.date, profile: Profile) -> Key:
        return keys.before(day + datetime.timedelta(days=2)) if profile.finds_arrival else keys.ALL


@dataclasses.dataclass(frozen=True, slots=True)
class SentTerm(DateTerm):
    """The Date header, with two days more on each side: one for its zone, one for servers that move it to their own.

    Dates that a server cannot read and imapdb can (asctime, obsolete zones) are found beside them; where nobody proved
    that a server lets them be found, nothing is asked.
    """

    def _since(self, day: datetime.date, profile: Profile) -> Key:
        return _or([keys.sent_since(day - datetime.timedelta(days=2)), keys.undated()], profile)

    def _until(self, day: datetime.date, profile: Profile) -> Key:
        wanted = keys.sent_before(day + datetime.timedelta(days=3))
        return _or([wanted, keys.undated(), keys.overdated()], profile)


def _or(wanted: list[Key], profile: Profile) -> Key:
    return keys.either(wanted) if profile.finds_undated else keys.ALL


def _days(operator: str, value: SQLValue) -> tuple[datetime.date, datetime.date] | None:
    """Give the first and the last day a text or pattern is about."""
    day = _day(value)
    if day is not None:
        return day, day
    match = _PERIODS[operator].match(value) if operator in _PERIODS and isinstance(value, str) else None
    if match is None:
        return None
    year, month = int(match[1]), int(match[2] or 0)
    if not FIRST_YEAR < year < LAST_YEAR or not (match[2] is None or 1 <= month <= DECEMBER):
        return None
    first, last = (1, DECEMBER) if match[2] is None else (month, month)
    return datetime.date(year, first, 1), datetime.date(year, last, calendar.monthrange(year, last)[1])


def _day(value: SQLValue) -> datetime.date | None:
    match = _DAY.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    if not FIRST_YEAR < year < LAST_YEAR:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
