"""The README's examples print what it shows; its column table is the registry; the example scripts run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import imapdb.demo
from imapdb.sql.columns import column_table
from tests.kit.examples import Example, examples, run_console, run_python

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
EXAMPLES = examples(README)


@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if e.language == "python"], ids=lambda example: f"line {example.line}"
)
def test_python_examples_print_what_is_shown(example: Example) -> None:
    assert run_python(example.source) == example.shown


def test_console_examples_print_what_is_shown() -> None:
    blocks = [example for example in EXAMPLES if example.language == "console"]
    assert blocks
    with imapdb.demo.server() as url:
        for block in blocks:
            assert run_console(block.source, url) == block.source


def test_the_column_table_is_the_registry() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.partition("<!-- columns -->\n")[2].partition("<!-- /columns -->")[0] == column_table()


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = README.read_text(encoding="utf-8").splitlines()[:40]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


def test_unread_is_a_short_script_that_runs() -> None:
    script = ROOT / "examples" / "unread.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 20
    with imapdb.demo.server() as url:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script), url], capture_output=True, text=True, timeout=60, check=True
        )
    first, *rest = done.stdout.splitlines()
    assert first == "51 unread"
    assert len(rest) == 10
    assert "Schlüssel liegt beim Nachbarn" in rest[0]


def test_the_changelog_has_an_unreleased_part() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
