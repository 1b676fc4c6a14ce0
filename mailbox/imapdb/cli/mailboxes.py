"""`imapdb mailboxes`: what there is to search."""

from imapdb.cli.answer import print_answer
from imapdb.cli.login import PasswordStdinOption, UrlOption
from imapdb.cli.output import CsvOption, JsonOption

__all__ = ["mailboxes"]

SQL = """
SELECT table_name AS name, messages, unseen, size
  FROM mailboxes
 WHERE table_name IS NOT NULL
 ORDER BY name <> 'INBOX', name
"""


def mailboxes(
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    url: UrlOption = None,
    password_stdin: PasswordStdinOption = False,
) -> None:
    """List the mailboxes of the account: name, number of messages, how many are unread, and size in octets.

    INBOX comes first, the others follow by name; those that hold other mailboxes but no mail are left out. A name is
    written as search and query want it. The size is empty where the server does not tell it.
    """
    print_answer(SQL, (), as_json=as_json, as_csv=as_csv, url=url, password_stdin=password_stdin)
