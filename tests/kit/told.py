"""What is to stand in the summary of a run, wherever it was found out: tests may run in several processes."""

from __future__ import annotations

__all__ = ["SECTIONS"]

SECTIONS: dict[str, list[str]] = {}
"""Lines by the title of their section."""
