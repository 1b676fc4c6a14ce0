"""A chart of the ratios for the docs: bars of plain SVG, longer is slower, on a logarithmic scale."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["chart"]

_SHOWN = ("count", "unseen", "all")
_WIDTH, _LABELS, _VALUES = 760, 170, 90
_BAR, _GAP, _HEAD = 18, 6, 34
# Readable on white and on black; SVG in an <img> may ask which it is.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .note { font-size: 11px; fill: #6e7781 }
  .ours { fill: #2f7d4f } .floor { fill: #8c959f } .peer { fill: #b7651b }
  .grid { stroke: #8c959f; stroke-opacity: .35; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } }
"""


def chart(measured: Mapping[str, Any]) -> str:
    """Draw the listings and the count of a run, as its JSON tells them."""
    found = [task for task in measured["tasks"] if task["name"] in _SHOWN] or measured["tasks"]
    largest = max(result["ratio"] for task in found for result in task["results"])
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= largest]
    drawn: list[str] = []
    top = 30
    for task in found:
        drawn += _task(task, top, largest, ticks)
        top += _HEAD + len(task["results"]) * (_BAR + _GAP)
    note = f"{measured['messages']:,} messages, Dovecot on loopback, × of a raw socket that parses nothing; logarithmic"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 10}" role="img">',
            f"<title>{escape(note)}</title>",
            f"<style>{_STYLE}</style>",
            f'<text class="note" x="0" y="14">{escape(note)}</text>',
            *drawn,
            "</svg>\n",
        ]
    )


def _task(task: Mapping[str, Any], top: int, largest: float, ticks: Sequence[float]) -> list[str]:
    first = top + _HEAD - 8
    bottom = first + len(task["results"]) * (_BAR + _GAP)
    drawn = [f'<text class="title" x="0" y="{top + 14}">{escape(task["title"])}</text>']
    for tick in ticks:
        x = _LABELS + _length(tick, largest)
        drawn.append(f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{first}" y2="{bottom - _GAP}"/>')
    for number, result in enumerate(task["results"]):
        y = first + number * (_BAR + _GAP)
        name, ratio = result["contender"], result["ratio"]
        kind = "ours" if name.startswith("imapdb") else "floor" if name.startswith("floor") else "peer"
        length = max(2.0, _length(ratio, largest))
        drawn += [
            f'<text x="{_LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{_LABELS}" y="{y}" width="{length:.0f}" height="{_BAR}" rx="2"/>',
            f'<text x="{_LABELS + length + 6:.0f}" y="{y + 13}">{ratio:.1f}×</text>',
        ]
    return drawn


def _length(ratio: float, largest: float) -> float:
    """Give the length of a bar; a quarter of the floor is where they begin."""
    share = math.log(max(ratio, 0.25) / 0.25) / math.log(max(largest, 1) / 0.25)
    return share * (_WIDTH - _LABELS - _VALUES)
