"""The docs are what the code does: examples print what they show, derived parts are derived, links lead somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import imapdb.demo
from imapdb import errors
from imapdb.accounts import Accounts
from imapdb.cli.columns import saved_sets
from imapdb.sql.columns import by_name
from tests.kit.examples import Example, examples, rewritten
from tests.kit.reference import PARTS, SHARED, commands, options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
COMMANDS = commands()

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\((?P<page>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_EXECUTED = ("python", "console", "toml")


def blocks(page: Path, language: str) -> list[Example]:
    return [example for example in examples(page) if example.language == language]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with imapdb.demo.server() as url:
        yield url


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_comes_out(page: Path, url: str) -> None:
    """`python -m tests.kit.examples --write README.md docs/*.md` writes it."""
    assert page.read_text(encoding="utf-8") == rewritten(page, url)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_that_can_be_run_is_run(page: Path) -> None:
    shells = blocks(page, "sh")
    for example in examples(page):
        assert example.language in (*_EXECUTED, "sh"), f"line {example.line}"
    # What installs, serves or needs a server of one's own cannot be run here.
    assert len(shells) <= 3


@pytest.mark.parametrize(
    ("page", "example"),
    [pytest.param(page, e, id=f"{page.name} line {e.line}") for page in PAGES for e in blocks(page, "toml")],
)
def test_settings_shown_are_read(page: Path, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("IMAPDB_ACCOUNTS", raising=False)
    settings = tomllib.loads(example.source)
    is_for_commands = "columns" in settings
    path = tmp_path / "imapdb" / ("config.toml" if is_for_commands else "accounts.toml")
    path.parent.mkdir()
    path.write_text(example.source, encoding="utf-8")
    path.chmod(0o600)
    if is_for_commands:
        assert saved_sets().keys() == settings["columns"].keys()
        assert {name for names in saved_sets().values() for name in names} <= by_name().keys()
    else:
        names = Accounts.read().names
        assert names == [name for name in settings if name != "default"]
        assert [Accounts.read().account(name).name for name in names] == names


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param(page, line, id=f"{page.name}: {line}")
        for page in PAGES
        for example in blocks(page, "sh")
        for line in example.source.splitlines()
        if line.startswith("imapdb ")
    ],
)
def test_commands_that_are_not_run_are_there(page: Path, line: str) -> None:
    words = line.partition("#")[0].split()
    path = next(path for n in (3, 2) if (path := " ".join(words[:n])) in COMMANDS)
    known = {name for option in COMMANDS[path].params for name in (*option.opts, *option.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


# The parts derived from the code.


def test_every_derived_part_is_somewhere() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS)
    for name in PARTS:
        is_empty = not PARTS[name]().strip()
        assert is_empty or f"<!-- {name} -->" in text, name


def test_the_readme_has_the_columns() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.partition("<!-- columns -->\n")[2].partition("<!-- /columns -->")[0] == PARTS["columns"]()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_has_help_and_is_documented(path: str) -> None:
    command = COMMANDS[path]
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    heading = re.search(rf"^#{{3,4}} {re.escape(path)}$", text, re.MULTILINE)
    assert heading is not None
    assert (command.help or "").strip()
    section = re.split(r"^#{2,4} ", text[heading.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    assert documented(command.params, section, text) == []


def documented(parameters: list[Any], section: str, text: str) -> list[str]:
    """List what is missing: options of the section itself, or of the parts it points to."""
    shared = {
        option
        for title, _ in SHARED.values()
        if f"](#{title.lower().replace(' ', '-')})" in section
        for option in re.findall(r"`(--[\w-]+)", text.partition(f"\n## {title}\n")[2].partition("\n## ")[0])
    }
    assert [parameter.name for parameter in parameters if not (parameter.help or "").strip()] == []
    names = [name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)]
    return [name for name in names if name.startswith("--") and f"`{name}" not in section and name not in shared]


def test_what_is_shared_is_shared_whole() -> None:
    for command in COMMANDS.values():
        held = [name for shared in (None, *SHARED) for name in (p.name for p in options_of(command, shared))]
        assert sorted(held) == sorted(parameter.name for parameter in command.params)


def test_every_error_is_told_of() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    told = [name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(told) == sorted(errors.__all__)


# The pages together.


def test_the_navigation_names_every_page() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = [page for entry in settings["nav"] for page in entry.values()]
    assert sorted(named) == [page.name for page in DOCS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for match in _LINK.finditer(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", match["page"]):
            continue
        target = page.parent / match["page"] if match["page"] else page
        assert target.is_file(), match[0]
        assert match["anchor"] is None or match["anchor"] in anchors(target), match[0]
        # The site holds nothing but docs/.
        assert page == README or target.parent == page.parent, match[0]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, made as mkdocs makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading).strip().lower()
        anchor = re.sub(r"[\s-]+", "-", words)
        # A second heading of the same words would get a number.
        assert anchor not in found, f"{page.name}: two headings {heading!r}"
        found.add(anchor)
    return found


def test_the_site_is_built_without_a_warning_and_asks_nobody_else(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None:
        assert not os.environ.get("CI"), "CI installs the extra `docs` before it runs the tests"
        pytest.skip("without the extra `docs` there is no site to build")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?([^"'\s>]+)""", text)
        loaded += re.findall(
            r"""<link\b(?=[^>]*rel=["']?(?:stylesheet|icon|preload))[^>]*href=["']?([^"'\s>]+)""", text
        )
        assert loaded
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
        # A table that was not read as one.
        assert "|---|" not in text, page.name


# The rest of what a newcomer sees.


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = README.read_text(encoding="utf-8").splitlines()[:40]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


def test_unread_is_a_short_script_that_runs(url: str) -> None:
    script = ROOT / "examples" / "unread.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 20
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), url], capture_output=True, text=True, timeout=60, check=True
    )
    first, *rest = done.stdout.splitlines()
    assert first == "51 unread"
    assert len(rest) == 10
    assert "Schlüssel liegt beim Nachbarn" in rest[0]


def test_the_changelog_has_an_unreleased_part() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
