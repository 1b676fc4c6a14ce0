"""Random SELECT statements over message tables, in the SQL that SQLite and imapdb share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from tests.kit.oracle import SYSTEM_FLAGS
from tests.kit.sql_conditions import Conditions
from tests.kit.sql_values import TEXTS, Statement, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.kit.oracle import Row

__all__ = ["SHOWN", "Statement", "statements", "text_statements"]

SHOWN: Final = (*TEXTS, "attachments", "encoding", "headers", "email")

_ORDERS = ("uid", "created", "size", "subject", "seen", "sender", "mailbox", "sent")
# The columns joined on, and whether they are text.
_PAIRS = (
    ("uid", "uid"), ("size", "size"), ("uid", "size"), ("seen", "flagged"), ("created", "created"),
    ("mailbox", "mailbox"),
)  # fmt: skip
_TEXT_PAIRS = (
    ("message_id", "message_id"), ("in_reply_to", "message_id"), ("subject", "subject"), ("uid", "subject"),
    ("sender_address", "sender_address"), ("sender_name", "sender_name"), ("list_id", "list_id"),
)  # fmt: skip


def statements(
    tables: Mapping[str, Sequence[Row]], texts: Sequence[str] = TEXTS, shown: Sequence[str] = SHOWN
) -> st.SearchStrategy[Statement]:
    """Make statements over these tables (`messages` among them), with values that are in their rows, or nearly.

    No condition looks at a text column but those of `texts`; of all of them, `shown` are selected.
    """
    return st.composite(lambda draw: _Writer(draw, tables, texts, shown).statement())()


def text_statements(tables: Mapping[str, Sequence[Row]]) -> st.SearchStrategy[Statement]:
    """Make statements with one condition, on the text of a header: there servers and SQL differ most."""
    return st.composite(lambda draw: _Writer(draw, tables).text_statement())()


class _Writer(Conditions):
    """Writes one statement."""

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[Any]], Any],
        tables: Mapping[str, Sequence[Row]],
        texts: Sequence[str] = TEXTS,
        shown: Sequence[str] = SHOWN,
    ) -> None:
        super().__init__(draw, tables, texts)
        self._all_shown = shown

    def statement(self) -> Statement:
        form = self.pick(
            (
                self._select, self._select, self._select, self._select, self._all, self._aggregate, self._aggregate,
                self._join, self._join, self._join, self._compound, self._common, self._shadowing, self._derived,
                self._derived, self._window, self._three, self._aliased, self._using, self._commas, self._counted,
                self._counted, self._newest,
            )
        )  # fmt: skip
        sql, ordered = form()
        if self.chance(15):
            sql = self.pick(("{};", "-- WHERE 0\n{}", "/* SELECT */ {} -- ;")).replace("{}", sql)
        return self.complete(sql, ordered=ordered, star=form == self._all)

    def text_statement(self) -> Statement:
        term = self.pick((self.function, self.function, self._like))
        sql = f"SELECT uid FROM {quoted_name(self.pick(self.boxes))} a WHERE {term('a')} ORDER BY uid"
        return self.complete(sql, ordered=True)

    # Pieces.

    def _from(self) -> tuple[str, str]:
        """Write a table alone in its FROM, and what may stand before the names of its columns."""
        table = quoted_name(self.table())
        form = self.pick(("alias", "alias", "alias", "name", "bare", "bare", "other", "main", "inside", "word"))
        if form == "name":
            return table, table
        if form == "bare":
            return self.pick((table, f"{table} a")), ""
        if form == "other":
            # The name of another mailbox.
            alias = quoted_name(self.pick(self.boxes))
            return f"{table} {alias}", alias
        if form == "main":
            return f"main.{table} AS b", "b"
        if form == "inside":
            return self.pick((f"({table} b)", f"(({table}) b)", f"({table}) AS b")), "b"
        if form == "word":
            # What is a keyword elsewhere, but not here.
            alias = self.pick(
                ("final", "any", "semi", "anti", "top", "user", "date", "seen", "size", "subject", "flags")
            )
            return f"{table} {alias}", alias
        return self.pick((f"{table} a", f"{table} AS a")), "a"

    def _columns(self, alias: str) -> str:
        chosen = [self.pick(("uid", "uid", "seen", self.column(), self._shown())) for _ in range(self.pick((1, 3)))]
        return ", ".join(self.name(alias, column) for column in chosen)

    def _shown(self) -> str:
        return self.pick(self._all_shown)

    def _where(self, alias: str) -> str:
        return f" WHERE {self.condition(alias)}" if not self.chance(8) else ""

    def _order(self, aliases: Sequence[str]) -> tuple[str, bool]:
        """Write ORDER BY and LIMIT; LIMIT only behind an order that decides every row."""
        if self.chance(3):
            return "", False
        terms = []
        for _ in range(self.pick((0, 0, 1, 2))):
            column = self.pick(_ORDERS)
            collation = " COLLATE NOCASE" if column == "subject" and self.chance(2) else ""
            named = self.name(self.pick(aliases), column)
            terms.append(f"{named}{collation}{self.pick(('', ' DESC', ' ASC', ' NULLS LAST'))}")
        for alias in aliases:
            pair = [self.name(alias, "uid") + self.pick(("", " DESC")), self.name(alias, "mailbox")]
            terms += pair if self.chance(2) else pair[::-1]
        written = " ORDER BY " + ", ".join(terms)
        if self.chance(2):
            written += f" LIMIT {self.mark(self.pick((0, 1, 3, 10, -1)))}"
            if self.chance(2):
                written += f" OFFSET {self.mark(self.pick((0, 1, 5)))}"
        return written, True

    # One table.

    def _select(self) -> tuple[str, bool]:
        distinct = self.pick(("",) * 6 + ("DISTINCT ", "ALL "))
        source, alias = self._from()
        head = f"SELECT {distinct}{self._columns(alias)} FROM {source}{self._where(alias)}"
        if distinct == "DISTINCT ":
            return head, False
        order, ordered = self._order([alias])
        return head + order, ordered

    def _all(self) -> tuple[str, bool]:
        source, alias = self._from()
        star = f"{alias}.*" if alias and self.chance(2) else "*"
        order, ordered = self._order([alias])
        return f"SELECT {star} FROM {source}{self._where(alias)}{order}", ordered

    def _aliased(self) -> tuple[str, bool]:
        """Results that are called as columns are, or as nothing is, in WHERE, GROUP BY and ORDER BY."""
        source, alias = self._from()
        uid = self.name(alias, "uid")
        shown = self.pick(("0 AS seen", "1 AS seen", "NULL AS size", "5 AS mailbox"))
        where = self.pick(("seen", "NOT seen", "seen = 1", "seen OR uid > 3", "size > 300", "picked > 300", "picked"))
        if self.chance(3):
            return f"SELECT {shown}, count(*) FROM {source}{self._where('')} GROUP BY {shown.split()[-1]}", False
        shown = self.pick((shown, "size AS uid", "uid AS created", "size AS size", "mailbox AS seen"))
        head = f"SELECT size AS picked, {shown}, {uid} FROM {source}"
        return f"{head} WHERE {where} {self.pick(('AND', 'OR'))} {self.condition('')}", False

    def _counted(self) -> tuple[str, bool]:
        """Write a count as plain as those that a server can do."""
        terms = []
        for _ in range(self.pick((1, 2, 2, 3))):
            column = self.pick(("created", "created", "created", "seen", "flagged", "size", "uid"))
            operators = ("=", "IS") if column in SYSTEM_FLAGS else ("<", "<=", ">", ">=")
            terms.append(f"{self.name('', column)} {self.pick(operators)} {self.mark(self.value(column))}")
        return f"SELECT count(*) FROM {quoted_name(self.table())} WHERE {' AND '.join(terms)}", False

    def _newest(self) -> tuple[str, bool]:
        """Write what asks for the newest, or the oldest."""
        table = quoted_name(self.pick(self.boxes))
        way = self.pick(("", " DESC"))
        order = f"created{way}, uid{way}{self.pick(('', f' LIMIT {self.mark(self.pick((1, 5, 20)))}'))}"
        return f"SELECT {self._columns('a')} FROM {table} a{self._where('a')} ORDER BY {order}", True

    def _aggregate(self) -> tuple[str, bool]:
        source = f" FROM {quoted_name(self.table())} a"
        if self.chance(2):
            what = self.pick(
                ("count(*)", "count(a.uid)", "max(a.uid), min(a.created)", "sum(a.size)", "sum(a.seen), count(*)",
                 "count(a.subject)", "count(DISTINCT a.sender)", "count(*) FILTER (WHERE {c})", "total({c}), count(*)",
                 "count(nullif({c}, 0))")
            )  # fmt: skip
            what = what.format(c=self.condition("a")) if "{c}" in what else what
            return f"SELECT {what}{source}{self._where('a')}", True
        by = self.pick(("a.seen", "a.sender_address", "substr(a.created, 1, 10)", "a.mailbox", "a.uid", "a.size"))
        written = f"SELECT {by}, count(*), max(a.size){source}{self._where('a')} GROUP BY {by}"
        if self.chance(2):
            having = self.pick(("count(*) > {v}", "max(a.uid) > {v}", "sum(a.seen) = {v} OR count(*) = {v}"))
            written += " HAVING " + having.format(v=self.mark(self.pick((0, 1, 3))))
        return written, False

    def _window(self) -> tuple[str, bool]:
        what = self.pick(
            (
                "row_number() OVER (PARTITION BY a.seen ORDER BY a.mailbox, a.uid)",
                "sum(a.size) OVER (ORDER BY a.mailbox, a.uid)",
                "lag(a.subject) OVER (ORDER BY a.mailbox, a.uid DESC)",
                "count(*) OVER (PARTITION BY a.sender_address)",
            )
        )
        return f"SELECT a.uid, a.mailbox, {what} FROM {quoted_name(self.table())} a{self._where('a')}", False

    # Several.

    def _on(self, left: str, right: str) -> str:
        first, second = self.pick((*_PAIRS, *_TEXT_PAIRS, *_TEXT_PAIRS) if self.texts else _PAIRS)
        sides = [self.name(left, first), self.name(right, second)]
        if self.chance(2):
            sides.reverse()
        written = f" {self.pick(('=', '=', '=', '=', 'IS', '<'))} ".join(sides)
        if self.texts and self.chance(6):
            written = f"contains({right}.subject, {left}.sender_name)"
        if self.chance(2):
            written += f" {self.pick(('AND', 'AND', 'OR'))} {self.term(self.pick((left, right)))}"
        return written

    def _join(self) -> tuple[str, bool]:
        first, second = self.pick(self.boxes), self.table()
        kind = self.pick(
            (
                "JOIN",
                "LEFT JOIN",
                "LEFT JOIN",
                "CROSS JOIN",
                "RIGHT JOIN",
                "FULL JOIN",
                "Left Outer Join",
                "full outer join",
            )
        )
        a, b = self.pick((("a", "b"), ("a", "b"), ("anti", "any"), (quoted_name(second), quoted_name(first))))
        if a == b:
            a, b = "a", "b"
        columns = f"{self._columns(a)}, {self._columns(b)}"
        head = f"SELECT {columns} FROM {quoted_name(first)} {a} {kind} {quoted_name(second)} {b} ON {self._on(a, b)}"
        if not self.chance(4):
            head += f" WHERE {self._of_joined(a, b)}"
        order, ordered = self._order([a, b])
        return head + order, ordered

    def _of_joined(self, left: str, right: str) -> str:
        """A condition on rows of which either half may be missing; it may be true just for that."""
        form = self.pick(
            ("{c}", "{d}", "{c} AND {d}", "{c} OR {d}", "({c}) IS NOT TRUE", "({d}) IS NOT TRUE", "({d}) IS NOT FALSE",
             "{d} OR {b}.uid IS NULL", "{c} OR {a}.uid ISNULL", "ifnull({d}, 1)", "NOT ({c}) IS TRUE AND {c}",
             "{b}.mailbox IS NULL AND {c}", "({c} OR {d}) IS NOT TRUE")
        )  # fmt: skip
        return form.format(c=self.condition(left), d=self.condition(right), a=left, b=right)

    def _three(self) -> tuple[str, bool]:
        names = [quoted_name(self.pick(self.boxes)) for _ in range(3)]
        kinds = [self.pick(("JOIN", "LEFT JOIN")) for _ in range(2)]
        key = "message_id" if self.texts else "uid"
        head = f"SELECT a.uid, b.uid, c.uid FROM {names[0]} a {kinds[0]} {names[1]} b ON {self._on('a', 'b')}"
        head += f" {kinds[1]} {names[2]} c ON c.{key} = {self.pick(('a', 'b'))}.{key} AND {self.term('c')}"
        return f"{head} WHERE {self.term('a')}", False

    def _using(self) -> tuple[str, bool]:
        keys = ("message_id", "uid", "subject", "sender_address, seen") if self.texts else ("uid", "size, seen")
        key = self.pick(keys)
        kind = self.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        names = [quoted_name(self.pick(self.boxes)) for _ in range(2)]
        head = f"SELECT {key}, a.uid, b.size FROM {names[0]} a {kind} {names[1]} b USING ({key})"
        return f"{head} WHERE {self._of_joined('a', 'b')}", False

    def _commas(self) -> tuple[str, bool]:
        names = [quoted_name(self.pick(self.boxes)) for _ in range(2)]
        joined = self._on("a", "b")
        if self.chance(2):
            joined = f"{self.condition('a')} {self.pick(('AND', 'OR'))} {joined}"
        if self.chance(3):
            each = f"{self.condition('a')} {self.pick(('AND', 'OR'))} b.value IN ('work', '\\Seen')"
            return f"SELECT a.uid, b.value FROM {names[0]} a, json_each(a.flags) b WHERE {each}", False
        return f"SELECT a.uid, b.uid FROM {names[0]} a, {names[1]} AS b WHERE {joined}", False

    def _compound(self) -> tuple[str, bool]:
        word = self.pick(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
        columns = self.pick(("uid, subject", "mailbox, uid", "message_id", "seen, size"))
        (first, a), (second, b) = self._from(), self._from()
        written = f"SELECT {columns} FROM {first}{self._where(a)} {word} "
        return written + f"SELECT {columns} FROM {second}{self._where(b)}", False

    def _common(self) -> tuple[str, bool]:
        source, alias = self._from()
        inner = f"SELECT uid, mailbox, size, subject, seen, message_id FROM {source}{self._where(alias)}"
        key = "message_id" if self.texts else "uid"
        outer = f"SELECT x.uid, y.uid, y.subject FROM picked x JOIN picked y ON x.{key} = y.{key}"
        if self.chance(2):
            outer = f"SELECT uid, subject FROM picked WHERE size > {self.pick(('300', '500', '5'))} OR seen"
        return f"WITH picked AS {self.pick(('', '', 'MATERIALIZED ', 'NOT MATERIALIZED '))}({inner}) {outer}", False

    def _shadowing(self) -> tuple[str, bool]:
        """A common table expression called as a mailbox is."""
        name, other = self.pick([(a, b) for a in self.boxes for b in self.boxes if a != b])
        flipped = self.pick(("1 - seen AS seen", "seen", "0 AS seen"))
        inner = f"SELECT uid, {flipped}, size + 1 AS size, created, mailbox FROM {quoted_name(other)}"
        inner += self.pick(("", f" a WHERE {self.simple('a')}"))
        where = self.pick(("seen OR size < 300", "NOT seen", "uid > 3 AND seen", "seen = 1 OR uid IN (1, 3, 102)"))
        outer = f"SELECT uid, seen, size FROM {quoted_name(name)} WHERE {where}"
        if self.chance(2):
            outer = f"SELECT * FROM (SELECT uid, seen FROM {quoted_name(name)} z WHERE {where}) ORDER BY uid"
        return f"WITH {quoted_name(name)} AS ({inner}) {outer}", False

    def _derived(self) -> tuple[str, bool]:
        """A condition on the rows of a subquery, which had their own condition, order and limit before."""
        source, alias = self._from()
        columns = self.pick(
            ("*", "uid, mailbox, seen, size, created", "uid, mailbox, NOT seen AS seen, size AS size, sent AS created")
        )
        inner = f"SELECT {columns} FROM {source}{self._where(alias)}"
        if self.chance(2):
            uid, mailbox = self.name(alias, "uid"), self.name(alias, "mailbox")
            inner += f" ORDER BY {uid}{self.pick(('', ' DESC'))}, {mailbox} LIMIT {self.mark(self.pick((3, 10, 25)))}"
        value = self.mark(self.value("size"))
        where = self.pick(
            ("{d}seen", "NOT {d}seen", "{d}seen OR {d}size > {v}", "{d}size < {v}", "{d}uid = 3 OR {d}uid > {v}")
        ).format(v=value, d=self.pick(("d.", "")))
        shown = self.pick(("d.uid, d.seen, d.size", "count(*)", "d.created, d.mailbox"))
        return f"SELECT {shown} FROM ({inner}) d WHERE {where}", False
