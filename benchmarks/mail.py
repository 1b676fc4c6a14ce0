"""A deterministic mailbox: the same messages for the same number, in sizes and headers like those of real mail."""

from __future__ import annotations

import datetime
import random
from email.header import Header
from email.utils import format_datetime

__all__ = ["letters"]

START = datetime.datetime(2024, 1, 1, 8, tzinfo=datetime.UTC)
PEOPLE = [(f"Person {number}", f"person{number}@example.org") for number in range(200)]
FLAGS = (("\\Seen", 0.75), ("\\Flagged", 0.05), ("\\Answered", 0.2))
NAMES = ("Zoë Müller", "田中 花子", "José García", "Иван Петров")
WORDS = [
    "invoice",
    "meeting",
    "report",
    "update",
    "question",
    "answer",
    "release",
    "holiday",
    "lunch",
    "contract",
    "review",
    "budget",
    "plan",
]


def letters(count: int) -> list[tuple[bytes, str, datetime.datetime]]:
    """Make `count` messages: the octets, the flags as IMAP writes them, and when the server received each."""
    chance = random.Random(20_261_120)
    return [_letter(number, chance) for number in range(count)]


def _letter(number: int, chance: random.Random) -> tuple[bytes, str, datetime.datetime]:
    received = START + datetime.timedelta(minutes=13 * number)
    name, address = chance.choice(PEOPLE)
    if number % 7 == 0:
        name = Header(chance.choice(NAMES), "utf-8").encode()
    subject = " ".join(chance.choices(WORDS, k=chance.randint(2, 8)))
    if number % 5 == 0:
        subject = Header(f"Grüße: {subject}", "utf-8").encode()
    recipients = ", ".join(f"{n} <{a}>" for n, a in chance.choices(PEOPLE, k=chance.choice((1, 1, 1, 2, 8))))
    hops = [f"Received: from relay{hop}.example.org by mx.example.org; {format_datetime(received)}" for hop in range(3)]
    head = [
        *hops,
        f'From: "{name}" <{address}>' if name.isascii() and "=?" not in name else f"From: {name} <{address}>",
        f"To: {recipients}",
        *([f"Cc: {chance.choice(PEOPLE)[1]}"] if number % 4 == 0 else []),
        f"Subject: {subject}",
        f"Date: {format_datetime(received - datetime.timedelta(seconds=chance.randint(1, 90)))}",
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@example.org>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ]
    lines = max(1, int(chance.expovariate(1 / 40)))
    body = [" ".join(chance.choices(WORDS, k=9)) for _ in range(lines)]
    flags = " ".join(flag for flag, share in FLAGS if chance.random() < share)
    return "\r\n".join([*head, "", *body, ""]).encode(), flags, received
