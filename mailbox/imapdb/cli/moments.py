"""Points in time as people write them, as the UTC text that date columns hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

__all__ = ["utc_text"]

_AGO = re.compile(r"(?P<count>\d{1,6})(?P<unit>[hdw])")


def utc_text(written: str, now: datetime) -> str:
    """Read `2026-11-01`, `2026-11-01T18:30`, `today`, `yesterday`, `36h`, `7d` or `2w`; give UTC text.

    A day means its first moment in the zone of this machine; so do days and weeks back. Hours back are counted from
    `now`. A time of day may name its offset (`18:30+02:00`, `18:30Z`). What comes back is
    `YYYY-MM-DD HH:MM:SS`, which compares as the moments do. Raises ValueError for anything else.
    """
    try:
        moment = _moment(written.strip().lower(), now).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{written!r} is no date: write 2026-11-01, 2026-11-01T18:30, today, yesterday, 36h, 7d or 2w"
        ) from None
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def _moment(written: str, now: datetime) -> datetime:
    today = now.astimezone().date()
    if written == "today":
        return _midnight(today)
    if written == "yesterday":
        return _midnight(today - timedelta(days=1))
    if ago := _AGO.fullmatch(written):
        count = int(ago["count"])
        if ago["unit"] == "h":
            return now - timedelta(hours=count)
        return _midnight(today - timedelta(days=count * (7 if ago["unit"] == "w" else 1)))
    try:
        return _midnight(date.fromisoformat(written))
    except ValueError:
        return datetime.fromisoformat(written.upper())


def _midnight(day: date) -> datetime:
    """Give the first moment of a day, without a zone: Python takes that for the zone of this machine."""
    return datetime.combine(day, time.min)
