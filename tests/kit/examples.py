"""The examples of a Markdown page: what each block says, and what really comes out of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
        if language == "text" and found:
            last = found.pop()
            found.append(Example(last.line, last.language, last.source, source))
        else:
            found.append(Example(text.count("\n", 0, match.start()) + 1, language, source, None))
    return found


def run_python(source: str) -> str:
    """Run a block as a script and return what it prints; warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_console(source: str, url: str) -> str:
    """Run each `$ imapdb …` line against an account, and return the block as it should stand."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"IMAPDB_URL": url, "PATH": path}
    shown = []
    for line in source.splitlines():
        if line.startswith("$ "):
            done = subprocess.run(
                ["sh", "-c", line[2:]], capture_output=True, text=True, timeout=60, check=True, env=environment
            )
            shown.append(f"{line}\n{done.stdout}")
    return "".join(shown)
