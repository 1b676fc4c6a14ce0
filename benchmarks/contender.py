"""What a contender is asked to do: one class for each library and way of using it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.place import Place
    from benchmarks.questions import Count, Listing, Parts

__all__ = ["Contender"]


class Contender(ABC):
    """One session of one library.

    `answers` is False for a floor, which reads and does not understand. `is_peer` marks the libraries imapdb is
    compared with: on large mailboxes they take one turn only.
    """

    name: ClassVar[str]
    answers: ClassVar[bool] = True
    is_peer: ClassVar[bool] = False

    def __init__(self, place: Place) -> None:
        self.place = place

    @classmethod
    def missing(cls) -> str | None:
        """Say why it cannot take part; None where it can."""
        return None

    @abstractmethod
    def open(self) -> None:
        """Prepare to be asked, as late as the library allows."""

    def warm(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what only the first question costs."""

    @abstractmethod
    def close(self) -> None:
        """End the session."""

    @abstractmethod
    def count(self, question: Count) -> int:
        """Count messages."""

    @abstractmethod
    def rows(self, question: Listing) -> Iterable[Any]:
        """Give a tuple for each message, its values in the order of the question's columns."""

    def parts(self, question: Parts) -> Iterable[Any]:
        """Give a tuple of what it holds for each message, in the same way."""
        raise NotImplementedError
