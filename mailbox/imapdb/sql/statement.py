"""A statement as it runs: its text, its parameters, and what they say of the tables it names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from imapdb.errors import NotSupportedError
from imapdb.sql.catalog import fold
from imapdb.sql.columns import COLUMNS
from imapdb.sql.conditions import refuse_breaks
from imapdb.sql.coverage import Coverage
from imapdb.sql.lexer import is_worth_reading
from imapdb.sql.plan import MatchRule
from imapdb.sql.tree import alternatives, leaves
from imapdb.sql.where import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imapdb.sql.criteria import Argument
    from imapdb.sql.plan import Term
    from imapdb.sql.tree import Node, Parameters

__all__ = ["MATCH_ALONE", "Statement"]

MATCH_ALONE: Final = (
    "MATCH asks the server's own search: it can be a condition joined by AND, or by OR with comparisons, but stand "
    "neither under NOT or CASE, nor on the outer side of a LEFT JOIN, nor for a value"
)
_BREAKS: Final = re.compile(r"[\r\n\0]")


class Statement:
    """What a cursor runs. `is_read` is False where the text says less than the whole: views hide what they name."""

    def __init__(self, text: str, parameters: Parameters, *, is_read: bool = True) -> None:
        self._text = text
        self._parameters = parameters
        self.coverage = Coverage()
        self._trees: Mapping[str, Node] = {}
        self._repeated: frozenset[str] = frozenset()
        if is_read and is_worth_reading(text):
            from imapdb.sql.reader import occurrences, trees  # noqa: PLC0415 - sqlglot is imported for statements that need it

            self._trees = trees(text)
            named = Counter(fold(occurrence.table) for occurrence in occurrences(text))
            self._repeated = frozenset(table for table, times in named.items() if times > 1)

    def node(self, table: str) -> Node | None:
        """Give the tree of a table, by its folded name, where there is one."""
        return self._trees.get(table)

    def where(self, table: str) -> Where | None:
        """Give what every row of a table must satisfy, as far as the text says."""
        node = self._trees.get(table)
        return None if node is None else Where(node, self._parameters)

    def match_rule(self, table: str) -> MatchRule | None:
        """Say which scans of a table can be without a MATCH; None where its conditions hold none.

        None too where the table is named more than once: which of them a scan is for, nobody says.
        """
        node = self._trees.get(table)
        if node is None or table in self._repeated or all(leaf.operator != "MATCH" for leaf in leaves(node)):
            return None
        return MatchRule(frozenset((leaf.column, leaf.operator) for leaf in alternatives(node)))

    def require_match(self, table: str, terms: Sequence[Term]) -> None:
        """Raise NotSupportedError where SQLite would ask of each row whether it matches; nothing is sent then."""
        rule = self.match_rule(table)
        if rule is not None and not rule.allows(terms):
            raise NotSupportedError(MATCH_ALONE)

    def refuse_breaks(self, terms: Sequence[Term], arguments: Sequence[Argument]) -> None:
        """Raise UnsendableValue for CR, LF or NUL in a text somebody searches for.

        A value that comes out of another message, in a join, may hold what it will: it just finds nothing.
        """
        for term, argument in zip(terms, arguments, strict=False):
            for value in argument if isinstance(argument, set) else (argument,):
                if isinstance(value, str) and _BREAKS.search(value) and self._is_given(value):
                    column = COLUMNS[term.column]
                    refuse_breaks(column.name, column.condition, value)

    def names(self, mailbox: str) -> bool:
        """Say whether a mailbox is named by whoever asks, and not by a row of another table."""
        literal = re.escape("'{}'".format(mailbox.replace("'", "''")))
        if mailbox.isdigit():
            # A number stands for its text.
            literal += rf"|(?<![\w.]){mailbox}(?![\w.])"
        return mailbox in map(str, self._given) or re.search(literal, self._text) is not None

    @property
    def _given(self) -> Iterable[object]:
        return self._parameters.values() if isinstance(self._parameters, Mapping) else self._parameters

    def _is_given(self, value: str) -> bool:
        return value in self._given or value.replace("'", "''") in self._text
