"""From a term of a WHERE clause to a key of SEARCH: pure functions, one family per kind of column.

Each family knows the operators it can push and whether its key decides the term *exactly*. What is exact is not checked
again by SQLite; everything else only narrows what is fetched (DESIGN: SEARCH narrows, SQL decides).
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import unicodedata
from typing import TYPE_CHECKING, Protocol

from imapdb.errors import UnsendableValue
from imapdb.imap import search
from imapdb.imap.sets import MAX_UID
from imapdb.sql.values import SQLValue, compare, integer_bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imapdb.imap.profiles import Profile

__all__ = [
    "Condition",
    "DateTerm",
    "FlagTerm",
    "KeywordTerm",
    "NameTerm",
    "Narrowing",
    "SizeTerm",
    "TextTerm",
    "UidTerm",
]

COMPARISONS = frozenset({"=", "IS", "<", "<=", ">", ">="})
PATTERNS = frozenset({"LIKE", "ilike", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"})


@dataclasses.dataclass(frozen=True, slots=True)
class Narrowing:
    """What a term comes to. `never` is no row at all.

    `key` goes to the server. `uids` are the only UIDs possible, as a range or a set. `constant` is the value the column
    has in every row found. `accepts` decides the term for one value of the column; it is there where the term is exact.
    `is_unproved` says that the term is, but that no key decides it here, for this server or this value: `accepts` must.
    """

    never: bool = False
    key: search.Key | None = None
    uids: range | frozenset[int] | None = None
    constant: SQLValue = None
    accepts: Callable[[SQLValue], bool] | None = None
    is_unproved: bool = False


EVERY = Narrowing()
NEVER = Narrowing(never=True)


class Condition(Protocol):
    """What one kind of column can push."""

    @property
    def exact(self) -> bool:
        """Whether the key decides the term, so that SQLite need not."""

    @property
    def operators(self) -> frozenset[str]:
        """The operators that can be pushed."""

    @property
    def takes_sets(self) -> bool:
        """Whether IN can be pushed."""

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate `column operator value`; never raises for a value, whatever its type."""

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate `column IN (values)`."""


@dataclasses.dataclass(frozen=True, slots=True)
class FlagTerm:
    """A flag column, 0 or 1: whatever the operator and value, what is true of 0 and of 1 says which key to send."""

    name: str
    exact: bool = True
    operators: frozenset[str] = COMPARISONS | {"!=", "IS NOT", "IS NULL", "IS NOT NULL"}
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison."""
        return self._narrow({flag for flag in (0, 1) if compare(flag, operator, value)})

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN."""
        return self._narrow({flag for flag in (0, 1) for value in values if compare(flag, "=", value)})

    def _narrow(self, possible: set[int]) -> Narrowing:
        if not possible:
            return NEVER
        if len(possible) == 2:  # noqa: PLR2004 - both values of a flag
            return Narrowing(accepts=_anything)
        (flag,) = possible
        key = search.system_flag(self.name, bool(flag))
        return Narrowing(key=key, constant=flag, accepts=lambda held: held == flag)


@dataclasses.dataclass(frozen=True, slots=True)
class UidTerm:
    """The uid column. Nothing is asked for a UID that cannot be: servers answer BAD to 0 and to 2³²."""

    exact: bool = True
    operators: frozenset[str] = COMPARISONS
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison."""
        bounds = integer_bounds(operator, value, 1, MAX_UID)
        if bounds is None:
            return NEVER
        possible = range(bounds[0], bounds[1] + 1)
        return Narrowing(uids=possible, accepts=lambda held: held in possible)

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN."""
        bounds = (integer_bounds("=", value, 1, MAX_UID) for value in values)
        possible = frozenset(found[0] for found in bounds if found is not None)
        return Narrowing(uids=possible, accepts=possible.__contains__) if possible else NEVER


@dataclasses.dataclass(frozen=True, slots=True)
class SizeTerm:
    """The size column: LARGER and SMALLER leave out the number they name."""

    exact: bool = True
    operators: frozenset[str] = COMPARISONS
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison."""
        bounds = integer_bounds(operator, value, 0, LARGEST)
        if bounds is None:
            return NEVER
        low, high = bounds

        def accepts(held: SQLValue) -> bool:
            return isinstance(held, int) and low <= held <= high

        if not profile.counts_octets:
            return Narrowing(accepts=accepts, is_unproved=True)
        keys = []
        if low > 0:
            keys.append(search.larger(min(low - 1, MAX_UID)))
        if high < MAX_UID:
            keys.append(search.smaller(high + 1))
        # SEARCH numbers have 32 bits, RFC822.SIZE may have 63 (RFC 9051): no key says what lies above.
        is_unproved = low - 1 > MAX_UID or MAX_UID <= high < LARGEST
        return Narrowing(key=search.both(keys) if keys else None, accepts=accepts, is_unproved=is_unproved)

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: IN is not claimed."""
        return EVERY


LARGEST = 2**63 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class DateTerm:
    """INTERNALDATE. SEARCH knows days only, of the server's own zone: two days wider on both sides are enough."""

    exact: bool = False
    operators: frozenset[str] = COMPARISONS
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison with a text that begins with a date; anything else narrows nothing."""
        day = _day(value)
        if day is None:
            return EVERY
        keys = []
        if operator in ("=", "IS", ">", ">="):
            keys.append(search.since(day - datetime.timedelta(days=1)))
        if operator in ("=", "IS", "<", "<="):
            keys.append(search.before(day + datetime.timedelta(days=2)))
        return Narrowing(key=search.both(keys))

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: IN is not claimed."""
        return EVERY


_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1970, 2037


def _day(value: SQLValue) -> datetime.date | None:
    match = _DAY.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    if not FIRST_YEAR < year < LAST_YEAR:
        # Servers keep times in 32 bits here and there, and clamp; the years at the ends would be widened across.
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class TextTerm:
    """A header field. The server has its own idea of a header's text, so only the words of a pattern are asked for."""

    field: str
    exact: bool = False
    operators: frozenset[str] = PATTERNS
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a pattern or a substring into one key per word of it."""
        if not isinstance(value, str) or self.field not in profile.text_keys:
            return EVERY
        stretches = re.split(r"[%_\\]+", value) if operator in ("LIKE", "ilike") else [value]
        # Where a domain is shown in Unicode, the header holds its xn-- form: of its letters only the ASCII ones.
        ascii_only = not profile.folds_unicode or self.field != "SUBJECT"
        cut = None if operator == "LIKE" else _FOLDED_TO if profile.folds_long_s else _FOLDED_TO_OR_SINGLE
        words = fragments(stretches, ascii_only=ascii_only, cut=cut)
        if not words:
            return EVERY
        return Narrowing(key=search.both(search.text(self.field, word) for word in words))

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: IN is not claimed."""
        return EVERY


MOST_WORDS = 10
LONGEST_WORD = 100


# What is not asked for, as case folding also makes it of one character that a server takes for another: `ss` of `ß`,
# `fi` of `ﬁ`. The first or last letters of a word may be half of such a character.
_FOLDED_TO = re.compile(
    r"\b(?:ff|[fs])?[filnst]|s(?=[st])|(?<=s)[st]|f(?=[fil])|(?<=f)[fil]|(?:[ahijtwy]|f?f|s)\b", re.IGNORECASE
)
_FOLDED_TO_OR_SINGLE = re.compile(rf"{_FOLDED_TO.pattern}|[sk]", re.IGNORECASE)


def fragments(
    stretches: Iterable[str], *, ascii_only: bool, cut: re.Pattern[str] | None = _FOLDED_TO_OR_SINGLE
) -> list[str]:
    """Pick the words that a header must hold literally for the pattern to match: letters and digits side by side.

    Punctuation and spaces may stand differently in the header as sent (folding, quoting, comments). What matches `cut`
    is left out. The longest words narrow most; ten are plenty.
    """
    words: set[str] = set()
    for stretch in stretches:
        kept = "".join(char if _is_literal(char, ascii_only=ascii_only) else " " for char in stretch)
        if cut is not None:
            kept = cut.sub(" ", kept)
        words.update(word[:LONGEST_WORD] for word in kept.split() if len(word) > 1)
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]


# Letters with case that Dovecot folds as Unicode does, of Latin, Greek and Cyrillic. Not those that are a part of what
# another character folds to (the vowels of Greek, for the iota below them) or all of it (`å`, of the unit Ångström).
_CASED = frozenset(map(chr, (*range(0xE0, 0x180), *range(0x430, 0x460)))) - set("åŉıſ") | set("βγδεζθκλμνξοπστφχψ")


def _is_literal(char: str, *, ascii_only: bool) -> bool:
    if char.isascii():
        return char.isalnum()
    if ascii_only:
        return False
    if unicodedata.category(char) in ("Lo", "Nd"):
        return True
    return char.casefold() == char.lower() and char.casefold() in _CASED


@dataclasses.dataclass(frozen=True, slots=True)
class KeywordTerm:
    """`has_flag(flags, 'x')`: a system flag's own key, or KEYWORD."""

    exact: bool = False
    operators: frozenset[str] = frozenset({"has_flag"})
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate the name of a flag or keyword."""
        if not isinstance(value, str):
            return EVERY
        if value.startswith("\\"):
            name = value[1:].lower()
            known = name in ("seen", "answered", "flagged", "deleted", "draft", "recent")
            return Narrowing(key=search.system_flag(name, value=True)) if known else EVERY
        if not profile.folds_keywords:
            return EVERY
        try:
            return Narrowing(key=search.keyword(value))
        except UnsendableValue:
            # No atom, so no keyword: but some servers keep such ones all the same.
            return EVERY

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: has_flag has no IN."""
        return EVERY


@dataclasses.dataclass(frozen=True, slots=True)
class NameTerm:
    """The mailbox column of `messages`: which mailboxes are opened at all. Nothing of it goes into SEARCH."""

    exact: bool = False
    operators: frozenset[str] = frozenset({"=", "IS"})
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Narrow nothing by SEARCH: the scan reads the names itself."""
        return EVERY

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing by SEARCH."""
        return EVERY


def _anything(held: SQLValue) -> bool:
    return True
