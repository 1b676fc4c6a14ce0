"""The terminal of the shell, by prompt_toolkit: history, completion, statements of several lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import ColorDepth, create_output

from imapdb.cli import places
from imapdb.cli.shell.names import offers
from imapdb.cli.shell.session import COMMANDS, Session, is_complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyPressEvent

__all__ = ["converse"]

PROMPT = "imapdb> "
_GOING_ON = "   ...> "


class _Completer(Completer):
    def __init__(self, tables: Callable[[], Iterable[str]]) -> None:
        self._tables = tables

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        found = offers(document.text_before_cursor, document.text_after_cursor, self._tables(), COMMANDS)
        return (Completion(offer.text, -offer.length, display_meta=offer.what) for offer in found)


def converse(session: Session, *, in_colour: bool = True) -> None:
    """Ask for statements and run them until the user leaves."""
    tables = session.tables()
    asking: PromptSession[str] = PromptSession(
        history=_history(),
        completer=_Completer(lambda: tables),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation=_GOING_ON,
        key_bindings=_keys(),
        color_depth=None if in_colour else ColorDepth.MONOCHROME,
        # What is asked stays on the terminal where the answers go into a file.
        output=create_output(always_prefer_tty=True),
    )
    while not session.is_over:
        try:
            text = asking.prompt(PROMPT)
        except KeyboardInterrupt:
            session.cancel()
            continue
        except EOFError:
            return
        for line in text.splitlines():
            session.feed(line)
        # What is within a string that was not closed is run all the same: SQLite says what is wrong.
        session.finish()
        tables = session.tables()


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        """Run what is complete, and begin another line otherwise."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def _history() -> History:
    """Keep the history in a file nobody else can read; in memory where that cannot be."""
    try:
        path = places.state("history")
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
