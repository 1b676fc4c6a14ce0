"""Random SELECT statements over message tables, in the SQL that SQLite and imapdb share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from tests.kit.oracle import SYSTEM_FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.kit.oracle import Row

__all__ = ["Statement", "statements", "text_statements"]

T = TypeVar("T")

_NUMBERS = ("uid", "size")
_DATES = ("created", "sent")
_TEXTS = (
    "sender", "to", "cc", "bcc", "reply_to", "sender_name", "sender_address", "subject", "message_id", "in_reply_to",
    "references", "mime", "recipients", "refs",
)  # fmt: skip
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "==", "<>")
_FUNCTIONS = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "ilike")
_FLAG_NAMES = (
    "\\Seen",
    "\\seen",
    "\\Recent",
    "\\FLAGGED",
    "work",
    "WORK",
    "$forwarded",
    "a.b-c",
    "none",
    "",
    "no atom",
)
_ODD: tuple[Any, ...] = (
    None, 0, 1, 2, -1, 5, 5.5, -0.5, 1.0, "5", " 5 ", "5.0", "1", "abc", "", b"", b"5", True, 2**32 - 1, 2**32, 2**33,
    2**63 - 1, -(2**63), 1e300, "é", "2024-02-28", "2024-02-28 00:00:00", "2024-02-29 23:59:59", "2024-02-30", "2024",
    "1969-12-31", "9999-12-31",
)  # fmt: skip


class Statement(NamedTuple):
    """A SELECT. `ordered` says that its ORDER BY leaves no two rows to choose between."""

    sql: str
    parameters: list[Any]
    ordered: bool


def statements(tables: Mapping[str, Sequence[Row]]) -> st.SearchStrategy[Statement]:
    """Make statements over these tables (`messages` among them), with values that are in their rows, or nearly."""
    return st.composite(lambda draw: _Writer(draw, tables).statement())()


def text_statements(tables: Mapping[str, Sequence[Row]]) -> st.SearchStrategy[Statement]:
    """Make statements with one condition, on the text of a header: there servers and SQL differ most."""
    return st.composite(lambda draw: _Writer(draw, tables).text_statement())()


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class _Writer:
    """Writes one statement from left to right, with its parameters."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], tables: Mapping[str, Sequence[Row]]) -> None:
        self._draw = draw
        self._tables = tables
        self._boxes = [name for name in tables if name != "messages"]
        self._parameters: list[Any] = []
        self._deep = 0

    def _pick(self, choices: Sequence[T]) -> T:
        picked: T = self._draw(st.sampled_from(choices))
        return picked

    def _chance(self, of: int) -> bool:
        return bool(self._draw(st.integers(0, of - 1)) == 0)

    def _table(self) -> str:
        return self._pick([*self._boxes, *self._boxes, "messages"])

    def _mark(self, value: Any) -> str:
        self._parameters.append(value)
        return "?"

    # Values.

    def _held(self, column: str) -> Any:
        rows = self._tables["messages"]
        return rows[self._draw(st.integers(0, len(rows) - 1))][column]

    def _value(self, column: str) -> Any:
        if self._chance(4):
            return self._pick(_ODD)
        if column in SYSTEM_FLAGS:
            return self._pick((0, 1, 1, 0, True, False))
        value = self._held(column)
        if isinstance(value, int) and self._chance(2):
            return value + self._pick((-1, 1, 0.5))
        if isinstance(value, str) and self._chance(4):
            return self._part(value)
        if isinstance(value, str) and column in _DATES and self._chance(2):
            return value[: self._pick((10, 7, 13))]
        return value

    def _part(self, text: str) -> str:
        start = self._draw(st.integers(0, len(text)))
        return text[start : start + self._draw(st.integers(1, 12))]

    def _needle(self, column: str) -> Any:
        if self._chance(12):
            return self._pick((None, "", 5, 5.5, "ss", "ß", "%", "\u017f", "\u212a"))
        held = self._held(column)
        words = str(held or "").split() or [""]
        text = self._pick(words) if self._chance(2) else self._part(str(held or ""))
        changes: tuple[Callable[[str], str], ...] = (str, str, str.upper, str.lower, str.casefold, str.swapcase)
        return self._pick(changes)(text)

    def _pattern(self, column: str) -> Any:
        needle = self._needle(column)
        if not isinstance(needle, str):
            return needle
        if needle and self._chance(3):
            place = self._draw(st.integers(0, len(needle) - 1))
            needle = needle[:place] + self._pick(("_", "%", "%%")) + needle[place + self._pick((0, 1)) :]
        return self._pick(("%", "", "%", "_")) + needle + self._pick(("%", "", "%", "_"))

    # Conditions.

    def _condition(self, alias: str) -> str:
        self._deep += 1
        try:
            kind = self._draw(st.integers(0, 9))
            if kind < 6 or self._deep > 3:
                return self._term(alias)
            if kind == 9:
                return f"NOT ({self._condition(alias)})"
            word = " AND " if kind == 6 else " OR "
            return "(" + word.join([self._condition(alias) for _ in range(self._pick((2, 2, 3)))]) + ")"
        finally:
            self._deep -= 1

    def _term(self, alias: str) -> str:
        written = self._pick(
            (
                self._comparison, self._comparison, self._comparison, self._flag, self._flag, self._null, self._set,
                self._between, self._like, self._like, self._function, self._function, self._has_flag, self._mailbox,
                self._other_column, self._expression, self._subquery, self._exists,
            )
        )  # fmt: skip
        if self._deep > 2 and written in (self._subquery, self._exists):
            return self._comparison(alias)
        return written(alias)

    def _column(self) -> str:
        return self._pick(self._pick((_NUMBERS, _NUMBERS, _DATES, _TEXTS, ("flags", "mailbox"))))

    def _comparison(self, alias: str) -> str:
        column = self._column()
        named = f"{alias}.{_name(column)}"
        operator = self._pick(_COMPARISONS)
        collation = self._pick(("", "", "", " COLLATE NOCASE", " COLLATE RTRIM")) if column in _TEXTS else ""
        mark = self._mark(self._value(column))
        if self._chance(6) and operator not in ("IS", "IS NOT"):
            return f"{mark} {operator} {named}{collation}"
        return f"{named} {operator} {mark}{collation}"

    def _flag(self, alias: str) -> str:
        named = f"{alias}.{self._pick(SYSTEM_FLAGS)}"
        form = self._pick(("bare", "not", "is", "compare", "compare"))
        if form == "compare":
            return f"{named} {self._pick(_COMPARISONS)} {self._mark(self._value('seen'))}"
        return {"bare": named, "not": f"NOT {named}", "is": f"{named} IS {self._pick(('TRUE', 'NOT TRUE', 'FALSE'))}"}[
            form
        ]

    def _null(self, alias: str) -> str:
        named = f"{alias}.{_name(self._pick((*_TEXTS, *_DATES, 'uid', 'seen')))}"
        return f"{named} {self._pick(('IS NULL', 'IS NOT NULL', 'ISNULL', 'NOTNULL'))}"

    def _set(self, alias: str) -> str:
        column = self._pick((self._column(), "uid", "seen", "mailbox"))
        named = f"{alias}.{_name(column)} {self._pick(('IN', 'IN', 'NOT IN'))}"
        form = self._pick(("values", "values", "empty", "subquery"))
        if form == "empty":
            return f"{named} {self._pick(('()', '(SELECT 1 WHERE 0)', '(NULL)'))}"
        if form == "values":
            marks = [self._mark(self._value(column)) for _ in range(self._draw(st.integers(1, 5)))]
            return f"{named} ({', '.join(marks)})"
        table = self._pick(self._boxes)
        other = self._pick((column, column, self._column()))
        return f"{named} (SELECT q.{_name(other)} FROM {_name(table)} q WHERE {self._simple('q')})"

    def _simple(self, alias: str) -> str:
        return self._pick((self._flag, self._comparison, self._null))(alias)

    def _between(self, alias: str) -> str:
        column = self._pick((*_NUMBERS, *_DATES, "subject"))
        word = self._pick(("BETWEEN", "BETWEEN", "NOT BETWEEN"))
        low = self._mark(self._value(column))
        return f"{alias}.{column} {word} {low} AND {self._mark(self._value(column))}"

    def _like(self, alias: str) -> str:
        column = self._pick((*_TEXTS, "subject", "sender", "to", "flags", "created"))
        named = f"{alias}.{_name(column)}"
        if self._chance(6):
            needle = self._needle(column)
            return f"{named} GLOB {self._mark(f'*{needle}*')}"
        if self._chance(8):
            return f"{named} LIKE {self._mark(self._pattern(column))} ESCAPE '!'"
        return f"{named} {self._pick(('LIKE', 'LIKE', 'NOT LIKE'))} {self._mark(self._pattern(column))}"

    def _function(self, alias: str) -> str:
        column = self._pick((*_TEXTS, "subject", "sender", "to", "cc", "subject"))
        name = self._pick(_FUNCTIONS)
        value = self._pattern(column) if name == "ilike" else self._needle(column)
        return f"{self._pick(('', '', 'NOT '))}{name}({alias}.{_name(column)}, {self._mark(value)})"

    def _has_flag(self, alias: str) -> str:
        value = self._pick((*_FLAG_NAMES, None, 5))
        return f"{self._pick(('', '', 'NOT '))}has_flag({alias}.flags, {self._mark(value)})"

    def _mailbox(self, alias: str) -> str:
        value = self._pick((*self._boxes, "inbox", "no such", None, 5, b"INBOX", 5.0))
        collation = self._pick(("", "", " COLLATE NOCASE"))
        return f"{alias}.mailbox {self._pick(('=', '=', 'IS', '!=', 'LIKE'))} {self._mark(value)}{collation}"

    def _other_column(self, alias: str) -> str:
        left, right = self._column(), self._column()
        return f"{alias}.{_name(left)} {self._pick(_COMPARISONS)} {alias}.{_name(right)}"

    def _expression(self, alias: str) -> str:
        form = self._pick(
            (
                "{a}.size + 0 > ?",
                "lower({a}.subject) LIKE ?",
                "CASE WHEN {a}.seen THEN {a}.size ELSE {a}.uid END > ?",
                "length({a}.subject) > ?",
                "substr({a}.created, 1, 10) = ?",
                "coalesce({a}.subject, {a}.sender) > ?",
                "({a}.seen = ?) = {a}.flagged",
                "{a}.seen + {a}.flagged > ?",
                "+{a}.size = ?",
            )
        )
        self._mark(self._value("subject" if "subject" in form else "created" if "created" in form else "size"))
        return form.format(a=alias)

    def _subquery(self, alias: str) -> str:
        table = _name(self._pick(self._boxes))
        # Written before the rest of the term, as the parameters come in that order.
        form = self._pick(("count", "max", "first"))
        inner = f"z.message_id = {alias}.message_id" if self._chance(2) else f"z.uid = {alias}.uid"
        what = {"count": "count(*)", "max": "max(z.size)", "first": "min(z.created)"}[form]
        written = f"(SELECT {what} FROM {table} z WHERE {inner} AND {self._simple('z')})"
        return f"{written} {self._pick(('>', '<=', '=', 'IS NOT'))} {self._mark(self._value('seen'))}"

    def _exists(self, alias: str) -> str:
        table = _name(self._pick(self._boxes))
        column = self._pick(("message_id", "subject", "uid", "in_reply_to", "sender_address", "size", "created"))
        other = self._pick((column, column, "message_id"))
        word = self._pick(("EXISTS", "NOT EXISTS"))
        equal = self._pick(("=", "=", "IS", "<"))
        left, right = f"y.{_name(column)}", f"{alias}.{_name(other)}"
        inner = f"{left} {equal} {right}" if self._chance(2) else f"{right} {equal} {left}"
        return f"{word} (SELECT 1 FROM {table} y WHERE {inner} AND {self._condition('y')})"

    # Statements.

    def statement(self) -> Statement:
        form = self._pick(
            (
                self._select, self._select, self._select, self._select, self._aggregate, self._aggregate, self._join,
                self._join, self._join, self._compound, self._common, self._window, self._three,
            )
        )  # fmt: skip
        sql, ordered = form()
        return Statement(sql, self._parameters, ordered)

    def text_statement(self) -> Statement:
        term = self._pick((self._function, self._function, self._like))
        sql = f"SELECT uid FROM {_name(self._pick(self._boxes))} a WHERE {term('a')} ORDER BY uid"
        return Statement(sql, self._parameters, ordered=True)

    def _columns(self, alias: str) -> str:
        chosen = [self._pick(("uid", "uid", "seen", self._column(), self._column())) for _ in range(self._pick((1, 3)))]
        return ", ".join(f"{alias}.{_name(column)}" for column in chosen)

    def _where(self, alias: str) -> str:
        return f" WHERE {self._condition(alias)}" if not self._chance(8) else ""

    def _order(self, aliases: Sequence[str]) -> tuple[str, bool]:
        """Write ORDER BY and LIMIT; LIMIT only behind an order that decides every row."""
        if self._chance(3):
            return "", False
        terms = []
        for _ in range(self._pick((0, 0, 1, 2))):
            alias = self._pick(aliases)
            column = self._pick(("uid", "created", "size", "subject", "seen", "sender", "mailbox"))
            collation = " COLLATE NOCASE" if column == "subject" and self._chance(2) else ""
            terms.append(f"{alias}.{column}{collation}{self._pick(('', ' DESC', ' ASC', ' NULLS LAST'))}")
        for alias in aliases:
            if self._chance(2):
                terms += [f"{alias}.uid{self._pick(('', ' DESC'))}", f"{alias}.mailbox"]
            else:
                terms += [f"{alias}.mailbox", f"{alias}.uid{self._pick(('', ' DESC'))}"]
        written = " ORDER BY " + ", ".join(terms)
        if self._chance(2):
            written += f" LIMIT {self._mark(self._pick((0, 1, 3, 10, -1)))}"
            if self._chance(2):
                written += f" OFFSET {self._mark(self._pick((0, 1, 5)))}"
        return written, True

    def _select(self) -> tuple[str, bool]:
        distinct = "DISTINCT " if self._chance(8) else ""
        head = f"SELECT {distinct}{self._columns('a')} FROM {_name(self._table())} a{self._where('a')}"
        if distinct:
            return head, False
        order, ordered = self._order("a")
        return head + order, ordered

    def _aggregate(self) -> tuple[str, bool]:
        source = f" FROM {_name(self._table())} a"
        if self._chance(2):
            what = self._pick(
                ("count(*)", "count(a.subject)", "max(a.uid), min(a.created)", "sum(a.size)", "sum(a.seen), count(*)")
            )
            return f"SELECT {what}{source}{self._where('a')}", True
        by = self._pick(("a.seen", "a.sender_address", "substr(a.created, 1, 10)", "a.mailbox", "a.uid", "a.size"))
        written = f"SELECT {by}, count(*), max(a.size){source}{self._where('a')} GROUP BY {by}"
        if self._chance(2):
            written += f" HAVING count(*) > {self._mark(self._pick((0, 1, 3)))}"
        return written, False

    def _on(self, left: str, right: str) -> str:
        first, second = self._pick(
            (
                ("message_id", "message_id"), ("in_reply_to", "message_id"), ("uid", "uid"), ("subject", "subject"),
                ("size", "size"), ("sender_address", "sender_address"), ("uid", "size"), ("seen", "flagged"),
                ("created", "created"), ("mailbox", "mailbox"), ("uid", "subject"), ("sender_name", "sender_name"),
            )
        )  # fmt: skip
        equal = self._pick(("=", "=", "=", "=", "IS", "<"))
        sides = [f"{left}.{first}", f"{right}.{second}"]
        if self._chance(2):
            sides.reverse()
        written = f" {equal} ".join(sides)
        if self._chance(6):
            written = f"contains({right}.subject, {left}.sender_name)"
        if self._chance(2):
            written += f" AND {self._term(self._pick((left, right)))}"
        return written

    def _join(self) -> tuple[str, bool]:
        first, second = self._pick(self._boxes), self._table()
        kind = self._pick(("JOIN", "LEFT JOIN", "LEFT JOIN", "CROSS JOIN"))
        columns = self._columns("a")
        columns += ", " + self._columns("b")
        head = f"SELECT {columns} FROM {_name(first)} a {kind} {_name(second)} b ON {self._on('a', 'b')}"
        if not self._chance(3):
            head += f" WHERE {self._condition('a')}"
            if self._chance(2):
                head += f" {self._pick(('AND', 'AND', 'OR'))} {self._term('b')}"
        order, ordered = self._order("ab")
        return head + order, ordered

    def _three(self) -> tuple[str, bool]:
        names = [_name(self._pick(self._boxes)) for _ in range(3)]
        kinds = [self._pick(("JOIN", "LEFT JOIN")) for _ in range(2)]
        head = f"SELECT a.uid, b.uid, c.uid FROM {names[0]} a {kinds[0]} {names[1]} b ON {self._on('a', 'b')}"
        head += f" {kinds[1]} {names[2]} c ON c.message_id = {self._pick(('a', 'b'))}.message_id AND {self._term('c')}"
        return f"{head} WHERE {self._term('a')}", False

    def _compound(self) -> tuple[str, bool]:
        word = self._pick(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
        columns = self._pick(("uid, subject", "mailbox, uid", "message_id", "seen, size"))
        written = f"SELECT {columns} FROM {_name(self._table())} a{self._where('a')} {word} "
        return written + f"SELECT {columns} FROM {_name(self._table())} b{self._where('b')}", False

    def _common(self) -> tuple[str, bool]:
        inner = f"SELECT uid, mailbox, size, subject, seen, message_id FROM {_name(self._table())} a{self._where('a')}"
        outer = "SELECT x.uid, y.uid, y.subject FROM picked x JOIN picked y ON x.message_id = y.message_id"
        if self._chance(2):
            outer = f"SELECT uid, subject FROM picked WHERE size > {self._pick(('300', '500', '5'))}"
        return f"WITH picked AS ({inner}) {outer}", False

    def _window(self) -> tuple[str, bool]:
        what = self._pick(
            (
                "row_number() OVER (PARTITION BY a.seen ORDER BY a.mailbox, a.uid)",
                "sum(a.size) OVER (ORDER BY a.mailbox, a.uid)",
                "lag(a.subject) OVER (ORDER BY a.mailbox, a.uid DESC)",
                "count(*) OVER (PARTITION BY a.sender_address)",
            )
        )
        return f"SELECT a.uid, a.mailbox, {what} FROM {_name(self._table())} a{self._where('a')}", False
