"""The parts of the docs that are derived from the code: columns, errors, the options of every command."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from typer.main import get_command

from imapdb import errors
from imapdb.cli import app
from imapdb.cli.answer import Login
from imapdb.cli.conditions import Conditions
from imapdb.cli.output import Form, Look
from imapdb.sql.columns import ATTACHMENT_COLUMNS, MAILBOX_COLUMNS, column_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PARTS", "SHARED", "attachment_table", "commands", "error_tree", "mailbox_table", "options_of"]

# Options that several commands take, told once in a part of that name: what the part is called in the docs, and them.
SHARED: Final = {
    "conditions": ("Conditions", Conditions),
    "form": ("Form of the answer", Form),
    "look": ("On a terminal", Look),
    "login": ("Which account", Login),
}
_MARKED: Final = re.compile(
    r"(?<![\w`])(--[a-z][a-z-]+|IMAPDB_[A-Z]+|NO_COLOR|\$[A-Z]\w+|@(?:short|long|flags|mine)\b)"
)


def commands() -> dict[str, Any]:
    """Give every command by what is typed, groups such as `imapdb account` too."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {name}")

    return dict(walk(get_command(app), "imapdb"))


def options_of(command: Any, shared: str | None = None) -> list[Any]:
    """List the arguments and options of a command that it shares with others under that name, or those it does not."""
    return [parameter for parameter in command.params if _shared_as(parameter, command) == shared]


def _shared_as(parameter: Any, command: Any) -> str | None:
    held = {other.name for other in command.params if other.param_type_name == "option"}
    if parameter.param_type_name == "option":
        for name, (_, kind) in SHARED.items():
            fields = _fields(kind)
            # A command with only some of them, or others beside, has them for itself.
            if parameter.name in fields and fields <= held:
                return name
    return None


def _fields(kind: type) -> set[str]:
    inherited = {field.name for base in kind.__bases__ if dataclasses.is_dataclass(base) for field in _all(base)}
    return {field.name for field in _all(kind)} - inherited


def _all(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _options(path: str) -> str:
    """Write the options of one command, and name those it shares."""
    command = commands()[path]
    own = options_of(command)
    written = _table(own) if own else ""
    groups = [
        f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
        for name, (title, _) in SHARED.items()
        if options_of(command, name)
    ]
    if groups:
        written += ("\n" if written else "") + f"{'Besides' if own else 'Options'}: {', '.join(groups)}.\n"
    return f"\n{written}\n"


def _shared(name: str) -> str:
    command = next(command for command in commands().values() if options_of(command, name))
    return f"\n{_table(options_of(command, name))}\n"


def _table(parameters: list[Any]) -> str:
    lines = ["| | |", "|---|---|", *(f"| {_names(p)} | {_help(p)} |" for p in parameters)]
    return "\n".join(lines) + "\n"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    return ", ".join(f"`{name}{value}`".replace("|", "\\|") for name in [*parameter.opts, *parameter.secondary_opts])


def _help(parameter: Any) -> str:
    said = _MARKED.sub(r"`\1`", " ".join((parameter.help or "").split()).replace("|", "\\|"))
    if parameter.param_type_name == "option" and parameter.multiple and "more than once" not in said:
        said += " May be given more than once."
    if isinstance(parameter.default, str):
        said += f" Default: `{parameter.default}`."
    return said


def mailbox_table() -> str:
    """Write the columns of the table `mailboxes` as a Markdown table."""
    lines = ["| column | type | what it is | asked by |", "|---|---|---|---|"]
    lines += [
        f"| `{column.name}` | {column.sql_type} | {column.doc} | {'STATUS' if column.status else 'LIST'} |"
        for column in MAILBOX_COLUMNS
    ]
    return "\n".join(lines) + "\n"


def attachment_table() -> str:
    """Write the columns of the table `attachments` as a Markdown table."""
    lines = ["| column | type | what it is |", "|---|---|---|"]
    lines += [
        f"| `{column.name}`{' (hidden)' * column.hidden} | {column.sql_type} | {column.doc} |"
        for column in ATTACHMENT_COLUMNS
    ]
    return "\n".join(lines) + "\n"


def error_tree() -> str:
    """Draw the classes of errors as a tree."""
    lines = ["```", *_drawn(errors.Warning, "", ""), *_drawn(errors.Error, "", ""), "```"]
    return "\n".join(lines) + "\n"


def _drawn(kind: type[Exception], before: str, below: str) -> Iterator[str]:
    yield before + kind.__name__
    children = [inner for inner in _classes() if inner.__base__ is kind]
    for place, inner in enumerate(children, start=1):
        is_last = place == len(children)
        yield from _drawn(inner, below + ("└── " if is_last else "├── "), below + ("    " if is_last else "│   "))


def _classes() -> list[type[Exception]]:
    """List the errors in the order they are written in."""
    return [kind for name, kind in vars(errors).items() if name in errors.__all__]


PARTS: Final[dict[str, Callable[[], str]]] = {
    "columns": column_table,
    "mailboxes": mailbox_table,
    "attachments": attachment_table,
    "errors": error_tree,
    **{name: partial(_shared, name) for name in SHARED},
    **{f"options {path.removeprefix('imapdb').strip()}".strip(): partial(_options, path) for path in commands()},
}
