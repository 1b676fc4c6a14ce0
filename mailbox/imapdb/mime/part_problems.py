"""What was wrong with the parts of a message."""

from __future__ import annotations

__all__ = ["PartProblems"]


class PartProblems:
    """Each problem with the part where it was first seen: not a text for each of 50,000 parts."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._seen: dict[str, tuple[str, int]] = {}

    def note(self, section: str, problem: str) -> None:
        """Take note of a problem of a part."""
        first, more = self._seen.get(problem, (section, -1))
        self._seen[problem] = (first, more + 1)

    def told(self) -> tuple[str, ...]:
        """Give a text for each problem."""
        return tuple(
            f"{self._about}: {problem} (part {first}{f' and {more} more' if more else ''})"
            for problem, (first, more) in self._seen.items()
        )
