"""imapdb: by SQLAlchemy and the Python API, by its DBAPI module, and as a command."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

import imapdb
from benchmarks.contender import Contender
from imapdb import dbapi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.questions import Count, Listing, Parts

__all__ = ["Command", "Core", "Sql", "Startup"]


class Core(Contender):
    """`db(…).count()`, and rows of SQLAlchemy."""

    name = "imapdb"

    def open(self) -> None:
        """Nothing is opened before the first question."""
        self._db = imapdb.connect(self.place.url)

    def warm(self) -> None:
        """Log in, and have SQLAlchemy compile once."""
        self._db(self._db.INBOX.uid < 1).count()
        self._db(self._db.INBOX.seen == sa.false()).count()

    def close(self) -> None:
        """Log out."""
        self._db.close()

    def count(self, question: Count) -> int:
        """Count by the Python API."""
        inbox = self._db.INBOX
        asked = (inbox.seen == sa.false()) & (inbox.flagged == sa.false())
        asked &= (inbox.size < question.smaller) & (inbox.created >= question.since)
        return self._db(asked).count()

    def rows(self, question: Listing) -> Iterator[Any]:
        """Stream the rows of a SELECT."""
        table = self._db.table("INBOX")
        asked = sa.select(*(table.c[name] for name in question.columns))
        if question.unseen:
            asked = asked.where(table.c.seen == sa.false())
        if question.newest:
            asked = asked.order_by(table.c[question.newest].desc()).limit(question.limit)
        return self._stream(asked)

    def parts(self, question: Parts) -> Iterator[Any]:
        """Do the same with bodies."""
        table = self._db.table("INBOX")
        asked = sa.select(*(table.c[name] for name in question.columns))
        if question.last:
            asked = asked.where(table.c.uid <= question.last)
        if question.larger:
            asked = asked.where(table.c.size > question.larger)
        return self._stream(asked)

    def _stream(self, asked: sa.Select[Any]) -> Iterator[Any]:
        with self._db.engine.connect() as connection:
            yield from connection.execution_options(yield_per=1000).execute(asked)


class Sql(Contender):
    """SQL by the DBAPI module."""

    name = "imapdb, DBAPI"

    def open(self) -> None:
        """Nothing is opened before the first question."""
        self._connection = dbapi.connect(self.place.url)

    def warm(self) -> None:
        """Log in."""
        self._connection.cursor().execute("SELECT count(*) FROM INBOX WHERE seen = 0").fetchall()

    def close(self) -> None:
        """Log out."""
        self._connection.close()

    def count(self, question: Count) -> int:
        """Count in SQL."""
        since = datetime.datetime.combine(question.since, datetime.time())
        sql = "SELECT count(*) FROM INBOX WHERE seen = 0 AND flagged = 0 AND size < ? AND created >= ?"
        ((number,),) = self._connection.cursor().execute(sql, (question.smaller, f"{since}")).fetchall()
        return int(number)

    def rows(self, question: Listing) -> Iterable[Any]:
        """Stream the rows of a SELECT."""
        sql = "SELECT " + ", ".join(f'"{name}"' for name in question.columns) + " FROM INBOX"
        if question.unseen:
            sql += " WHERE seen = 0"
        if question.newest:
            sql += f" ORDER BY {question.newest} DESC LIMIT {question.limit}"
        return self._connection.cursor().execute(sql)

    def parts(self, question: Parts) -> Iterable[Any]:
        """Do the same with bodies."""
        sql = "SELECT " + ", ".join(f'"{name}"' for name in question.columns) + " FROM INBOX"
        if question.last:
            sql += f" WHERE uid <= {question.last}"
        if question.larger:
            sql += f" WHERE size > {question.larger}"
        return self._connection.cursor().execute(sql)


class _Process(Contender):
    """A program that is started for each question and ends with the answer."""

    def open(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def count(self, question: Count) -> int:
        """Refuse: nobody asks."""
        raise NotImplementedError

    def _run(self, *command: str) -> str:
        environment = os.environ | {"IMAPDB_URL": self.place.url, "NO_COLOR": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


class Startup(_Process):
    """Python itself, starting and ending."""

    name = "floor"
    answers = False

    def rows(self, question: Listing) -> list[Any]:
        """Start Python."""
        self._run(sys.executable, "-c", "pass")
        return []


class Command(_Process):
    """`imapdb search INBOX --unseen --limit 10`: the newest by created, as lines of tab-separated text."""

    name = "imapdb"

    def rows(self, question: Listing) -> Iterator[Any]:
        """Run the command."""
        names = ",".join(question.columns)
        search = "from imapdb.cli import main; main()", "search", "INBOX", "--unseen", "--limit", str(question.limit)
        for line in self._run(sys.executable, "-c", *search, "--columns", names).splitlines():
            yield line.split("\t")
