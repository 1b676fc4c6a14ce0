"""One message as people read it: its headers, its text, what is attached, and what was wrong with it.

Whoever wrote the message chose all of this, file names and problems quoted from it too: nothing a terminal would act
on is passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imapdb.cli.harmless import lines, one_line
from imapdb.cli.output import console
from imapdb.cli.sizes import human

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from imapdb.cli.output import Look

__all__ = ["SHOWN", "all_fields", "main_fields", "print_fields", "print_message", "print_text"]

# The columns shown, under the names of their headers.
SHOWN = {
    "sender": "From",
    "to": "To",
    "cc": "Cc",
    "reply_to": "Reply-To",
    "sent": "Date",
    "subject": "Subject",
    "message_id": "Message-ID",
    "flags": "Flags",
    "size": "Size",
    "created": "Arrived",
}
# Words of header names that are written otherwise than with one capital.
_WRITTEN = {word.lower(): word for word in ("ARC", "DKIM", "ID", "IP", "MIME", "SPF", "TLS")}


def main_fields(values: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Name the values of the columns that are shown; those that are NULL are left out."""
    for (column, name), value in zip(SHOWN.items(), values, strict=True):
        match value:
            case None:
                continue
            case list():
                yield name, " ".join(map(str, value))
            case int():
                yield name, f"{value:,} octets"
            case _:
                yield name, f"{value} UTC" if column in ("sent", "created") else str(value)


def all_fields(headers: object) -> Iterator[tuple[str, str]]:
    """Name every header field as it is usually written; one that is repeated comes as often."""
    for name, value in headers.items() if isinstance(headers, dict) else ():
        written = "-".join(_WRITTEN.get(word, word.capitalize()) for word in name.split("-"))
        for text in value if isinstance(value, list) else [value]:
            yield written, str(text)


def print_message(
    out: TextIO,
    look: Look,
    fields: Iterable[tuple[str, str]],
    text: str | None,
    *,
    attachments: Iterable[dict[str, Any]],
    problems: Iterable[str],
) -> None:
    """Print a message: fields, an empty line, the text; and, after another empty line, what else there is to say."""
    print_fields(out, look, fields)
    if text:
        out.write("\n")
        print_text(out, look, text.rstrip())
    attached = [(f"Attachment {one['part']}", _described(one)) for one in attachments]
    wrong = [("Problem", problem) for problem in problems]
    if attached or wrong:
        out.write("\n")
    print_fields(out, look, attached)
    print_fields(out, look, wrong, style="dim")


def print_fields(out: TextIO, look: Look, fields: Iterable[tuple[str, str]], style: str = "bold") -> None:
    """Print names and values: one line each, or on a terminal two columns."""
    if not out.isatty():
        out.writelines(f"{one_line(name)}: {one_line(value)}\n" for name, value in fields)
        return
    from rich.table import Table  # noqa: PLC0415 - rich is only loaded to be seen
    from rich.text import Text  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(style="" if style == "bold" else style, overflow="fold")
    for name, value in fields:
        grid.add_row(Text(one_line(name)), Text(one_line(value)))
    if grid.row_count:
        console(out, look).print(grid)


def print_text(out: TextIO, look: Look, text: str) -> None:
    """Print a text line by line; on a terminal long ones go on between words."""
    if not out.isatty():
        out.writelines(f"{line}\n" for line in lines(text))
        return
    from rich.cells import cell_len  # noqa: PLC0415 - rich is only loaded to be seen
    from rich.text import Text  # noqa: PLC0415

    terminal = console(out, look)
    for line in lines(text):
        if "\t" in line or cell_len(line) > terminal.width:
            terminal.print(Text(line), overflow="fold")
        else:
            out.write(f"{line}\n")


def _described(attachment: dict[str, Any]) -> str:
    name = attachment["filename"] or "(no name)"
    return f"{name} ({attachment['content_type']}, {human(attachment['size'])})"
