"""`anchorhold compare`: two resolvers asked the same, before one takes the other's place."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

import click

from anchorhold.comparing import Difference, describe
from anchorhold.config.errors import Wrong
from anchorhold.config.places import DNS_PORT, read_listen
from anchorhold.config.service import ListenAddress
from anchorhold.questioning import BUILT_IN, Compared, Question, compare, read_questions
from anchorhold.terminal import CommandFailed, Exit, json_option, print_json, print_table, printable, read_file

MOST_OCTETS = 16 * 1024 * 1024
MOST_SHOWN = 60
"""Letters of an answer in a table."""


@click.command(
    epilog=f"""\b
Examples:
  anchorhold compare --old 192.168.1.1 --new 127.0.0.1:5300
  anchorhold compare --old 192.168.1.1 --new 192.168.1.2 --names names.txt --types A,AAAA,HTTPS
  cut -d' ' -f1 visited.txt | anchorhold compare --old 192.168.1.1 --new 192.168.1.2 --names - --json

Exit codes: 0 every difference is explained, 1 one is not, 2 wrong usage, 4 one of the two answers nothing at all.

{chr(10).join(f"  {one.word:<11} {'explained' if one.explained else 'NOT explained':<14} {one.meaning}" for one in Difference)}"""
)
@click.option("--old", required=True, metavar="ADDR[:PORT]", help="The server that answers today.")
@click.option("--new", required=True, metavar="ADDR[:PORT]", help="The one that is to take its place.")
@click.option("--names", type=click.Path(path_type=Path), help="File with one NAME [TYPE] a line; - is standard input.")
@click.option("--types", default="A,AAAA", show_default=True, help="What to ask for where a line has no TYPE.")
@click.option("--rate", type=click.FloatRange(1, 1_000), default=50, show_default=True, help="Questions a second.")
@json_option
def command(old: str, new: str, names: Path | None, types: str, rate: float, as_json: bool) -> None:
    """Ask OLD and NEW the same questions and say what is different, and whether that is explained.

    Both are asked over UDP, and over TCP where an answer is cut. What differs is asked twice: then records that rotate explain
    themselves. Only these two servers are contacted, they see the names, and this command keeps none.
    """
    servers = _read_server("--old", old), _read_server("--new", new)
    questions = _read_names(names, tuple(word.strip() for word in types.split(",") if word.strip()))
    found = _compare(questions, servers, rate)
    if as_json:
        print_json(_summary(found, servers))
    else:
        _print(found)
    for place, silent in zip(servers, _silent(found), strict=True):
        if silent:
            raise CommandFailed(
                Exit.UNREACHABLE, f"{place.text()} answered none of {len(found)} questions; is it there?"
            )
    different = [one.difference for one in found if one.difference is not Difference.SAME]
    unexplained = sum(not one.explained for one in different)
    if unexplained:
        raise CommandFailed(Exit.NEGATIVE, f"{unexplained} of {len(different)} differences are not explained")


def _read_server(option: str, given: str) -> ListenAddress:
    try:
        place = read_listen(given, DNS_PORT)
    except (Wrong, ValueError) as error:
        raise CommandFailed(Exit.USAGE, f"{option}: {error}") from None
    if not place.port:
        raise CommandFailed(Exit.USAGE, f"{option}: nobody answers at port 0")
    return place


def _read_names(names: Path | None, types: tuple[str, ...]) -> list[Question]:
    try:
        if names is None:
            return read_questions(BUILT_IN, types)
        data = sys.stdin.buffer.read(MOST_OCTETS) if str(names) == "-" else read_file(names, MOST_OCTETS)
        return read_questions(data.decode("utf-8"), types)
    except UnicodeDecodeError:
        raise CommandFailed(Exit.USAGE, f"{names} is not UTF-8; save it as UTF-8 text") from None
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"{names or '--types'}: {error}") from None


def _compare(questions: list[Question], servers: tuple[ListenAddress, ListenAddress], rate: float) -> list[Compared]:
    shown = sys.stderr.isatty()
    with click.progressbar(length=len(questions), label="asking both", file=sys.stderr, hidden=not shown) as bar:
        return asyncio.run(compare(questions, *servers, rate, lambda: bar.update(1)))


def _silent(found: list[Compared]) -> tuple[bool, bool]:
    """Whether the old one, and the new one, never answered."""
    return all(one.answers.old is None for one in found), all(one.answers.new is None for one in found)


def _print(found: list[Compared]) -> None:
    counts = Counter(one.difference for one in found)
    rows = [
        [kind.word, str(counts[kind]), "yes" if kind.explained else "NO", kind.meaning]
        for kind in Difference
        if counts[kind]
    ]
    print_table(f"{len(found)} questions to both", ["difference", "questions", "explained", "what it is"], rows)
    different = [
        [one.question.text, one.difference.word, _short(describe(one.answers.old)), _short(describe(one.answers.new))]
        for one in found
        if not one.difference.explained
    ]
    print_table("not explained", ["question", "difference", "old", "new"], different)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _summary(found: list[Compared], servers: tuple[ListenAddress, ListenAddress]) -> dict[str, object]:
    counts = Counter(one.difference for one in found)
    return {
        "old": servers[0].text(),
        "new": servers[1].text(),
        "questions": len(found),
        "counts": {kind.word: counts[kind] for kind in Difference if counts[kind]},
        "differences": [
            {
                "question": one.question.text,
                "difference": one.difference.word,
                "explained": one.difference.explained,
                "old": describe(one.answers.old),
                "new": describe(one.answers.new),
            }
            for one in found
            if one.difference is not Difference.SAME
        ],
    }
