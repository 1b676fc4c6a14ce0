"""Which of the messages that meet the conditions: how many, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from imapdb.cli import statement
from imapdb.cli.completion import complete_order
from imapdb.cli.statement import ORDERS, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """How many messages, and in which order. Raises BadParameter for what nobody can sort by."""

    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, show_default=False, help="At most this many messages.")
    ] = None
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="COLUMN",
            autocompletion=complete_order,
            help=f"Sort by one of {', '.join(ORDERS)}; with - before it, largest, newest or Z first.",
        ),
    ] = "-created"
    reverse: Annotated[bool, typer.Option("--reverse", help="Turn the order around.")] = False

    def __post_init__(self) -> None:
        """See that there is such an order."""
        if self._key not in ORDERS:
            raise typer.BadParameter(f"{self._key!r} is not one of {', '.join(ORDERS)}", param_hint="--order")

    def select(self, mailbox: str, columns: Sequence[str], where: Term) -> Term:
        """Write the statement that lists these columns of the messages."""
        return statement.select(
            mailbox,
            columns,
            where,
            order=self._key,
            descending=self.order.startswith("-") != self.reverse,
            limit=self.limit,
        )

    @property
    def _key(self) -> str:
        return self.order.removeprefix("-")
