"""What a value of each column must be like, whatever the mail it was made of."""

from __future__ import annotations

import json
import re
from typing import Any

from imapdb.sql.columns import ALIASES, ATTACHMENT_COLUMNS, COLUMNS

__all__ = ["check"]

_TYPES = {column.name: column.sql_type for column in COLUMNS}
_TYPES |= {column.name: column.sql_type for column in ATTACHMENT_COLUMNS if column.name not in _TYPES}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_SECTION = re.compile(r"(?:\d+\.)*(?:\d+|TEXT)")


def check(column: str, value: Any) -> None:
    """Check that a value is of its column's kind: what SQLite, JSON and UTF-8 can hold, without NUL; or NULL."""
    kind = _TYPES[ALIASES.get(column, column)]
    if value is None:
        return
    if kind == "BLOB":
        assert type(value) is bytes
    elif kind in ("INTEGER", "BOOLEAN"):
        assert type(value) is int
        assert kind == "INTEGER" or value in (0, 1)
    else:
        assert type(value) is str
        assert "\0" not in value
        value.encode()  # no surrogates
        if kind == "DATETIME":
            assert _MOMENT.fullmatch(value)
        if kind == "JSON":
            check_json(column, json.loads(value))


def check_json(column: str, value: Any) -> None:
    if column == "headers":
        for field in value.values():
            assert all(type(one) is str for one in (field if isinstance(field, list) else [field]))
    elif column == "attachments":
        for one in value:
            assert list(one) == ["part", "filename", "content_type", "size", "content_id", "disposition"]
            for name, said in one.items():
                assert said is None or type(said) is (int if name == "size" else str)
            assert _SECTION.fullmatch(one["part"])
            assert "/" in one["content_type"]
    elif column == "content":
        for one in value:
            assert list(one) == ["mime", "text"]
            assert one["mime"].startswith("text/")
            assert "\0" not in one["text"]
    else:
        assert all(type(one) is str for one in value)
