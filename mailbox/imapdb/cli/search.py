"""`imapdb search`: the messages of a mailbox that meet every condition."""

from imapdb.cli.answer import Login, print_answer
from imapdb.cli.columns import DEFAULT, ColumnsOption, column_names
from imapdb.cli.conditions import Conditions, MailboxArgument, without_sql
from imapdb.cli.groups import grouped
from imapdb.cli.output import Form
from imapdb.cli.selection import Selection
from imapdb.errors import ProgrammingError

__all__ = ["search"]


@grouped
def search(
    mailbox: MailboxArgument,
    *,
    conditions: Conditions,
    selection: Selection,
    columns: ColumnsOption = DEFAULT,
    form: Form,
    login: Login,
) -> None:
    """List the messages of a mailbox that meet every condition, newest first.

    On a terminal the answer is a table; elsewhere it is one line per message, its values parted by tabs, without a
    heading. Line breaks and tabs in a value become spaces, and other control characters are written out, such as
    escape by its code; --json and --csv keep the values as they are.

    Nothing is changed by searching: unread mail stays unread.
    """
    sql, values = selection.select(mailbox, column_names(columns), conditions.term())
    try:
        print_answer(sql, values, form, login)
    except ProgrammingError as error:
        raise without_sql(error, mailbox) from error
