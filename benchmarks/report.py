"""Results as a table for people and as JSON for later."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Judged, Measured, Result

__all__ = ["MEASURES", "as_json", "as_text", "setting"]

_PACKAGES = ("imapdb", "apsw", "SQLAlchemy", "imapclient", "imap-tools")
_HEADINGS = ("", "median", "× floor", "peak", "round trips", "sent", "received", "rounds")
# How a goal's value and its limit are said.
MEASURES = {
    "ratio": ("{:.2f}×", "{:.1f}× of the floor"),
    "memory": ("{:.1f} MB", "{:.0f} MB above an idle connection"),
    "received": ("{:.2f}×", "{:.1f}× of the octets the floor receives"),
    "octets": ("{:,.0f} octets received", "{:,.0f}"),
    "texts": ("{:.2f}×", "{:.1f}× of the octets of the texts asked for"),
    "trips": ("{:.0f} round trips", "{:.0f}"),
    "seconds": ("{:.3f} s", "{:.1f} s"),
    "line": ("{:.3f} s", "{:.3f} s: 1.2 × (4 round trips + the floor without the line)"),
}


def setting() -> dict[str, Any]:
    """Say what was measured and on what kind of machine: nothing that tells which."""
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if dovecot := shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        done = subprocess.run([dovecot, "--version"], capture_output=True, text=True, check=False)
        versions["Dovecot"] = done.stdout.partition(" ")[0].strip()
    return {
        "versions": versions,
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def as_json(measured: Measured) -> dict[str, Any]:
    """Give a task's results as what JSON can hold."""
    floor = measured.floor
    return {
        "name": measured.task.name,
        "title": measured.task.title,
        "floor_without_line": None if measured.direct is None else round(measured.direct, 6),
        "results": [
            {
                "contender": result.contender,
                "median": round(result.median, 6),
                "ratio": round(result.median / floor, 3),
                "seconds": [round(seconds, 6) for seconds in result.seconds],
                "memory_mb": None if result.memory is None else round(result.memory, 2),
                "round_trips": result.trips,
                "octets_up": result.octets_up,
                "octets_down": result.octets_down,
            }
            for result in measured.results
        ],
        "goals": [
            {
                "contender": judged.contender,
                "measure": judged.measure,
                "limit": round(judged.limit, 6),
                "value": round(judged.value, 6),
                "ok": judged.ok,
            }
            for judged in measured.judged
        ],
    }


def as_text(measured: Measured) -> str:
    """Write a task's results as an aligned table, the goals below it."""
    lines = [_HEADINGS, *(_cells(result, measured.floor) for result in measured.results)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADINGS))]
    # A column nobody has a value for is left out.
    shown = [place for place in range(len(_HEADINGS)) if place == 0 or any(line[place] for line in lines[1:])]
    written = [measured.task.title]
    for line in lines:
        cells = [line[at].ljust(widths[at]) if at == 0 else line[at].rjust(widths[at]) for at in shown]
        written.append("  " + "   ".join(cells).rstrip())
    return "\n".join([*written, *map(_verdict, measured.judged)]) + "\n"


def _cells(result: Result, floor: float) -> Sequence[str]:
    return (
        result.contender,
        f"{result.median * 1000:,.1f} ms",
        f"{result.median / floor:.2f}×",
        "" if result.memory is None else f"{result.memory:.1f} MB",
        str(result.trips) if result.trips else "",
        _octets(result.octets_up),
        _octets(result.octets_down),
        str(len(result.seconds)),
    )


def _octets(count: int) -> str:
    if not count:
        return ""
    return f"{count:,} B" if count < 10_000 else f"{count / 1000:,.0f} kB"


def _verdict(judged: Judged) -> str:
    value, limit = (
        text.format(n) for text, n in zip(MEASURES[judged.measure], (judged.value, judged.limit), strict=True)
    )
    return f"  {'ok' if judged.ok else 'OVER'}: {judged.contender} {value}, the goal is {limit}"
