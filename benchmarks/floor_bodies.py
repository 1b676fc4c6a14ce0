"""The floors of what messages hold: everything of them, or how they are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.floor import EnvelopeFloor

if TYPE_CHECKING:
    from benchmarks.questions import Parts

__all__ = ["StructureFloor", "WholeFloor"]


class WholeFloor(EnvelopeFloor):
    """What fetching whole messages costs without a client."""

    wanted = "(UID BODY.PEEK[])"

    def parts(self, question: Parts) -> list[Any]:
        """Search where there is a condition on the size, then fetch."""
        pieces = self.search(f"LARGER {question.larger}") if question.larger else [f"1:{question.last or '*'}"]
        self.fetch(pieces, self.wanted)
        return []


class StructureFloor(WholeFloor):
    """What fetching BODYSTRUCTURE costs."""

    wanted = "(UID BODYSTRUCTURE)"
