"""Where this user's settings, history and caches are kept (XDG base directories)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache", "config", "state"]


def config(name: str) -> Path:
    """Give the path of a file of settings."""
    return _under("XDG_CONFIG_HOME", ".config") / name


def state(name: str) -> Path:
    """Give the path of a file that is worth keeping, such as a history; its folder is made."""
    return _made(_under("XDG_STATE_HOME", ".local/state")) / name


def cache(name: str) -> Path:
    """Give the path of a file that may be lost; its folder is made."""
    return _made(_under("XDG_CACHE_HOME", ".cache")) / name


def _under(variable: str, default: str) -> Path:
    # A relative path in one of these is to be ignored, the specification says.
    chosen = Path(os.environ.get(variable, ""))
    return (chosen if chosen.is_absolute() else Path.home() / default) / "imapdb"


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
