"""From a term of a WHERE clause to a key of SEARCH: pure functions, one family per kind of column.

Each family knows the operators it can push and whether its key decides the term *exactly*. What is exact is not checked
again by SQLite; everything else only narrows what is fetched (DESIGN: SEARCH narrows, SQL decides).
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from imapdb.errors import UnsendableValue
from imapdb.imap import keys
from imapdb.imap.sets import MAX_SIGNED, MAX_UID
from imapdb.sql.days import DateTerm, SentTerm
from imapdb.sql.functions import has_flag
from imapdb.sql.narrowing import COMPARISONS, EVERY, NEVER, PATTERNS, Condition, Narrowing
from imapdb.sql.texts import MatchTerm, TextTerm
from imapdb.sql.values import SQLValue, compare, integer_bounds

if TYPE_CHECKING:
    from imapdb.imap.profiles import Profile

__all__ = [
    "COMPARISONS",
    "EVERY",
    "NEVER",
    "PATTERNS",
    "Condition",
    "DateTerm",
    "FlagTerm",
    "KeywordTerm",
    "MatchTerm",
    "NameTerm",
    "Narrowing",
    "ObjectIdTerm",
    "SentTerm",
    "SizeTerm",
    "TextTerm",
    "UidTerm",
    "refuse_breaks",
]

LARGEST: Final = 2**63 - 1
LONGEST_KEYWORD: Final = 255
_BREAKS: Final = re.compile(r"[\r\n\0]")


@dataclasses.dataclass(frozen=True, slots=True)
class FlagTerm:
    """A flag column, 0 or 1: whatever the operator and value, what is true of 0 and of 1 says which key to send."""

    name: str
    exact: bool = True
    operators: frozenset[str] = COMPARISONS | {"!=", "IS NOT", "IS NULL", "IS NOT NULL"}
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison."""
        return self._narrow({flag for flag in (0, 1) if compare(flag, operator, value)}, profile)

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN."""
        return self._narrow({flag for flag in (0, 1) for value in values if compare(flag, "=", value)}, profile)

    def _narrow(self, possible: set[int], profile: Profile) -> Narrowing:
        if not possible:
            return NEVER
        if len(possible) == 2:  # noqa: PLR2004 - both values of a flag
            return Narrowing(accepts=_anything)
        (flag,) = possible
        if self.name == "recent" and not flag and not profile.takes_not:
            return Narrowing(accepts=lambda held: held == flag, is_unproved=True)
        key = keys.system_flag(self.name, bool(flag))
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
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a comparison."""
        bounds = integer_bounds(operator, value, 0, LARGEST)
        if bounds is None:
            return NEVER
        low, high = bounds
        key = _sizes(low, high, profile)

        def accepts(held: SQLValue) -> bool:
            return isinstance(held, int) and low <= held <= high

        # RFC822.SIZE may have 63 bits (RFC 9051), a number of SEARCH has 32, and Cyrus 3.6 hangs up beyond 31.
        is_unproved = not profile.counts_octets or low - 1 > MAX_SIGNED or MAX_SIGNED <= high < LARGEST
        return Narrowing(key=key, accepts=accepts, is_unproved=is_unproved)

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN: the sizes from the smallest to the largest; which of them are meant is decided here."""
        bounds = (integer_bounds("=", value, 0, LARGEST) for value in values)
        sizes = frozenset(found[0] for found in bounds if found is not None)
        if not sizes:
            return NEVER
        key = _sizes(min(sizes), max(sizes), profile)
        return Narrowing(key=key, accepts=sizes.__contains__, is_unproved=len(sizes) > 1 or not profile.counts_octets)


def _sizes(low: int, high: int, profile: Profile) -> keys.Key | None:
    wanted = []
    if profile.counts_octets and low > 0:
        wanted.append(keys.larger(min(low - 1, MAX_SIGNED)))
    if profile.counts_octets and high < MAX_SIGNED:
        wanted.append(keys.smaller(high + 1))
    return keys.both(wanted) if wanted else None


_SYSTEM_FLAGS: Final = frozenset({"seen", "answered", "flagged", "deleted", "draft", "recent"})


@dataclasses.dataclass(frozen=True, slots=True)
class KeywordTerm:
    """`has_flag(flags, 'x')`: a system flag's own key, or KEYWORD.

    `NOT has_flag` is an operator of its own, for conditions that are read from a statement's text.
    """

    exact: bool = True
    operators: frozenset[str] = frozenset({"has_flag"})
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate the name of a flag or keyword."""
        if not isinstance(value, str):
            return NEVER
        wanted = operator == "has_flag"

        def accepts(held: SQLValue) -> bool:
            return has_flag(held, value) == int(wanted)

        key = self._key(value, profile, wanted=wanted)
        return Narrowing(key=key, accepts=accepts, is_unproved=key is None)

    def _key(self, name: str, profile: Profile, *, wanted: bool) -> keys.Key | None:
        if name.startswith("\\"):
            flag = name[1:].lower()
            return keys.system_flag(flag, wanted) if flag in _SYSTEM_FLAGS else None
        if not profile.folds_keywords or len(name) > LONGEST_KEYWORD:
            return None
        try:
            return keys.keyword(name, wanted)
        except UnsendableValue:
            # No atom, so no keyword: but some servers keep such ones all the same.
            return None

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: has_flag has no IN."""
        return EVERY


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectIdTerm:
    """`email_id` or `thread_id` (RFC 8474), where the server offers OBJECTID."""

    name: str
    exact: bool = False
    operators: frozenset[str] = frozenset({"=", "IS"})
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a whole id; anything else narrows nothing."""
        if not isinstance(value, str) or not profile.finds_object_ids:
            return EVERY
        try:
            return Narrowing(key=keys.email_id(value) if self.name == "email_id" else keys.thread_id(value))
        except UnsendableValue:
            return EVERY

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: IN is not claimed."""
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


def refuse_breaks(name: str, condition: Condition | None, value: SQLValue) -> None:
    """Raise UnsendableValue where a text to search the column of that name for holds CR, LF or NUL.

    No header, keyword or mailbox name can hold them, and they are how commands are smuggled in. The text of a body has
    lines: of a pattern for that only words are sent, and of MATCH nothing that holds them.
    """
    if isinstance(condition, TextTerm) and condition.field == "BODY":
        return
    if isinstance(value, str) and _BREAKS.search(value) and isinstance(condition, _SENT_AS_TEXT):
        raise UnsendableValue(f"{name} is compared with a text that holds CR, LF or NUL; nothing was sent")


_SENT_AS_TEXT: Final = (TextTerm, MatchTerm, KeywordTerm, NameTerm, ObjectIdTerm)
