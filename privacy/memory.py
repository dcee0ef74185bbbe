"""`keep`: the one place that decides what a log line may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened. `cell` and `text` are ours and hold no name and no address; `name` is a domain name or an
    address, kept only if the user asked for that."""

    cell: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Retention:
    """What the user allows to be kept. The default allows neither names nor addresses."""

    names: bool = False


MAX_TEXT = 400


def keep(fact: Fact, retention: Retention) -> str | None:
    """The line to log, without a line end and with nothing unprintable; None for nothing."""
    text = fact.text
    if fact.name and retention.names:
        text = f"{text}: {fact.name}"
    shown = "".join(c if c.isprintable() else "?" for c in text[:MAX_TEXT])
    return f"{fact.cell}: {shown}" if shown else None
