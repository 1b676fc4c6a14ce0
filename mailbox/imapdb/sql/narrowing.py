"""What a term of a WHERE clause comes to for one server, and what each kind of column can say about its terms."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from imapdb.imap.keys import Key
    from imapdb.imap.profiles import Profile
    from imapdb.sql.values import SQLValue

__all__ = ["COMPARISONS", "EVERY", "NEVER", "PATTERNS", "Condition", "Narrowing"]

COMPARISONS: Final = frozenset({"=", "IS", "<", "<=", ">", ">="})
PATTERNS: Final = frozenset(
    {"LIKE", "GLOB", "ilike", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Narrowing:
    """What a term comes to. `never` is no row at all.

    `key` goes to the server. `uids` are the only UIDs possible, as a range or a set. `constant` is the value the column
    has in every row found. `accepts` decides the term for one value of the column; it is there where the term is exact.
    `is_unproved` says that the term is, but that no key decides it here, for this server or this value: `accepts` must.
    """

    never: bool = False
    key: Key | None = None
    uids: range | frozenset[int] | None = None
    constant: SQLValue = None
    accepts: Callable[[SQLValue], bool] | None = None
    is_unproved: bool = False


EVERY: Final = Narrowing()
NEVER: Final = Narrowing(never=True)


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
        """Translate `column operator value`.

        Raises UnsendableValue for a MATCH that cannot be sent, and never for any other value, whatever its type.
        """

    def narrow_set(self, values: frozenset[SQLValue], profile: Profile) -> Narrowing:
        """Translate `column IN (values)`."""
