"""The examples of a Markdown page: what each block says, and what really comes out of it.

    python -m tests.kit.examples --write README.md docs/*.md

runs them all on the sample account and writes what came out, and the tables derived from the code, into the pages.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import imapdb.demo
from tests.kit.reference import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BLOCK = re.compile(r"^```([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PART = re.compile(
    r"(?<=^<!-- )(?P<name>[a-z ]+)(?P<open> -->\n)(?P<text>.*?)(?=^<!-- /(?P=name) -->$)", re.MULTILINE | re.DOTALL
)
_OUTPUT = "text"
# Runs blocks one after the other in one namespace; prints what each of them printed.
_DRIVER = """
import contextlib, io, json, sys
namespace, shown = {"__name__": "__main__"}, []
for name, line, source in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile("\\n" * line + source, name, "exec"), namespace)
    shown.append(out.getvalue())
json.dump(shown, sys.stdout)
"""


@dataclass(frozen=True)
class Example:
    """A block of a page, from line `line`. `shown` is the block of output below it, None where there is none."""

    line: int
    language: str
    source: str
    shown: str | None


def examples(page: Path) -> list[Example]:
    """Find the blocks of a page; a `text` block is the output of the block before it."""
    text = page.read_text(encoding="utf-8")
    found: list[Example] = []
    for match in _BLOCK.finditer(text):
        language, source = match.groups()
        if language == _OUTPUT and found:
            last = found.pop()
            found.append(Example(last.line, last.language, last.source, source))
        else:
            found.append(Example(text.count("\n", 0, match.start()) + 1, language, source, None))
    return found


def run_python(source: str) -> str:
    """Run a block as a script and return what it prints; warnings are errors."""
    return _run([sys.executable, "-W", "error", "-c", source])


def run_together(page: Path, url: str) -> list[str]:
    """Run the Python blocks of a page one after the other, on an account, and return what each prints.

    A block goes on where the one before it ended. Warnings are errors.
    """
    blocks = [(page.name, example.line, example.source) for example in examples(page) if example.language == "python"]
    if not blocks:
        return []
    with home() as environment:
        said = _run(
            [sys.executable, "-W", "error", "-c", _DRIVER],
            standard_input=json.dumps(blocks),
            environment=environment | {"IMAPDB_URL": url},
        )
    return list(json.loads(said))


def run_console(source: str, url: str, environment: dict[str, str] | None = None) -> str:
    """Run each `$ imapdb …` line against an account, and return the block as it should stand.

    A line that ends with a backslash goes on in the next one.
    """
    shown = []
    lines = iter(source.splitlines())
    with contextlib.nullcontext(environment) if environment is not None else home() as given:
        for line in lines:
            if not line.startswith("$ "):
                continue
            command = line
            while command.endswith("\\"):
                command += "\n" + next(lines)
            said = _run(["sh", "-c", command[2:]], environment=given | {"IMAPDB_URL": url})
            shown.append(f"{command}\n{said}")
    return "".join(shown)


def run_consoles(page: Path, url: str) -> list[str]:
    """Run the blocks of a terminal in the order of the page, in one home directory; return each as it should stand."""
    with home() as environment:
        return [
            run_console(example.source, url, environment) for example in examples(page) if example.language == "console"
        ]


@contextlib.contextmanager
def home() -> Iterator[dict[str, str]]:
    """Give the environment of a user who has set nothing up, and has an empty home directory."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("IMAPDB_", "XDG_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        yield environment | {"PATH": path, "HOME": folder, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def rewritten(page: Path, url: str) -> str:
    """Return the page as it should stand: every output as it comes out, every derived table as the code has it."""
    text = page.read_text(encoding="utf-8")
    alone = page.name == "README.md"
    python = iter(
        [run_python(example.source) for example in examples(page) if example.language == "python"]
        if alone
        else run_together(page, url)
    )
    consoles = iter(run_consoles(page, url))
    out, last = [], 0
    blocks = list(_BLOCK.finditer(text))
    for match, following in itertools.zip_longest(blocks, blocks[1:]):
        language = match[1]
        if language not in ("python", "console"):
            continue
        out.append(text[last : match.start()])
        last = match.end()
        if language == "console":
            out.append(f"```console\n{next(consoles)}```")
            continue
        out.append(match[0])
        if shown := next(python):
            out.append(f"\n\n```{_OUTPUT}\n{shown}```")
        # An output block stands right below, with nothing but an empty line between.
        if following is not None and following[1] == _OUTPUT and not text[match.end() : following.start()].strip():
            last = following.end()
    out.append(text[last:])
    return _PART.sub(_part, "".join(out))


def _part(match: re.Match[str]) -> str:
    made = PARTS.get(match["name"])
    return match["name"] + match["open"] + (match["text"] if made is None else made())


def _run(
    command: Sequence[str], *, standard_input: str | None = None, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        # Where a user is who opens a terminal.
        cwd=environment["HOME"] if environment is not None else None,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare pages with what their examples print, or write it into them."""
    parser = argparse.ArgumentParser(prog="python -m tests.kit.examples", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write it into the pages")
    parser.add_argument("pages", nargs="+", type=Path)
    chosen = parser.parse_args(arguments)
    differing = 0
    with imapdb.demo.server() as url:
        for page in chosen.pages:
            before, after = page.read_text(encoding="utf-8"), rewritten(page, url)
            differing += before != after
            if chosen.write:
                page.write_text(after, encoding="utf-8")
            sys.stdout.writelines(
                difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(page), "as it comes out", n=1)
            )
    return int(differing > 0 and not chosen.write)


if __name__ == "__main__":
    sys.exit(main())
