"""Where the mail is, in a form that passes from process to process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from tests.kit.proxy import Proxy

__all__ = ["Place"]


class Place(NamedTuple):
    """An account on this machine; its mail is in INBOX."""

    host: str
    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        """The account for imapdb."""
        return f"imap://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}/"

    def through(self, proxy: Proxy) -> Place:
        """Give the same account as reached by way of a proxy."""
        return self._replace(host=proxy.host, port=proxy.port)
