"""The recorded runs on the page of the docs: `python -m benchmarks.page` writes their tables and the chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.chart import chart
from benchmarks.report import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["page", "recorded", "write"]

_RESULTS = Path(__file__).resolve().parent / "results"
_DOCS = Path(__file__).resolve().parents[1] / "docs"
_BEGIN, _END = "<!-- bench -->\n", "<!-- /bench -->"


def page(text: str, reports: list[Mapping[str, Any]]) -> str:
    """Put the runs into the text of the page, the largest first."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    written = "\n".join(line for report in reports for line in _run(report))
    if reports:
        written = f"![{reports[0]['messages']:,} messages: multiples of the floor](speed.svg)\n\n{written}"
    return f"{before}{_BEGIN}{written or 'No run has been recorded yet.'}\n{_END}{after}"


def _run(report: Mapping[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    machine = report["machine"]
    yield f"### {report['messages']:,} messages\n"
    yield f"{versions}; {machine['cores']} cores, {machine['processor']}; medians of {report['rounds']}.\n"
    for task in report["tasks"]:
        yield f"**{task['title']}**\n"
        yield "| | median | × floor | memory | round trips | received |"
        yield "|---|---:|---:|---:|---:|---:|"
        for result in task["results"]:
            memory = "" if result["memory_mb"] is None else f"{result['memory_mb']:.1f} MB"
            received = f"{result['octets_down'] / 1000:,.0f} kB" if result["octets_down"] else ""
            yield (
                f"| {result['contender']} | {result['median'] * 1000:,.1f} ms | {result['ratio']:.2f} | {memory} "
                f"| {result['round_trips'] or ''} | {received} |"
            )
        yield ""
        for goal in task["goals"]:
            value, limit = (
                text.format(goal[key]) for text, key in zip(MEASURES[goal["measure"]], ("value", "limit"), strict=True)
            )
            yield f"- goal {'met' if goal['ok'] else '**not met**'}: {goal['contender']} {value}, at most {limit}"
        if task["goals"]:
            yield ""


def recorded() -> list[Mapping[str, Any]]:
    """Read the runs that are kept."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in _RESULTS.glob("*.json")]
    return sorted(reports, key=lambda report: -int(report["messages"]))


def write() -> None:
    """Write the page and the chart anew."""
    reports = recorded()
    path = _DOCS / "speed.md"
    path.write_text(page(path.read_text(encoding="utf-8"), reports), encoding="utf-8")
    if reports:
        (_DOCS / "speed.svg").write_text(chart(reports[0]), encoding="utf-8")


if __name__ == "__main__":
    write()
