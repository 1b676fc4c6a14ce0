"""Which columns: `uid,sender`, and sets of columns by name, such as `@short` or those of one's own settings."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any

import typer

from imapdb.cli import places
from imapdb.cli.completion import complete_columns
from imapdb.errors import ProgrammingError

__all__ = ["BUILT_IN", "DEFAULT", "ColumnsOption", "column_names", "saved_sets"]

DEFAULT = "@short"
BUILT_IN = {
    "short": ("uid", "seen", "created", "sender", "subject", "size"),
    "long": ("mailbox", "uid", "flags", "created", "sent", "sender", "to", "cc", "subject", "size", "message_id"),
    "flags": ("uid", "seen", "answered", "flagged", "deleted", "draft", "recent", "flags"),
}

ColumnsOption = Annotated[
    str,
    typer.Option(
        "--columns",
        metavar="NAMES",
        autocompletion=complete_columns,
        help="The columns to print, parted by commas; only what is printed is fetched. @short, @long, @flags are sets "
        'of them; your own go into config.toml (in ~/.config/imapdb): [columns] mine = ["uid", "subject"] is @mine.',
    ),
]


def column_names(written: str) -> list[str]:
    """Read `uid,sender` or `@long,headers`; a set that holds a name already given does not repeat it.

    Raises BadParameter for an empty name or a set nobody knows, ProgrammingError for settings that cannot be read.
    """
    found: list[str] = []
    for name in (part.strip() for part in written.split(",")):
        if not name:
            raise typer.BadParameter(
                f"{written!r}: write names parted by commas, such as uid,sender,subject", param_hint="--columns"
            )
        if name.startswith("@"):
            found += (column for column in _set(name[1:]) if column not in found)
        else:
            found.append(name)
    return found


def saved_sets() -> dict[str, tuple[str, ...]]:
    """Read the sets of this user's config.toml. Raises ProgrammingError where it cannot be read."""
    path = places.config("config.toml")
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ProgrammingError(f"{path}: {error}") from error
    sets = settings.get("columns", {})
    if not isinstance(sets, dict) or not all(_is_set(names) for names in sets.values()):
        raise ProgrammingError(f'{path}: under [columns], write name = ["uid", "subject"]')
    return {name: tuple(names) for name, names in sets.items()}


def _is_set(names: object) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(name, str) and name for name in names)


def _set(name: str) -> tuple[str, ...]:
    known = BUILT_IN | saved_sets()
    if name not in known:
        listed = ", ".join(f"@{other}" for other in known)
        raise typer.BadParameter(f"there is no set of columns @{name}, only {listed}", param_hint="--columns")
    return known[name]
