"""SQL as nobody should write it: conditions and statements that are hard to read in the way SQLite reads them.

Nearly all of it is valid; what SQLite refuses is of no interest. Precedence is left to the reader, comments and quotes
stand where they may, and every value is written in one of many ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from tests.kit.oracle import SYSTEM_FLAGS

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["BOXES", "Writer", "Written", "made_rows"]

T = TypeVar("T")

BOXES: Final = ("INBOX", "5", 'a"[b]`')
KEYWORDS: Final = ("work", "$Done", "a.b-c")
TEXTS: Final = (
    "alpha beta",
    "ALPHA",
    "beta",
    "50%_off",
    "O'Brien",
    'say "hi"',
    "a\\b",
    "x -- y",
    "c /* d */",
    "straße",
    "STRASSE",
    "Ünï",
    "",
    "5",
    "5.0",
    "it's ? :a",
    "NOT OR",
    "[x]`y`",
    "null",
    "a!b",
    "\u017fing",
    "fi",
    "\ufb01n",
)
DATES: Final = (
    "2024-02-28 23:59:59",
    "2024-02-29 00:00:00",
    "2024-02-29 12:00:00",
    "2024-03-01 00:00:00",
    "1970-01-01 00:00:00",
    "1969-12-31 23:59:59",
    "2037-12-31 23:59:59",
    "2038-06-01 00:00:00",
    "2024-03-03 05:00:00",
)
# Patterns of LIKE: months, years and what is neither.
PERIODS: Final = (
    "2024-%",
    "2024-02-%",
    "2024-02-2%",
    "2024-03-__ 0%",
    "2024-_2-29%",
    "2024%",
    "1970-01-%",
    "1971-%",
    "2037-%",
    "2036-12-%",
    "2024-13-%",
    "2024-00-%",
    "2024-02-",
    "%-02-%",
    "____-03-%",
    " 2024-02-%",
)
TEXT_COLUMNS: Final = ("subject", "sender", "sender_name", "to", "references", "message_id", "recipients", "refs")
_ODD: Final[tuple[Any, ...]] = (
    None,
    None,
    0,
    1,
    2,
    -1,
    3,
    5,
    5.5,
    0.5,
    -0.5,
    1.0,
    0.0,
    "5",
    " 5 ",
    "5.0",
    "1",
    "0",
    "abc",
    "",
    b"",
    b"5",
    True,
    False,
    2**32 - 1,
    2**32,
    2**63 - 1,
    -(2**63),
    1e300,
    "2024-02-29",
    "2024-02",
    "2024-02-30",
    "2024-03-01 00:00:00",
    "\\Seen",
    "work",
    "WORK",
    "INBOX",
    "inbox",
    "%a%",
    "_",
    "x'00'",
    300,
    300.0,
    "300",
)
_FUNCTIONS: Final = ("contains", "icontains", "startswith", "endswith", "ilike", "istartswith", "iendswith")
_OPERATORS: Final = (
    "=",
    "=",
    "==",
    "<>",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "IS",
    "IS NOT",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
)
_BEHIND: Final = (
    "ISNULL",
    "NOTNULL",
    "NOT NULL",
    "IS NULL",
    "IS NOT NULL",
    "IS TRUE",
    "IS NOT TRUE",
    "IS FALSE",
    "IS NOT FALSE",
    "IS ( TRUE )",
    "IS NOT DISTINCT FROM TRUE",
    "IS DISTINCT FROM FALSE",
    "COLLATE NOCASE",
    "IS +1",
    "= 1",
    "<> 0",
    "IN ( 1 )",
    "NOT IN ( 0 , NULL )",
    "BETWEEN 0 AND 1",
    "NOT BETWEEN 1 AND 2",
    "LIKE 1",
    "< 1",
    "IN ( )",
    "|| ''",
    "+ 0",
    "IS 1 IS TRUE",
    "= 1 IS NULL",
    "IS NULL = 0",
    "COLLATE BINARY = 1",
    "NOT IN ( )",
    "-> '$'",
    "& 1",
    "| 0",
)
# What a key of SEARCH can be made of.
_PUSHED: Final = (
    "{n} {o} {v}",
    "{n} {o} {i}",
    "{i} {o} {n}",
    "{f} {o} {i}",
    "{f} {o} {i}",
    "{f}",
    "{f}",
    "NOT {f}",
    "{f} IS {t}",
    "{f} {b}",
    "{n} IS NULL",
    "{n} BETWEEN {v} AND {v}",
    "{n} NOT BETWEEN {i} AND {i}",
    "{n} IN ( {i} , {v} )",
    "{n} NOT IN ( {v} , {i} )",
    "{f} IN ( {i} )",
    "{f} NOT IN ( {i} , {v} )",
    "{x} LIKE {p}",
    "{x} LIKE {p} ESCAPE {e}",
    "like ( {p} , {x} , {e} )",
    "{x} GLOB {g}",
    "{u} ( {x} , {p} )",
    "{x} {o} {p}",
    "has_flag ( {l} , {w} )",
    "NOT has_flag ( {l} , {w} )",
    "{m} IN ( {y} , {y} )",
    "{m} {o} {y}",
    "{d} {o} {k}",
    "{d} BETWEEN {k} AND {k}",
    "{d} LIKE '2024-02-29%'",
    "{d} LIKE {h}",
    "{d} LIKE {h} ESCAPE {e}",
    "{d} GLOB {j}",
    "{n} ISNULL",
    "{f} = {i} IS {t}",
)
# What SQLite reads between the two words of a BETWEEN, some of which a reader may take for the start of something new.
_INSIDE: Final = (
    "NOT NULL",
    "NOTNULL",
    "ISNULL",
    "NOT LIKE ( '1' )",
    "LIKE ( '1' )",
    "NOT GLOB ( '1' )",
    "GLOB ( '1' )",
    "IN ( 1 )",
    "NOT IN ( 1 )",
    "IS NULL",
    "= 1",
    "< 1",
    "COLLATE NOCASE",
    "-> ( '$' )",
    "| 1",
    "IS NOT DISTINCT FROM 1",
)
_JOINED: Final = (
    "NOT {c}",
    "NOT ( {c} )",
    "( {c} )",
    "{c} AND {d}",
    "{c} OR {d}",
    "{c} OR {d}",
    "( {c} OR {d} )",
    "( {c} AND {d} )",
    "{v} BETWEEN {f} {b} AND {c} AND {d}",
    "{f} BETWEEN {f} {i} AND {c} AND {d}",
    "{f} BETWEEN {c} AND {d} AND {c}",
    "{c} OR {d} AND NOT {c}",
    "( {c} OR {d} ) AND {c}",
    "( {c} OR {d} ) IS {t}",
    "NOT ( {c} AND {d} ) IS {t}",
    "{c} AND {d} IS {t}",
)
_GAPS: Final = (
    "/**/",
    " /* OR 1 */ ",
    " -- ' OR\n",
    "\n\t",
    "/* ' */",
    " /* -- */ ",
    " --\n ",
    "  ",
    "\f\r\n",
    " /*/*/ ",
)
_MARK: Final = re.compile("\x01(\\d+)\x02| ")


class Written(NamedTuple):
    """A statement or condition with its parameters."""

    sql: str
    parameters: tuple[Any, ...] | dict[str, Any]


def made_rows(chance: random.Random, mailbox: str, count: int) -> list[dict[str, Any]]:
    """Make rows as imapdb would show them, of few different values."""
    rows = []
    for uid in sorted(chance.sample(range(1, 2 * count), count)):
        flags = {name: chance.randrange(2) for name in SYSTEM_FLAGS}
        keywords = [word for word in KEYWORDS if chance.random() < 0.3]
        name, address = chance.choice(TEXTS), chance.choice(("a@example.org", "o'x@example.org", "A@EXAMPLE.ORG"))
        has_sender = chance.random() < 0.8
        row = dict.fromkeys(("cc", "bcc", "reply_to", "in_reply_to", "list_id", "mime", "headers", "email", "problems"))
        row |= dict.fromkeys(("encoding", "attachments", "text", "html", "content"))
        row |= flags | {
            "uid": uid,
            "flags": _json([f"\\{name.title()}" for name, held in flags.items() if held] + keywords),
            "size": chance.choice((0, 1, 2, 5, 299, 300, 301, 2**32 - 1, 2**32 + 5)),
            "created": chance.choice(DATES),
            "sent": chance.choice((None, *DATES)),
            "sender": f"{name} <{address}>" if has_sender else None,
            "sender_name": name if has_sender else None,
            "sender_address": address if has_sender else None,
            "to": chance.choice((None, *TEXTS)),
            "subject": chance.choice((None, *TEXTS)),
            "message_id": chance.choice((None, "<a.1@x>", "<b.2@x>", "<B.2@X>")),
            "references": chance.choice((None, "<a.1@x>", "<a.1@x> <b.2@x>")),
            "mailbox": mailbox,
        }
        rows.append(row | {"recipients": row["to"], "refs": row["references"]})
    return rows


def _json(flags: Sequence[str]) -> str:
    return "[" + ", ".join('"' + flag.replace("\\", "\\\\") + '"' for flag in flags) + "]"


class Writer:
    """Writes one condition or statement."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._marks: list[tuple[str, Any]] = []
        self._depth = 0
        self._deepest = self.pick((0, 1, 1, 2, 2, 3, 4))
        self._is_plain = not self.one_in(3)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self._random.randrange(len(choices))]

    def one_in(self, of: int) -> bool:
        return self._random.randrange(of) == 0

    # Whole statements.

    def condition_statement(self) -> Written:
        """One table, one condition; the rows by mailbox and uid."""
        table = self._mark("name", self.pick((*BOXES, "messages", "INBOX")))
        alias = self.pick(("", "a", "AS a", "main"))
        qualifier = {"": table, "main": table}.get(alias, "a")
        source = f"main . {table}" if alias == "main" else f"{table} {alias}"
        column = self.pick((qualifier, "", ""))
        return self._complete(f"SELECT mailbox , uid FROM {source} WHERE {self.condition(column)}")

    def truth_statement(self) -> Written:
        """One table, conditions of which it is asked whether they are true, false, or not."""
        table = self._mark("name", self.pick((*BOXES, "INBOX")))

        def asked() -> str:
            inner = self.pick(("{f}", "{f}", "( {f} )", "NOT {f}", "( {c} )", "( {c} )", "( NOT {c} )", "NOT ( {c} )"))
            inner = inner.replace("{f}", self._mark("name", self.pick(SYSTEM_FLAGS)))
            inner = inner.replace("{c}", self.condition(""))
            return f"{inner} IS {self.pick(('TRUE', 'FALSE', 'NOT TRUE', 'NOT FALSE'))}"

        joined = self.pick(("{}", "{}", "( {} )", "NOT {}", "{} AND {}", "( {} OR {} )", "( {} ) IS NOT TRUE"))
        told = joined.format(*(asked() for _ in range(joined.count("{}"))))
        return self._complete(f"SELECT mailbox , uid FROM {table} WHERE {told}")

    def statement(self) -> Written:
        """Several tables, in all the ways they may come together."""
        form = self.pick(
            (
                self._joined,
                self._joined,
                self._joined,
                self._joined,
                self._nested,
                self._compound,
                self._common,
                self._correlated,
                self._correlated,
                self._parenthesised,
                self._using,
                self._shown,
            )
        )
        return self._complete(form())

    def _table(self) -> str:
        return self._mark("name", self.pick((*BOXES, "INBOX", "messages")))

    def _joined(self) -> str:
        aliases = ["a", "b", "c"][: self.pick((2, 2, 2, 3))]
        if self.one_in(6):
            # Names that belong to another, or that sqlglot may take for something else.
            aliases = ["INBOX", "anti", "final"][: len(aliases)]
            self._random.shuffle(aliases)
        sql = f"{self._table()} {aliases[0]}"
        for place, alias in enumerate(aliases[1:], 1):
            kind = self.pick(
                (
                    "JOIN",
                    "LEFT JOIN",
                    "LEFT JOIN",
                    ",",
                    "CROSS JOIN",
                    "INNER JOIN",
                    "LEFT OUTER JOIN",
                    "RIGHT JOIN",
                    "FULL JOIN",
                    "NATURAL JOIN",
                    "NATURAL LEFT JOIN",
                    "FULL OUTER JOIN",
                    "LEFT JOIN",
                    "JOIN",
                )
            )
            sql += f" {kind} {self._table()} {self.pick(('', 'AS '))}{alias}"
            if "NATURAL" not in kind and kind != "," and not self.one_in(8):
                sql += f" ON {self._on(aliases[: place + 1])}"
        shown = " , ".join(f"{alias} . uid , {alias} . seen" for alias in aliases)
        where = "" if self.one_in(5) else f" WHERE {self._on(aliases)}"
        return f"SELECT {shown} FROM {sql}{where}"

    def _on(self, aliases: Sequence[str]) -> str:
        left, right = self.pick(aliases), self.pick(aliases)
        sides = [self._named(alias, self._column()) for alias in (left, right)]
        linked = f" {self.pick(('=', '=', '<', 'IS'))} ".join(sides)
        own = self.condition(self.pick(aliases))
        other = self.condition(self.pick(aliases))
        return self.pick(
            ("{l}", "{l} AND {o}", "{o}", "{l} OR {o}", "{o} AND {p}", "{o} OR {p}", "{l} AND ( {o} OR {p} )")
        ).format(l=linked, o=own, p=other)

    def _nested(self) -> str:
        inner = f"SELECT * FROM {self._table()} WHERE {self.condition('')}"
        if self.one_in(2):
            inner += f" ORDER BY mailbox , uid LIMIT {self.pick((0, 3, 10))}"
        where = self.pick(("NOT seen", "seen OR size > 300", "d . uid = 3 OR flagged"))
        other = self.pick(("", f" , {self._table()} e", f" LEFT JOIN {self._table()} e ON e . uid = d . uid"))
        if other:
            where = f"d . uid = 3 OR {self.condition('e')}"
        return f"SELECT d . uid , d . mailbox FROM ( {inner} ) d{other} WHERE {where}"

    def _compound(self) -> str:
        words = ("UNION", "UNION ALL", "EXCEPT", "INTERSECT")
        parts = [f"SELECT uid , size FROM {self._table()} WHERE {self.condition('')}" for _ in range(self.pick((2, 3)))]
        return f" {self.pick(words)} ".join(parts)

    def _common(self) -> str:
        name = self.pick((self._table(), "picked"))
        source = self.pick((self._table(), "main . INBOX"))
        inner = f"SELECT uid , seen , size , mailbox , 1 - seen AS flagged FROM {source}"
        inner += f" WHERE {self.condition('')}"
        where = self.pick(("NOT seen", "seen OR flagged", "size > 300 OR uid = 3"))
        more = self.pick(("", f" UNION ALL SELECT uid FROM main . {self._table()} WHERE {self.condition('')}"))
        return f"WITH {name} AS ( {inner} ) SELECT uid FROM {name} WHERE {where}{more}"

    def _correlated(self) -> str:
        own = self.pick(("a", "b", "b"))
        inner = self.pick(("{b} . uid = a . uid", "{b} . size < a . size", "a . seen")).format(b=own)
        shown = self.pick(("1", f"{own} . seen", "count ( * )"))
        inner = f"{inner} {self.pick(('AND', 'OR'))} {self.condition(self.pick((own, 'a', '')))}"
        sub = f"SELECT {shown} FROM {self._table()} {own} WHERE {inner}"
        term = self.pick(
            ("EXISTS ( {s} )", "NOT EXISTS ( {s} )", "( {s} )", "a . seen IN ( {s} )", "a . uid > ( {s} )")
        ).format(s=sub)
        where = f"{term} {self.pick(('AND', 'OR', 'OR NOT'))} {self.condition('a')}"
        shown = self.pick(("a . uid", f"a . uid , ( {sub} )"))
        return f"SELECT {shown} FROM {self._table()} a WHERE {where}"

    def _parenthesised(self) -> str:
        kind, other = (self.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", ",")) for _ in range(2))
        on, on2 = (f" ON {self._on(aliases)}" for aliases in (["b", "c"], ["a", "b"]))
        inner = f"( {self._table()} b {kind} {self._table()} c{'' if kind == ',' else on} )"
        sides = [f"{self._table()} a", inner]
        if self.one_in(2):
            sides.reverse()
        sql = f" {other} ".join(sides) + ("" if other == "," else on2)
        return f"SELECT a . uid , b . uid , c . uid FROM {sql} WHERE {self._on(['a', 'b', 'c'])}"

    def _using(self) -> str:
        kind = self.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        sql = f"{self._table()} a {kind} {self._table()} b USING ( {self.pick(('uid', 'size', 'seen , flagged'))} )"
        return f"SELECT a . uid , b . size FROM {sql} WHERE {self._on(['a', 'b'])}"

    def _shown(self) -> str:
        """Results called as columns are, or as words with a meaning."""
        shown = self.pick(("0 AS seen", "uid AS size", "0 AS true", "NOT seen AS flagged", "1 AS false"))
        where = self.condition("")
        if self.one_in(2):
            return f"SELECT {shown} , uid FROM {self._table()} WHERE {where}"
        return f"SELECT {self.pick(('seen', 'size'))} , count ( * ) FROM {self._table()} WHERE {where} GROUP BY 1"

    # Conditions.

    def condition(self, qualifier: str) -> str:
        self._depth += 1
        try:
            if self._depth > self._deepest or self.one_in(4):
                return self._term(qualifier)
            form = (
                self.pick(_JOINED)
                if self._is_plain and not self.one_in(6)
                else self.pick(
                    (
                        "NOT {c}",
                        "NOT {c}",
                        "NOT ( {c} )",
                        "( {c} )",
                        "{c} AND {d}",
                        "{c} AND {d}",
                        "{c} OR {d}",
                        "{c} OR {d}",
                        "( {c} OR {d} )",
                        "( {c} AND {d} )",
                        "{c} {o} {d}",
                        "{c} {b}",
                        "( {c} ) {b}",
                        "NOT {c} {b}",
                        "CASE WHEN {c} THEN {d} END",
                        "- {c}",
                        "+ {c}",
                        "~ {c}",
                        "( {c} ) = ( {d} )",
                        "( ( {c} , {d} ) = ( 1 , 0 ) )",
                        "{c} OR {d} AND NOT {c}",
                        "{c} BETWEEN {d} AND {c} AND {d}",
                        "( {c} ) IN ( {d} , 1 )",
                        "EXISTS ( SELECT 1 WHERE {c} )",
                        "iif ( {c} , {d} , NULL )",
                        "{c} IS {d} OR {c}",
                        "{c} AND {b2} OR {d}",
                        "NOT NOT {c}",
                        "( ( {c} ) ) IS {t}",
                    )
                )
            )
            while "{c}" in form or "{d}" in form:
                form = form.replace(self.pick(("{c}", "{d}")), self.condition(qualifier), 1)
            return (
                form.replace("{o}", self.pick(_OPERATORS))
                .replace("{b2}", f"{self._term(qualifier)} {self.pick(_BEHIND)}")
                .replace("{i}", self.pick(_INSIDE))
                .replace("{b}", self.pick(_BEHIND))
                .replace("{v}", self.pick(("0", "1", "NULL")))
                .replace("{f}", self._piece("f", qualifier))
                .replace("{t}", self.pick(("TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "NULL", "1")))
            )
        finally:
            self._depth -= 1

    def _term(self, q: str) -> str:
        form = (
            self.pick(_PUSHED)
            if self._is_plain
            else self.pick(
                (
                    "{n} {o} {v}",
                    "{n} {o} {v}",
                    "{n} {o} {v}",
                    "{v} {o} {n}",
                    "{f}",
                    "NOT {f}",
                    "{f} IS {t}",
                    "{f} {b}",
                    "{n} {b}",
                    "{n} BETWEEN {v} AND {v}",
                    "{n} NOT BETWEEN {v} AND {v}",
                    "{n} IN ( {v} , {v} )",
                    "{n} NOT IN ( {v} , {v} )",
                    "{n} IN ( {v} )",
                    "{n} IN ( )",
                    "{x} LIKE {p}",
                    "{x} NOT LIKE {p}",
                    "{x} LIKE {p} ESCAPE {e}",
                    "{x} NOT LIKE {p} ESCAPE {e}",
                    "like ( {p} , {x} )",
                    "like ( {p} , {x} , {e} )",
                    "glob ( {g} , {x} )",
                    "{x} GLOB {g}",
                    "{x} NOT GLOB {g}",
                    "{u} ( {x} , {p} )",
                    "{u} ( {x} , {v} )",
                    "has_flag ( {l} , {w} )",
                    "NOT has_flag ( {l} , {w} )",
                    "has_flag ( {l} , {w} ) {b}",
                    "{m} {o} {v}",
                    "{m} IN ( {y} , {v} )",
                    "{m} {o} {y}",
                    "{m} {o} {y}",
                    "+ {n} {o} {v}",
                    "- {n} {o} {v}",
                    "{n} {o} + {v}",
                    "{n} {o} {v} COLLATE NOCASE",
                    "{x} COLLATE NOCASE {o} {v}",
                    "{n} {o} {v} {o} {v}",
                    "{n} {o} {n}",
                    "{v}",
                    "{t2}",
                    "{n} || '' {o} {v}",
                    "{n} + 0 {o} {v}",
                    "{n} {o} - {v}",
                    "( {n} ) {o} ( {v} )",
                    "( ( {n} , {f} ) {o3} ( {v} , {v} ) )",
                    "{n} {o} ( SELECT {v} )",
                    "{n} IN ( SELECT {v} )",
                    "{n} IN ( VALUES ( {v} ) , ( {v} ) )",
                    "{n} {o} cast ( {v} AS TEXT )",
                    "{n} {o} {v} || {v}",
                    "abs ( {n} ) {o} {v}",
                    "{d} LIKE '2024-02-29%'",
                    "{d} LIKE {h}",
                    "{d} NOT LIKE {h}",
                    "{d} GLOB {j}",
                    "{d} {o} '2024-02-29'",
                    "{d} BETWEEN '2024-02-29' AND '2024-03-01'",
                    "{d} {o} {v}",
                    "{n} {o} unescaped ( {v} , '!' )",
                    "coalesce ( {n} , {v} ) {o} {v}",
                    "{x} {o} {x}",
                    "{n} {o} {v} AND {f} OR {f}",
                )
            )
        )

        def filled(match: re.Match[str]) -> str:
            return self._piece(match[1], q)

        return re.sub(r"\{(\w+)\}", filled, form)

    def _piece(self, kind: str, q: str) -> str:  # noqa: C901, PLR0912 - one kind after the other
        match kind:
            case "n":
                return self._named(q, self._column())
            case "f":
                return self._named(q, self.pick(SYSTEM_FLAGS))
            case "x":
                return self._named(q, self.pick(TEXT_COLUMNS))
            case "d":
                return self._named(q, self.pick(("created", "sent")))
            case "l" | "m":
                return self._named(q, "flags" if kind == "l" else "mailbox")
            case "v":
                return self._mark("value", self.pick(self.pick((_ODD, _ODD, TEXTS, DATES, (0, 1, 2, 3)))))
            case "i":
                return self._mark("value", self.pick((0, 1, 0, 1, 1, 2, 5, 300, True, False, 0.5, None)))
            case "k":
                return self._mark("value", self.pick((*DATES, "2024-02-29", "2024-03-01", "2024-02-29 12", "2024")))
            case "h":
                return self._mark("value", self.pick(PERIODS))
            case "j":
                return self._mark("value", self.pick(PERIODS).replace("%", "*").replace("_", self.pick(("?", "[0-9]"))))
            case "y":
                return self._mark("value", self.pick((*BOXES, "inbox", 5, 5.0, True)))
            case "w":
                return self._mark("value", self.pick((*KEYWORDS, "\\seen", "WORK", "none", None, 5, "no atom")))
            case "p":
                return self._mark("value", self._pattern())
            case "g":
                return self._mark("value", self.pick(("*a*", "*[ab]*", "alpha*", "*'*", "?")))
            case "e":
                return self.pick(("'!'", "'%'", "'\\'", "'a'", "5", "'_'", self._mark("value", "!")))
            case "u":
                return self.pick(_FUNCTIONS)
            case "o":
                return self.pick(_OPERATORS)
            case "o3":
                return self.pick(("=", "<>", "<", "IS"))
            case "b":
                return self.pick(_BEHIND)
            case "t":
                return self.pick(("TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "NULL", "NOT NULL", "1"))
        return self.pick(("TRUE", "FALSE", "NULL", "1", "0", "0.5", "'1'", "1 = 1"))

    def _pattern(self) -> Any:
        text = self.pick(TEXTS)
        start = self._random.randrange(len(text) + 1)
        part = text[start : start + self.pick((1, 2, 4, 9))]
        part = self.pick(
            (part, part.upper(), part.lower(), part.replace("%", "!%"), "!%" + part, part[:1] + "_" + part[2:])
        )
        return (
            self.pick(("%{}%", "{}%", "%{}", "{}", "{}", "%{}%")).format(part)
            if not self.one_in(15)
            else self.pick(_ODD)
        )

    def _column(self) -> str:
        return self.pick(
            self.pick(
                (
                    SYSTEM_FLAGS,
                    SYSTEM_FLAGS,
                    ("uid", "size"),
                    ("uid", "size"),
                    ("created", "sent"),
                    TEXT_COLUMNS,
                    ("flags", "mailbox"),
                )
            )
        )

    def _named(self, qualifier: str, column: str) -> str:
        written = self._mark("name", column)
        return f"{qualifier} . {written}" if qualifier else written

    # Writing it down.

    def _mark(self, kind: str, value: Any) -> str:
        self._marks.append((kind, value))
        return f"\x01{len(self._marks) - 1}\x02"

    def _complete(self, sql: str) -> Written:  # noqa: C901 - a parameter's place depends on all before it
        sql = self.pick((sql, sql, sql, sql.lower(), sql.upper(), sql.swapcase()))
        style = self.pick(("none", "mixed", "mixed", "mixed", "named"))
        noise = self.pick((1000, 1000, 15, 4))
        numbered: dict[int, Any] = {}
        names: dict[str, Any] = {}
        largest = 0
        by_token: dict[str, int] = {}

        def parameter(value: Any) -> str:
            nonlocal largest
            if style == "named":
                name = self.pick("pqrst")
                names.setdefault(name, value)
                return self.pick((":", "@", "$")) + name
            token = self.pick(
                ("?", "?", "?", f"?{largest + 1}", f"?0{largest + 1}", "?1", "?2", ":p", "@p", "$p", "$p::q(r)", ":é")
            )
            if token == "?":
                largest += 1
                numbered[largest] = value
            elif token[0] == "?":
                if int(token[1:]) > largest + 1:
                    return self._literal(value)
                largest = max(largest, int(token[1:]))
                numbered.setdefault(int(token[1:]), value)
            elif token not in by_token:
                largest += 1
                by_token[token] = largest
                numbered[largest] = value
            return token

        def placed(match: re.Match[str]) -> str:
            if match[1] is None:
                return self.pick(_GAPS) if self.one_in(noise) else " "
            kind, value = self._marks[int(match[1])]
            if kind == "name":
                return self._identifier(value)
            if style != "none" and self.one_in(2):
                return parameter(value)
            return self._literal(value)

        written = _MARK.sub(placed, sql)
        return Written(written, names if style == "named" and names else tuple(numbered[n] for n in sorted(numbered)))

    def _identifier(self, name: str) -> str:
        quoted = ['"' + name.replace('"', '""') + '"', "`" + name.replace("`", "``") + "`"]
        if "]" not in name:
            quoted.append(f"[{name}]")
        if re.fullmatch(r"[A-Za-z_]\w*", name) and name not in ("to", "references") and not self.one_in(6):
            return self.pick((name, name, name, name.upper(), name.title()))
        return self.pick(quoted)

    def _literal(self, value: Any) -> str:
        if value is None:
            return self.pick(("NULL", "null", "(NULL)"))
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, int):
            if not 0 <= value < 2**62:
                return str(value)
            underscored = f"{value // 10}_{value % 10}" if value > 9 else f"{value}"
            return self.pick(
                (
                    f"{value}",
                    f"{value}",
                    f"0x{value:x}",
                    f"0X{value:X}",
                    underscored,
                    f"{value}.0",
                    f"{value}e0",
                    f"{value}.",
                    f"0{value}",
                    f"({value})",
                    f"+{value}",
                    f"- -{value}",
                    f"{value}E+0",
                    f"'{value}'",
                    f"{value}.0e-0",
                    f"-(-{value})",
                )
            )
        if isinstance(value, float):
            return self.pick((repr(value), repr(value).replace("0.", ".", 1) if abs(value) < 1 else repr(value)))
        if isinstance(value, bytes):
            return self.pick((f"X'{value.hex()}'", f"x'{value.hex()}'"))
        return "'" + str(value).replace("'", "''") + "'"
