"""Print the ten newest unread messages: python unread.py imaps://user@host/ (the password in IMAPDB_PASSWORD)."""

import sys

import imapdb


def main(url: str) -> None:
    with imapdb.connect(url) as db:
        inbox = db.INBOX
        unread = db(inbox.seen == False)  # noqa: E712 - SQLAlchemy reads this as SQL
        print(f"{unread.count()} unread")
        for row in unread.select(inbox.created, inbox.sender, inbox.subject, limitby=(0, 10)):
            print(f"{row.created:%Y-%m-%d}  {row.sender or '(nobody)':40.40}  {row.subject or ''}")


if __name__ == "__main__":
    main(sys.argv[1])
