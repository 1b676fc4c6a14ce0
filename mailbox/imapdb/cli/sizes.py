"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["counted", "human"]

_KILO = 1000
_UNITS = ("kB", "MB", "GB", "TB")


def human(octets: int | None) -> str:
    """Write a size: `312 octets`, `34 kB`, `1.2 MB`."""
    if octets is None:
        return "size unknown"
    if octets < _KILO:
        return counted(octets, "octet")
    value, place = octets / _KILO, 0
    while value >= _KILO and place < len(_UNITS) - 1:
        value, place = value / _KILO, place + 1
    return f"{value:,.{1 if place else 0}f} {_UNITS[place]}"


def counted(number: int, what: str) -> str:
    """Write how many there are of something: `1 message`, `1,234 messages`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
