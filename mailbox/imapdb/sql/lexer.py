"""A statement's text made ready for sqlglot, which reads SQLite's SQL almost as SQLite does.

The text that comes out is read and thrown away, never run. SQLite's own tokens are written anew, with a space between,
so that nobody takes two for one, and what the two would read differently is replaced: parameters (numbered as SQLite
numbers them), names in all their quotes, our own functions (some are keywords elsewhere), and what would lose its
meaning (a plus takes a column's affinity away; hexadecimal numbers wrap) by an operator nobody pushes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from imapdb.sql.functions import SCALARS
from imapdb.sql.tree import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FUNCTION", "Prepared", "is_worth_reading", "prepare"]

FUNCTION: Final = "imapdb_"
PARAMETER: Final = "imapdb_p"
ODD: Final = "( ~ 0 )"

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\n\f\r\ufeff]+|--[^\n]*|/\*(?s:.*?)(?:\*/|\Z))
    | (?P<string>'[^']*(?:''[^']*)*')
    | (?P<name>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`|\[[^\]]*(?:\]|\Z))
    | (?P<parameter>\?[0-9]*|[:@\#$](?:[\w$]|[^\x00-\x7f]|::)+(?:\([^)\s]*\))?)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$.]|[^\x00-\x7f]))
    | (?P<odd>\.?[0-9](?:[\w$.]|[^\x00-\x7f])*|[xX]'[^']*')
    | (?P<word>(?:[^\W\d]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*)
    | (?P<plus>\+)
    | (?P<other>->>|->|\|\||<=|<>|<<|>=|>>|!=|==|.)
    """,
    re.VERBOSE | re.ASCII,
)
_WORTH: Final = re.compile(r"\b(?:OR|NOT|ESCAPE|IS[\s(]+(?:TRUE|FALSE))\b", re.IGNORECASE)
_READS: Final = re.compile(
    r"(?:[\s(\ufeff]|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"\w+", re.ASCII)


class Prepared:
    """The text for sqlglot, the parameters by the names they have in it, and how often it says AND and OR."""

    def __init__(self, text: str) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.joined = Counter[str]()
        self._largest = 0
        self._numbers: dict[str, int] = {}
        self.text = " ".join(self._written(text))

    def _written(self, text: str) -> Iterator[str]:
        held = ""  # a name of ours, until it is known whether it is called
        for match in _TOKEN.finditer(text):
            kind, token = match.lastgroup, match[0]
            if kind == "space":
                continue
            if held:
                yield FUNCTION + held if token.startswith("(") else held
            held = token.lower() if kind == "word" and token.lower() in SCALARS else ""
            if not held:
                yield self._replaced(kind, token)
        if held:
            yield held

    def _replaced(self, kind: str | None, token: str) -> str:
        match kind:
            case "word":
                self.joined[token.lower()] += token.lower() in ("and", "or")
                return token if _PLAIN.fullmatch(token) else _named(token)
            case "name":
                return _named(_unquoted(token))
            case "parameter":
                return self._parameter(token)
            case "odd":
                return ODD
            case "plus":
                return "+ ~"
        return token

    def _parameter(self, token: str) -> str:
        """Give a parameter the number it has for SQLite: a `?` the next one, a name the one it got first."""
        numbered, name = token.startswith("?"), token[1:]
        if numbered and not name:
            self._largest += 1
            found = Parameter(self._largest)
        elif numbered:
            self._largest = max(self._largest, int(name))
            found = Parameter(int(name), name)
        else:
            if token not in self._numbers:
                self._largest += 1
                self._numbers[token] = self._largest
            found = Parameter(self._numbers[token], name)
        placed = f"{PARAMETER}{len(self.parameters)}"
        self.parameters[placed] = found
        return f":{placed}"


def _unquoted(token: str) -> str:
    quote = token[-1]
    return token[1:-1] if quote == "]" else token[1:-1].replace(quote * 2, quote)


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def prepare(text: str) -> Prepared:
    """Make a statement's text ready to be read. Raises ValueError for a parameter's number of thousands of digits."""
    return Prepared(text)


def is_worth_reading(text: str) -> bool:
    """Say whether a statement may hold what SQLite does not hand over: OR, NOT, ESCAPE, IS TRUE."""
    return _WORTH.search(text) is not None and _READS.match(text) is not None
