"""What is claimed of a statement, how its terms come together, and the names of tables."""

# ruff: noqa: N802 - apsw's names

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.imap.profiles import GENERIC, PROFILES
from imapdb.imap.sets import MAX_UID
from imapdb.sql.catalog import RESERVED, fold, table_names
from imapdb.sql.columns import ALIASES, COLUMNS, by_name
from imapdb.sql.criteria import LARGEST_UID_SET, Argument, Criteria, make_criteria
from imapdb.sql.functions import SCALARS, register
from imapdb.sql.plan import FUNCTIONS, Plan, Term, make_plan, read_plan

DOVECOT = PROFILES["dovecot"]


class Planned:
    """A table with the columns of a mailbox and no rows, that notes what was planned for it."""

    def __init__(self, *, of_all: bool = False) -> None:
        self.plans: list[Plan] = []
        self._of_all = of_all
        self.database = apsw.Connection(":memory:")
        register(self.database)
        module: Any = self
        self.database.create_module("planned", module, use_bestindex_object=True, iVersion=2)
        self.database.execute("CREATE VIRTUAL TABLE box USING planned")
        self.database.execute("CREATE TABLE other (number INTEGER, word TEXT)")
        self.database.execute("INSERT INTO other VALUES (1, 'a')")

    def plan(self, sql: str) -> Plan:
        """Give the plan with the most terms of those SQLite asked for."""
        self.plans.clear()
        self.database.execute(sql).fetchall()
        return max(self.plans, key=lambda plan: len(plan.terms))

    def Create(self, *_: object) -> tuple[str, Any]:
        declared = ", ".join(f'"{column.name}" {column.sql_type}' for column in COLUMNS)
        aliases = "".join(f", {alias} TEXT HIDDEN" for alias in ALIASES)
        return f"CREATE TABLE x({declared}{aliases})", self

    Connect = Create

    def Disconnect(self) -> None: ...
    def Destroy(self) -> None: ...
    def Close(self) -> None: ...
    def Next(self) -> None: ...
    def Filter(self, *_: object) -> None: ...

    def Open(self) -> Planned:
        return self

    def Eof(self) -> bool:
        return True

    def Rowid(self) -> int:
        return 0

    def Column(self, place: int) -> None: ...

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:
        planned = make_plan(info, of_all=self._of_all)
        assert info.idxStr is not None
        self.plans.append(read_plan(info.idxStr))
        return planned

    def FindFunction(self, name: str, arguments: int) -> Any:
        return (FUNCTIONS[name], SCALARS[name]) if name in FUNCTIONS else None


@pytest.mark.parametrize(
    ("where", "claimed"),
    [
        ("seen = 0", ["seen = exact"]),
        ("seen IS NOT NULL", ["seen IS NOT NULL exact"]),
        ("seen IN (0, 1)", ["seen = set exact"]),
        ("uid IN (1, 2)", ["uid = set exact"]),
        ("uid BETWEEN 1 AND 9", ["uid <= exact", "uid >= exact"]),
        ("rowid = 5", ["uid = exact"]),
        ("uid != 5", []),
        ("size > 5 AND size != 9", ["size > exact"]),
        ("size IN (1, 2)", ["size = set exact"]),
        ("created >= '2024-01-01'", ["created >="]),
        ("subject LIKE '%a%'", ["subject LIKE"]),
        ("subject NOT LIKE '%a%'", []),
        ("subject GLOB 'a*'", ["subject GLOB"]),
        ("subject = 'a'", ["subject ="]),
        ("subject = 'a' COLLATE NOCASE", []),
        ("subject IN ('a', 'b')", ["subject = set"]),
        ("subject IN ('a', 'b') COLLATE NOCASE", ["subject = set"]),
        ("subject COLLATE NOCASE IN ('a', 'b')", []),
        ("email MATCH 'a'", ["email MATCH exact"]),
        ("created LIKE '2024-02-28%'", ["created <", "created >=", "created LIKE"]),
        ("subject IS NOT NULL", ["subject IS NOT NULL"]),
        ("email_id = 'M1'", ["email_id ="]),
        ("subject > 'a'", []),
        ("subject IS NULL", []),
        ("contains(subject, 'a')", ["subject contains"]),
        ("NOT contains(subject, 'a')", []),
        ("has_flag(flags, 'x')", ["flags has_flag exact"]),
        ("recipients = 'a'", ["to ="]),
        ("refs LIKE '%a%'", ["references LIKE"]),
        ("mailbox = 'INBOX'", ["mailbox ="]),
        ("mailbox = 'INBOX' COLLATE NOCASE", []),
        ("mailbox IN ('a', 'b')", ["mailbox = set"]),
        ("NOT (seen = 0)", []),
        ("+seen = 0", []),
        ("size + 1 > 5", []),
        ("seen = 0 AND (size > 5 OR subject = 'x')", ["seen = exact", "size > exact"]),
        ("subject = (SELECT word FROM other)", ["subject ="]),
    ],
)
def test_the_terms_that_are_claimed(where: str, claimed: list[str]) -> None:
    def told(term: Term) -> str:
        words = [COLUMNS[term.column].name, term.operator, "set" * term.is_set, "exact" * term.exact]
        return " ".join(filter(None, words))

    assert sorted(map(told, Planned().plan(f"SELECT subject FROM box WHERE {where}").terms)) == sorted(claimed)


@pytest.mark.parametrize(
    ("tail", "order"),
    [
        ("ORDER BY uid", "uid"), ("ORDER BY uid DESC", "uid desc"), ("ORDER BY uid DESC, subject", "uid desc"),
        ("ORDER BY rowid", "uid"), ("ORDER BY created", "created"), ("ORDER BY seen, uid", "seen, uid"), ("", ""),
        ("ORDER BY created DESC, size, uid DESC, subject", "created desc, size, uid desc"),
        ("ORDER BY size LIMIT 3", "size"), ("ORDER BY subject", ""), ("ORDER BY created, subject", ""),
        ("ORDER BY created NULLS LAST", ""), ("ORDER BY created + 1", ""), ("ORDER BY flags", ""),
        ("GROUP BY created", ""), ("GROUP BY uid", "uid"), ("ORDER BY sent", ""), ("ORDER BY mailbox, uid", ""),
    ],
)  # fmt: skip
def test_ordering_that_is_claimed(tail: str, order: str) -> None:
    def told(plan: Plan) -> str:
        return ", ".join(COLUMNS[column].name + " desc" * descending for column, descending in plan.order)

    assert told(Planned().plan(f"SELECT subject FROM box {tail}")) == order
    assert told(Planned(of_all=True).plan(f"SELECT subject FROM box {tail}")) == ""


def test_what_is_all_fetched_at_once_is_sorted_by_sqlite() -> None:
    assert Planned().plan("SELECT uid, seen, size FROM box ORDER BY created").order == ()
    assert Planned().plan("SELECT subject FROM box ORDER BY created").order != ()


def test_ordering_that_is_claimed_is_not_sorted_again() -> None:
    table = Planned()
    steps = [row[3] for row in table.database.execute("EXPLAIN QUERY PLAN SELECT subject FROM box ORDER BY uid DESC")]
    assert not any("TEMP B-TREE" in step for step in steps)


def test_a_limit_is_told_and_an_offset_is_left_to_sqlite() -> None:
    assert Planned().plan("SELECT subject FROM box WHERE seen = 0 LIMIT 10 OFFSET 5").limit


def test_the_columns_read_are_named_in_the_plan() -> None:
    used = Planned().plan("SELECT subject, refs FROM box WHERE sender = 'x'").used
    assert {COLUMNS[column].name for column in used} == {"subject", "references", "sender"}


def test_a_plan_is_read_as_it_was_written() -> None:
    plan = Plan(
        (Term(0, "=", is_set=True, exact=True), Term(3, "LIKE", is_set=False, exact=False)),
        2,
        frozenset({1, 9}),
        ((2, True),),
    )
    assert read_plan(plan.write()) == plan


# Criteria.

SEEN, SIZE = by_name()["seen"], by_name()["size"]


def term(column: str, operator: str = "=", *, is_set: bool = False) -> Term:
    place = by_name()[column]
    condition = COLUMNS[place].condition
    return Term(place, operator, is_set, condition is not None and condition.exact)


def criteria(*terms: tuple[Term, Argument]) -> Criteria:
    return make_criteria([t for t, _ in terms], [value for _, value in terms], DOVECOT)


def test_terms_come_together_as_one_key() -> None:
    made = criteria(
        (term("seen"), 0), (term("size", ">"), 100), (term("subject", "LIKE"), "%sum%"), (term("uid", ">"), 5)
    )
    assert str(made.key(narrowed=True)) == f'UID 6:{MAX_UID} UNSEEN LARGER 100 SUBJECT "sum"'
    assert str(made.key(narrowed=False)) == f"UID 6:{MAX_UID} UNSEEN LARGER 100"
    assert made.constants == {SEEN: 0}
    assert not made.never


@pytest.mark.parametrize(
    ("column", "operator", "value"),
    [("subject", "=", None), ("seen", "=", 2), ("uid", "=", 0), ("size", "<", 0), ("created", ">", None)],
)
def test_what_no_row_can_meet_is_not_asked(column: str, operator: str, value: Any) -> None:
    assert criteria((term("seen"), 1), (term(column, operator), value)).never


def test_is_null_of_a_text_is_not_never() -> None:
    assert not criteria((term("subject", "IS"), None)).never


SETS = st.frozensets(st.integers(0, 40), min_size=1)
BOUNDS = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "="]), st.integers(0, 40))


@given(listed=st.lists(SETS, max_size=3), bounds=st.lists(BOUNDS, max_size=3))
@example(listed=[frozenset({1, 2}), frozenset({3})], bounds=[])
@example(listed=[], bounds=[(">", 9), ("<", 9)])
def test_uids_wanted_are_those_in_every_term(listed: list[frozenset[int]], bounds: list[tuple[str, int]]) -> None:
    terms: list[tuple[Term, Argument]] = [(term("uid", is_set=True), set(uids)) for uids in listed]
    terms += [(term("uid", operator), bound) for operator, bound in bounds]
    made = criteria(*terms)
    compared = {"<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__, "=": int.__eq__}
    for uid in range(1, 42):
        wanted = all(uid in uids for uids in listed) and all(
            compared[operator](uid, bound) for operator, bound in bounds
        )
        assert wanted == (not made.never and (made.uids is None or uid in made.uids))


def test_a_long_list_of_uids_is_asked_for_as_a_range() -> None:
    few = criteria((term("uid", is_set=True), {3, 5, 9}), (term("seen"), 1))
    assert str(few.key(narrowed=True)) == "UID 3,5,9 SEEN"
    many = criteria((term("uid", is_set=True), set(range(1, 40_000, 2))), (term("seen"), 1))
    assert str(many.key(narrowed=True)) == "UID 1:39999 SEEN"
    assert len(str(few.key(narrowed=True))) < LARGEST_UID_SET


def test_mailboxes_are_named_in_every_term() -> None:
    for value, names in (("a", {"a"}), (5, {"5"}), (None, set()), (b"a", set())):
        assert criteria((term("mailbox"), value)).names == frozenset(names)
    assert criteria((term("mailbox", is_set=True), {"a", "b"}), (term("mailbox"), "b")).names == frozenset({"b"})
    assert criteria((term("mailbox"), 5.0)).names is None
    assert criteria((term("mailbox", is_set=True), None)).names == frozenset()


def test_sizes_that_no_key_tells_are_tested_here() -> None:
    made = make_criteria([term("size", ">")], [100], PROFILES["greenmail"])
    assert str(made.key(narrowed=True)) == "ALL"
    assert made.items.size
    assert [column for column, _ in made.tests] == [SIZE]
    assert [column for column, _ in make_criteria([term("size", ">")], [100], GENERIC).tests] == [SIZE]
    assert make_criteria([term("size", ">")], [100], PROFILES["dovecot"]).tests == []


# Names.


@pytest.mark.parametrize(
    ("names", "tables"),
    [
        (["INBOX", "Sent"], {"INBOX": "INBOX", "Sent": "Sent"}),
        (["a", "A"], {"A": "A", "a": "a~2"}),
        (["a", "A", "a~2"], {"A": "A", "a": "a~3", "a~2": "a~2"}),
        (["inbox", "INBOX"], {"INBOX": "INBOX", "inbox": "inbox~2"}),
        (["messages", "Mailboxes"], {"messages": "messages~2", "Mailboxes": "Mailboxes~2"}),
        (["attachments", "ATTACHMENTS"], {"ATTACHMENTS": "ATTACHMENTS~2", "attachments": "attachments~3"}),
        (["json_each"], {"json_each": "json_each~2"}),
        (["sqlite_x", "SQLITE_X"], {"SQLITE_X": "~SQLITE_X", "sqlite_x": "~sqlite_x~2"}),
        (["sqlite_x", "~sqlite_x"], {"sqlite_x": "~sqlite_x", "~sqlite_x": "~sqlite_x~2"}),
        (["Ä", "ä"], {"Ä": "Ä", "ä": "ä"}),
    ],
)
def test_table_names(names: list[str], tables: dict[str, str]) -> None:
    assert table_names(names, ["json_each"]) == tables


@given(
    st.sets(
        st.one_of(
            st.sampled_from(["a", "A", "a~2", "A~2", "a~3", "a~2~2", *RESERVED, "Messages", "json_each"]), st.text()
        )
    )
)
def test_table_names_are_unique_as_sqlite_compares_them(names: set[str]) -> None:
    given_names = table_names(names, ["json_each"])
    folded = [fold(table) for table in given_names.values()]
    assert set(given_names) == names
    assert len(set(folded)) == len(folded)
    assert not set(folded) & {*RESERVED, "json_each"}
    assert not any(table.startswith("sqlite_") for table in folded)
    assert table_names(sorted(names, reverse=True), ["json_each"]) == given_names
