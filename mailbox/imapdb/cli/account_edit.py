"""Another account in the user's file: what is there, comments and all, stays as it is."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["with_account", "write"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DEFAULT = re.compile(r"^[ \t]*default[ \t]*=[ \t]*(?:\"[^\"\\\n]*\"|'[^'\n]*')", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def with_account(text: str, name: str, fields: Mapping[str, Any], *, default: bool) -> str:
    """Return the file's text with one table more, and with this account as the default if that is wanted.

    Raises ProgrammingError where that cannot be done without touching anything else.
    """
    expected = {**tomllib.loads(text), name: dict(fields)}
    added = text
    if default:
        expected["default"] = name
        added = _with_default(text, name)
    if added and not added.endswith("\n"):
        added += "\n"
    table = [f"[{_key(name)}]", *(f"{key} = {_value(value)}" for key, value in fields.items())]
    added += ("\n" if added else "") + "\n".join(table) + "\n"
    # Text was edited, not data: what came out is read again before it takes the place of what was there.
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(added) == expected:
            return added
    raise ProgrammingError("the file cannot be added to without changing what is in it; edit it by hand")


def write(path: Path, text: str) -> None:
    """Put the text in the place of the file, all of it or nothing; nobody else may read it.

    A symbolic link stays one. Raises OSError.
    """
    path = path.resolve()
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True)
    # Made readable to its owner alone (mode 0600).
    number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _with_default(text: str, name: str) -> str:
    first = _TABLE.search(text)
    top = text[: first.start()] if first else text
    line = f"default = {_value(name)}"
    if found := _DEFAULT.search(top):
        return text[: found.start()] + line + text[found.end() :]
    # In front of everything: further down it would belong to a table.
    return f"{line}\n{text}" if not text or text.startswith("\n") else f"{line}\n\n{text}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    """Write a value: JSON's texts, lists and booleans are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
