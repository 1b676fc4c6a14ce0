"""What is wrong with the Date of a message: what of it cannot be read, and what of it is a guess."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from imapdb.mime import dates

if TYPE_CHECKING:
    from imapdb.mime.parameters import Note

__all__ = ["note_date"]

_ZONES: Final = rb"[+-]\d{4}|GMT|UTC?|Z|[ECMP][SD]T"
_GOOD: Final = re.compile(
    rb"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), *+)?\d\d? [A-Za-z]{3} \d{4} \d\d?:\d\d(?::\d\d)? "
    rb"(?:" + _ZONES + rb")(?: \([^()]*+\))?",
    re.IGNORECASE,
)

_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_GAPS: Final = re.compile(rb"[\x00-\x20,\x7f]++")
_COLONS: Final = re.compile(rb" ?: ?")
_WRITTEN: Final = re.compile(
    rb"(?:(?:mon|tue|wed|thu|fri|sat|sun) ?)?\d{1,2} [a-z]{3} \d{2,4} \d{1,2}:\d\d(?::\d\d)?"
    rb"(?: ?(?:[+-]\d{4}|[a-z]++))?"
)
_CLOCK: Final = re.compile(rb"\d{1,2}[:.]\d\d(?:[:.]\d\d(?:\.\d++)?)?")
_HALF: Final = re.compile(rb"\A ?[ap]m\b")
_SHORT_YEAR: Final = re.compile(rb"\A[a-z. ]*+\d{1,2}(?:st|nd|rd|th)?[ .-]*+[a-z]++[ .-]*+(\d\d\d?)(?!\d)")
_KNOWN_ZONE: Final = re.compile(rb"[+-]\d|\b(?:gmt|utc?|z|[ecmp][sd]t)\b")
_LETTER: Final = re.compile(rb"[a-z]")


def note_date(raw: bytes, note: Note) -> None:
    """Tell `note` what is wrong with the raw value of a Date field.

    The obsolete forms that RFC 5322 section 4.3 gives one meaning only (`EST`, no seconds) are none of it.
    """
    raw = raw.strip()
    text = dates.sql_from_header(raw)
    if text is None:
        note("cannot be read" if raw else "empty")
        return
    if not dates.FIRST_SENT <= text < dates.LAST_SENT:
        note("a year in which no mail was sent")
    if not _GOOD.fullmatch(raw):
        _note_guesses(raw, note)


def _note_guesses(raw: bytes, note: Note) -> None:
    # As in `dates`, which reads no date that is longer than a line may be: so the nesting is bounded.
    text = raw
    while text != (shorter := _COMMENT.sub(b" ", text)):
        text = shorter
    text, parenthesis, _ = text.partition(b"(")
    if parenthesis:
        note("a comment without an end")
    text = _COLONS.sub(b":", _GAPS.sub(b" ", text)).strip(b' "').lower()
    if not _WRITTEN.fullmatch(text):
        note("not written as RFC 5322 says")
    if year := _SHORT_YEAR.match(text):
        note("a year of two digits" if len(year[1]) == 2 else "a year of three digits")  # noqa: PLR2004 - says it
    clock = _CLOCK.search(text)
    if clock is None:
        note("no time of day, read as midnight")
        return
    rest = _HALF.sub(b"", text[clock.end() :])
    if _KNOWN_ZONE.search(rest):
        return
    note("a zone that is not known, read as UTC" if _LETTER.search(rest) else "no zone, read as UTC")
