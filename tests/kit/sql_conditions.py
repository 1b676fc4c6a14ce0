"""Random conditions over the columns of a message table: every operator, nested any way, with few parentheses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.kit.oracle import SYSTEM_FLAGS
from tests.kit.sql_values import DATES, NUMBERS, TEXTS, Values, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis import strategies as st

    from tests.kit.oracle import Row

__all__ = ["COMPARISONS", "Conditions"]

COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "==", "<>")
_FUNCTIONS: Final = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "ilike")
_FLAG_NAMES: Final = (
    "\\Seen", "\\seen", "\\Recent", "\\FLAGGED", "work", "WORK", "$forwarded", "a.b-c", "none", "", "no atom", "\\x",
)  # fmt: skip
_TRUTH: Final = (
    "TRUE",
    "NOT TRUE",
    "NOT TRUE",
    "FALSE",
    "NOT FALSE",
    "NOT FALSE",
    "NULL",
    "NOT NULL",
    "1",
    "NOT 1",
    "0",
    "NOT 0",
)
# Written around a condition {c} or two ({d}); none of them adds parentheses that SQL would not need.
_AROUND: Final = (
    "NOT {c}", "NOT {c}", "NOT ({c})", "({c})", "(({c}))", "{c} AND {d}", "{c} AND {d}", "{c} OR {d}", "{c} OR {d}",
    "({c} OR {d})", "({c} AND {d})", "({c} OR {d} OR {c2})", "({c} AND {d}) OR {c2}", "({c} OR {d}) AND {c2}",
    "NOT ({c} OR {d})", "NOT ({c} AND {d})", "NOT NOT {c}", "({c} OR {d}) IS {t}", "({c} AND {d}) IS {t}",
    "({c}) = ({d})", "({c}) <> ({d})", "({c}) IS ({d})", "{c} = {d}", "({c}) IN (0, 1)", "({c}) IN (1)",
    "(NOT {c}) IS {t}", "(NOT {c}) IS NOT TRUE",
    "(NOT {c}) IS NOT TRUE", "(NOT ({c} OR {d})) IS {t}", "(NOT {c} AND {d}) IS NOT TRUE", "({c}) IS NOT TRUE",
    "({c}) IS NOT FALSE",
    "NOT ({c}) IS {t}", "CASE WHEN {c} THEN {d} ELSE {c2} END", "CASE {c} WHEN 1 THEN {d} END", "iif({c}, {d}, {c2})",
    "coalesce({c}, {d})", "({c}) + ({d}) > 1", "({c}) * ({d})", "({c}) | ({d})", "-({c})", "+({c})",
    "({c}) BETWEEN 0 AND ({d})", "likely({c})",
    "({c}) /* OR 1 */ AND {d}",
    "{c} or {d}", "not {c}", "{c}\nOr\t{d}", "not({c})and {d}", "{c} -- OR 1\n OR {d}", "ifnull(nullif({c}, 0), {d})",
    "max({c}, {d})",
    "{c} OR {t2}", "{c} AND {t2}", "NOT {c} AND {d} OR {c2}", "{c} OR {d} AND NOT {c2}", "({c}) ISNULL",
    "({c}) < ({d})",
    "EXISTS (SELECT 1 WHERE {c})", "(SELECT {c})", "1 IN (SELECT {c} UNION SELECT {d})", "(({c}, {d}) = (1, 0))",
)  # fmt: skip
_CONSTANTS: Final = ("1", "0", "TRUE", "FALSE", "NULL", "'x'", "1 = 1", "'seen'")


class Conditions(Values):
    """Writes conditions. With `texts` empty none of them looks at the text of a message."""

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[Any]], Any],
        tables: Mapping[str, Sequence[Row]],
        texts: Sequence[str] = TEXTS,
    ) -> None:
        super().__init__(draw, tables)
        self.texts = tuple(texts)
        self._deep = 0

    def condition(self, alias: str) -> str:
        self._deep += 1
        try:
            if self._deep > 3 or self.chance(2):
                return self.term(alias)
            form = self.pick(_AROUND)
            parts = {name: self.condition(alias) for name in ("c", "d", "c2") if "{" + name + "}" in form}
            return form.format(**parts, t=self.pick(_TRUTH), t2=self.pick(_CONSTANTS))
        finally:
            self._deep -= 1

    def term(self, alias: str) -> str:
        terms: list[Callable[[str], str]] = [
            self._comparison, self._comparison, self._comparison, self._flag, self._flag, self._null, self._set,
            self._between, self._has_flag, self._mailbox, self._other_column, self._expression, self._rows,
        ]  # fmt: skip
        if self.texts:
            terms += [self._like, self._like, self.function, self.function, self._text_expression]
        if self._deep < 3:
            terms += [self._subquery, self._exists]
        return self.pick(terms)(alias)

    def column(self) -> str:
        kinds: list[tuple[str, ...]] = [NUMBERS, NUMBERS, DATES, ("flags", "mailbox")]
        if self.texts:
            kinds += [self.texts, self.texts]
        return self.pick(self.pick(kinds))

    def _comparison(self, alias: str) -> str:
        column = self.column()
        # A plus takes the column's affinity away, and with it what a text of digits is.
        named = self.pick(("", "", "", "", "", "+")) + self.name(alias, column)
        operator = self.pick((*COMPARISONS, "IS DISTINCT FROM", "IS NOT DISTINCT FROM"))
        collation = self.pick(("", "", "", " COLLATE NOCASE", " COLLATE RTRIM")) if column in TEXTS else ""
        mark = self.mark(self.value(column))
        if self.chance(6) and not operator.startswith("IS"):
            return f"{mark} {operator} {named}{collation}"
        if self.chance(15):
            return f"{named} {operator} {mark} {self.pick(COMPARISONS)} {self.pick((0, 1))}"
        return f"{named} {operator} {mark}{collation}"

    def _flag(self, alias: str) -> str:
        named = self.name(alias, self.pick(SYSTEM_FLAGS))
        form = self.pick(
            ("{f}", "{f}", "NOT {f}", "{f} IS {t}", "{f} {o} {v}", "{f} {o} {v}", "{f} {o} {v} {o2} 1", "-{f}")
        )
        value = self.mark(self.value("seen")) if "{v}" in form else ""
        return form.format(
            f=named, t=self.pick(_TRUTH), o=self.pick(COMPARISONS), o2=self.pick(("=", "<>", "IS", "<")), v=value
        )

    def _null(self, alias: str) -> str:
        column = self.pick((*self.texts, *DATES, "uid", "seen", "flags"))
        return f"{self.name(alias, column)} {self.pick(('IS NULL', 'IS NOT NULL', 'ISNULL', 'NOTNULL', 'NOT NULL'))}"

    def _set(self, alias: str) -> str:
        column = self.pick((self.column(), self.column(), "uid", "seen", "mailbox"))
        named = f"{self.name(alias, column)} {self.pick(('IN', 'IN', 'NOT IN'))}"
        form = self.pick(("values", "values", "values", "empty", "subquery", "rows"))
        if form == "empty":
            return f"{named} {self.pick(('()', '(SELECT 1 WHERE 0)', '(NULL)'))}"
        if form in ("values", "rows"):
            marks = [self.mark(self.value(column)) for _ in range(self.number(1, 5))]
            return f"{named} ({', '.join(marks)})" if form == "values" else f"{named} (VALUES ({'), ('.join(marks)}))"
        table = quoted_name(self.pick(self.boxes))
        other = self.name("q", self.pick((column, column, self.column())))
        return f"{named} (SELECT {other} FROM {table} q WHERE {self.simple('q')})"

    def simple(self, alias: str) -> str:
        """A condition without a subquery."""
        return self.pick((self._flag, self._comparison, self._null))(alias)

    def _between(self, alias: str) -> str:
        column = self.pick((*NUMBERS, *NUMBERS, *DATES, *DATES, *self.texts))
        word = self.pick(("BETWEEN", "BETWEEN", "NOT BETWEEN"))
        low, high = self.mark(self.value(column)), self.mark(self.value(column))
        return f"{self.name(alias, column)} {word} {low} AND {high}"

    def _like(self, alias: str) -> str:
        column = self.pick((*self.texts, "subject", "sender", "to", "flags", "created"))
        named = self.name(alias, column)
        negated = self.pick(("", "", "NOT "))
        form = self.pick(("LIKE", "LIKE", "LIKE", "GLOB", "ESCAPE", "like", "glob"))
        if form == "GLOB":
            return f"{named} {negated}GLOB {self.mark(self.glob(column))}"
        if form == "glob":
            return f"{negated}glob({self.mark(self.glob(column))}, {named})"
        pattern = self.mark(self.pattern(column))
        escaping = self.pick(("'!'", "'%'", "'_'", "'a'", "'E'", "'\\'"))
        if form == "like":
            third = f", {escaping}" if self.chance(3) else ""
            return f"{negated}like({pattern}, {named}{third})"
        escape = f" ESCAPE {escaping}" if form == "ESCAPE" else ""
        return f"{named} {negated}LIKE {pattern}{escape}"

    def function(self, alias: str) -> str:
        """A condition by one of imapdb's functions on text."""
        column = self.pick((*self.texts, "subject", "sender", "to", "cc", "subject"))
        name = self.pick(_FUNCTIONS)
        value = self.mark(self.pattern(column) if name == "ilike" else self.needle(column))
        named = self.name(alias, column)
        form = self.pick(
            ("{n}({c}, {v})",) * 4 + ("NOT {n}({c}, {v})", "{n}({v}, {c})", "{n}({c}, {v}) = 1", "{n}({c}, {v}) IS {t}",
             "{n}({c}, {v}) = 0", "{n}({c}, {d})", "{n}({c} || '', {v})", "{n}(lower({c}), {v})")
        )  # fmt: skip
        other = self.name(alias, self.pick(self.texts))
        return form.format(n=name, c=named, v=value, t=self.pick(_TRUTH), d=other)

    def _has_flag(self, alias: str) -> str:
        value = self.mark(self.pick((*_FLAG_NAMES, None, 5)))
        written = f"has_flag({self.name(alias, 'flags')}, {value})"
        return self.pick(("{}", "{}", "NOT {}", "{} = 1", "{} IS NOT TRUE", "{} <> 1")).format(written)

    def _mailbox(self, alias: str) -> str:
        named = self.name(alias, "mailbox")
        value = self.mark(self.pick((*self.boxes, *self.boxes, "inbox", "no such", None, 5, b"INBOX", 5.0, 1, True)))
        collation = self.pick(("", "", " COLLATE NOCASE"))
        return f"{named} {self.pick(('=', '=', '=', 'IS', '!=', 'LIKE', '<'))} {value}{collation}"

    def _other_column(self, alias: str) -> str:
        return f"{self.name(alias, self.column())} {self.pick(COMPARISONS)} {self.name(alias, self.column())}"

    def _expression(self, alias: str) -> str:
        form, kind = self.pick(
            (
                ("{size} + 0 > {v}", "size"), ("CASE WHEN {seen} THEN {size} ELSE {uid} END > {v}", "size"),
                ("substr({created}, 1, 10) = {v}", "created"), ("date({created}) = date({v})", "created"),
                ("{created} >= date({v}, '-1 day')", "created"), ("datetime({sent}, '+14 hours') < {v}", "sent"),
                ("julianday({created}) - julianday({sent}) > {v}", "seen"), ("strftime('%Y', {sent}) = {v}", "sent"),
                ("({seen} = {v}) = {flagged}", "seen"), ("{seen} + {flagged} > {v}", "seen"), ("+{size} = {v}", "size"),
                ("+{uid} < {s}", "uid"), ("+{size} < {s} OR {uid} = {v}", "uid"), ("{size} < {s}", "size"),
                ("-{uid} = {v}", "uid"), ("{uid} % 2 = {v}", "seen"), ("cast({size} AS TEXT) = {v}", "size"),
                ("{uid} || '' = {v}", "uid"), ("{size} = ({v})", "size"), ("{uid} = {v} + 1", "uid"),
                ("abs({uid}) < {v}", "uid"), ("{created} || '' = {v}", "created"),
                ("{seen} <> {flagged} = {v}", "seen"), ("min({uid}, {size}) >= {v}", "uid"),
                ("iif({seen}, {created}, {sent}) > {v}", "created"),
                ("json_array_length({flags}) = {v}", "seen"), ("{size} IN ({uid}, {v})", "size"),
                ("{uid} BETWEEN {seen} AND {v}", "uid"), ("{v} BETWEEN {uid} AND {size}", "size"),
            )
        )  # fmt: skip
        columns = ("uid", "size", "seen", "flagged", "created", "sent", "flags")
        names = {name: self.name(alias, name) for name in columns}
        value = self.value(kind)
        # The affinity of a column makes a number of a text, that of an expression does not.
        text = self.mark(str(value)) if "{s}" in form else ""
        return form.format(v=self.mark(value) if "{v}" in form else "", s=text, **names)

    def _text_expression(self, alias: str) -> str:
        form = self.pick(
            (
                "lower({c}) LIKE {p}", "length({c}) > {v}", "coalesce({c}, {d}) > {v}", "instr({c}, {p}) > 0",
                "{c} || {d} LIKE {p}", "substr({c}, 1, 5) = {v}", "trim({c}) = {v}", "upper({c}) = upper({v})",
                "{c} COLLATE NOCASE IN ({v}, {p})", "replace({c}, 'a', 'b') LIKE {p}", "{c} = {d}", "typeof({c}) = {v}",
            )
        )  # fmt: skip
        column = self.pick(self.texts)
        names = {"c": self.name(alias, column), "d": self.name(alias, self.pick(self.texts))}
        return form.format(v=self.mark(self.value(column)), p=self.mark(self.pattern(column)), **names)

    def _rows(self, alias: str) -> str:
        """A comparison of row values."""
        first, second = self.column(), self.pick(("uid", "seen", "size"))
        left = f"({self.name(alias, first)}, {self.name(alias, second)})"
        right = f"{self.mark(self.value(first))}, {self.mark(self.value(second))}"
        if self.chance(3):
            return f"({left} {self.pick(('IN', 'NOT IN'))} (VALUES ({right}), (5, 1)))"
        return f"({left} {self.pick(('=', '=', '<>', '<', '>=', 'IS'))} ({right}))"

    def _subquery(self, alias: str) -> str:
        table = quoted_name(self.pick(self.boxes))
        key = self.pick(("uid", "message_id") if self.texts else ("uid", "size"))
        what = self.pick(("count(*)", "max(z.size)", "min(z.created)", "sum(z.seen)", "total(z.size)"))
        inner = f"z.{key} = {self.name(alias, key)} AND {self.simple('z')}"
        operator = self.pick((">", "<=", "=", "IS NOT"))
        return f"(SELECT {what} FROM {table} z WHERE {inner}) {operator} {self.mark(self.value('seen'))}"

    def _exists(self, alias: str) -> str:
        table = quoted_name(self.pick(self.boxes))
        columns = ["uid", "size", "created"]
        if self.texts:
            columns += ["message_id", "subject", "in_reply_to", "sender_address", "list_id"]
        column = self.pick(columns)
        other = self.pick((column, column, columns[-1]))
        # The name inside may be that of the table outside.
        own = self.pick(("y", "y", alias)) if alias else "y"
        left, right = self.name(own, column), self.name(alias, other)
        inner = f" {self.pick(('=', '=', 'IS', '<'))} ".join((left, right) if self.chance(2) else (right, left))
        word = self.pick(("EXISTS", "NOT EXISTS"))
        return f"{word} (SELECT 1 FROM {table} {own} WHERE {inner} AND {self.condition(own)})"
