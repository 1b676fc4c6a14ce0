"""Which attachments: the conditions on one of them, beside those on its message."""

from __future__ import annotations

import dataclasses
import fnmatch
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.cli.conditions import Conditions

__all__ = ["Sizes", "Wanted", "apart"]


@dataclass(frozen=True)
class Sizes:
    """How large: more octets than `over`, fewer than `under`. What is of unknown size is neither."""

    over: int | None = None
    under: int | None = None

    def takes(self, size: int | None) -> bool:
        """Say whether a size is one of these."""
        if self.over is None and self.under is None:
            return True
        if size is None:
            return False
        return (self.over is None or size > self.over) and (self.under is None or size < self.under)


@dataclass(frozen=True)
class Wanted:
    """What an attachment is called, and what it is."""

    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="GLOB",
            show_default=False,
            help="Only attachments called so, such as '*.pdf', upper or lower case alike; given twice, one is enough. "
            "May be given more than once.",
        ),
    ] = None
    content_type: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="GLOB",
            show_default=False,
            help="Only attachments of this type, such as application/pdf, 'image/*' or image; given twice, one is "
            "enough. May be given more than once.",
        ),
    ] = None

    def takes(self, names: Sequence[str], content_type: str) -> bool:
        """Say whether an attachment is one of these, by any of its names."""
        kinds = [glob if "/" in glob else f"{glob}/*" for glob in self.content_type or ()]
        return _matches(self.name, names) and _matches(kinds, [content_type])


def apart(conditions: Conditions) -> tuple[Conditions, Sizes]:
    """Take the sizes, which mean those of attachments, from the conditions on messages.

    A message is larger than what is attached to it, so that the server may look for large ones all the same.
    """
    sizes = Sizes(conditions.larger, conditions.smaller)
    return dataclasses.replace(conditions, smaller=None, larger=None if conditions.any_of else conditions.larger), sizes


def _matches(globs: Sequence[str] | None, names: Sequence[str]) -> bool:
    if not globs:
        return True
    return any(fnmatch.fnmatchcase(_folded(name), _folded(glob)) for glob in globs for name in names)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
