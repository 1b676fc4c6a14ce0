"""Terms on a text: of a header field or a body. The server reads these its own way: it is asked for words only."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from imapdb.errors import NotSupportedError
from imapdb.imap import keys
from imapdb.sql.narrowing import EVERY, PATTERNS, Narrowing
from imapdb.sql.words import FOLDED_TO, FOLDED_TO_OR_SINGLE, fragments

if TYPE_CHECKING:
    from imapdb.imap.keys import Key
    from imapdb.imap.profiles import Profile
    from imapdb.sql.values import SQLValue

__all__ = ["MatchTerm", "TextTerm"]

# The fields SEARCH has a key of its own for; the others are asked for by HEADER.
_OWN_KEYS: Final = frozenset({"FROM", "TO", "CC", "BCC", "SUBJECT", "BODY"})
_ADDRESSES: Final = frozenset({"FROM", "TO", "CC", "BCC", "REPLY-TO"})
_IDS: Final = frozenset({"MESSAGE-ID", "IN-REPLY-TO", "REFERENCES"})
# Characters of an id that neither folding nor quoting touches.
_OF_IDS: Final = ".@-_+$/"
MOST_ALTERNATIVES = 100

_WILD_OF_LIKE: Final = re.compile(r"[%_\\]+")
# What stands between brackets is one character of several, and what is behind them is not worth the parsing.
_WILD_OF_GLOB: Final = re.compile(r"\[.*|[*?]+", re.DOTALL)
# Operators that compare octets, or fold ASCII letters only, as every server does too.
_PLAIN: Final = frozenset({"=", "IS", "LIKE", "GLOB"})


@dataclasses.dataclass(frozen=True, slots=True)
class TextTerm:
    """The header field of that name, in upper case; or BODY, for the texts of a message."""

    field: str
    exact: bool = False
    operators: frozenset[str] = PATTERNS | {"=", "IS", "IS NOT NULL", "MATCH"}
    takes_sets: bool = True

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Translate a pattern, a substring or a whole value into one key per word of it."""
        if operator == "IS NOT NULL":
            is_found = profile.finds_presence and self.field != "BODY"
            return Narrowing(key=keys.header(self.field, "")) if is_found else EVERY
        if operator == "MATCH":
            return Narrowing(key=self._key(_asked(value)))
        if not isinstance(value, str) or not self.is_trusted(profile):
            return EVERY
        if self.field in _IDS and "=?" in value:
            # An encoded word has no meaning in an id, and servers decode it all the same.
            return EVERY
        words = fragments(
            _stretches(operator, value),
            ascii_only=self._ascii_only(profile),
            cut=None if operator in _PLAIN else FOLDED_TO if profile.folds_long_s else FOLDED_TO_OR_SINGLE,
            beside=_OF_IDS if self.field in _IDS else "",
        )
        if self.field == "BODY":
            # Html does not say the numbers of a list.
            words = [word for word in words if not word.isdigit()]
        return Narrowing(key=keys.both(map(self._word, words))) if words else EVERY

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate IN, where it lists no more values than are worth asking for."""
        wanted = [value for value in values if value is not None]
        if len(wanted) > MOST_ALTERNATIVES or not profile.takes_or:
            return EVERY
        found = [self.narrow("=", value, profile).key or keys.ALL for value in wanted]
        key = keys.either(sorted(found, key=str))
        return EVERY if key == keys.ALL else Narrowing(never=key == keys.NOTHING, key=key)

    def is_trusted(self, profile: Profile) -> bool:
        """Say whether a word of this field finds all that hold it. Ids are as written, and need no decoding."""
        if self.field in _OWN_KEYS:
            return self.field in profile.text_keys
        return profile.headers and (self.field in _IDS or profile.decodes_headers)

    def _ascii_only(self, profile: Profile) -> bool:
        if not profile.folds_unicode or not profile.takes_utf8 or self.field in _IDS or self.field == "BODY":
            # In html a letter beyond ASCII may be written by its name, `&uuml;`.
            return True
        # Two keys for each word, then: see _word.
        return self.field in _ADDRESSES and not profile.takes_or

    def _word(self, word: str) -> Key:
        """Ask for a word; one of a domain that is shown in Unicode may be in the header in its xn-- form."""
        found = self._key(word)
        if word.isascii() or self.field not in _ADDRESSES:
            return found
        return keys.either([found, self._key("xn--")])

    def _key(self, text: str) -> Key:
        return keys.text(self.field, text) if self.field in _OWN_KEYS else keys.header(self.field, text)


@dataclasses.dataclass(frozen=True, slots=True)
class MatchTerm:
    """A column that only MATCH can ask about: `key` is the SEARCH key, or X-GM-RAW for Gmail's own search."""

    key: str
    exact: bool = False
    operators: frozenset[str] = frozenset({"MATCH"})
    takes_sets: bool = False

    def narrow(self, operator: str, value: SQLValue, profile: Profile) -> Narrowing:
        """Hand the words over as they are. Raises NotSupportedError for Gmail's search on another server."""
        words = _asked(value)
        if self.key == "X-GM-RAW" and not profile.takes_gmail_search:
            raise NotSupportedError("labels MATCH is Gmail's own search, and this server is not Gmail's")
        return Narrowing(key=keys.gmail(words) if self.key == "X-GM-RAW" else keys.text(self.key, words))

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Narrow nothing: MATCH has no IN."""
        return EVERY


def _asked(value: SQLValue) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _stretches(operator: str, value: str) -> list[str]:
    if operator in ("LIKE", "ilike"):
        return _WILD_OF_LIKE.split(value)
    return _WILD_OF_GLOB.split(value) if operator == "GLOB" else [value]
