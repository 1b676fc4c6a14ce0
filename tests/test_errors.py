"""The error tree: what its docstring draws is what the classes are."""

from __future__ import annotations

import inspect
import re

from imapdb import errors

CLASSES = {
    name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and kind.__module__ == errors.__name__
}


def drawn() -> dict[str, str]:
    """Read the tree of the docstring: each class, and the one it hangs from."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)(?: |$)", line)
        if match is None:
            continue
        depth, name = len(match[1]), match[2]
        while above and above[-1][0] >= depth:
            above.pop()
        found[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))
    return found


def test_the_tree_drawn_is_the_tree() -> None:
    assert drawn() == {name: kind.__base__.__name__ for name, kind in CLASSES.items() if kind.__base__}


def test_all_is_complete_and_sorted() -> None:
    assert set(errors.__all__) == set(CLASSES)
    assert errors.__all__ == sorted(errors.__all__)


def test_every_error_is_documented() -> None:
    for kind in CLASSES.values():
        assert "__doc__" in vars(kind)
        assert (kind.__doc__ or "").strip().endswith(".")


def test_every_error_may_name_its_command_and_the_servers_words() -> None:
    for kind in CLASSES.values():
        if issubclass(kind, errors.Error):
            error = kind("text", command="UID FETCH", server_text="no")
            assert (str(error), error.command, error.server_text) == ("text", "UID FETCH", "no")
            assert (kind("text").command, kind("text").server_text) == (None, None)
