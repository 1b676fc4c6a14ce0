"""`imapdb mailboxes`: what there is to search."""

from imapdb.cli.answer import Login, ask
from imapdb.cli.completion import remember_mailboxes
from imapdb.cli.groups import grouped
from imapdb.cli.output import Form

__all__ = ["mailboxes"]

SQL = """
SELECT table_name AS name, messages, unseen, size
  FROM mailboxes
 WHERE table_name IS NOT NULL
 ORDER BY name <> 'INBOX', name
"""


@grouped
def mailboxes(*, form: Form, login: Login) -> None:
    """List the mailboxes of the account: name, number of messages, how many are unread, and size in octets.

    INBOX comes first, the others follow by name; those that hold other mailboxes but no mail are left out. A name is
    written as search and query want it. The size is empty where the server does not tell it.
    """
    with login.connected() as connection:
        ask(connection, SQL, (), form)
        remember_mailboxes(connection.account, connection.tables.catalog.table_names.values())
