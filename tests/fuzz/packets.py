"""Millions of mutated packets through every parser of DHCP: `packets.py --cases N --seed S [--record]`.

Every case is a packet of a client, relay or server, a frame, an ARP message, or the value of an option (each row of the tables),
with one to four edits as in the run above, and goes through every parser, and as the value of two options. A broken promise is an
accepted value that does not read back: a packet as it is built again, whole or cut to 576 octets; the text of an option.

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import dhcp4, dhcp6
from fuzz.long import Run, Tally, cases, found_part, fuzz, rows, summary
from fuzz.recording import SHOWN, about, command, last_run, options, write_part

HARNESSES = dhcp4.HARNESSES | dhcp6.HARNESSES


def entries() -> list[bytes]:
    """What is edited."""
    return dhcp4.everything() + dhcp6.everything()


def document(run: Run, said: str) -> str:
    """The part of docs/fuzz.md that is about DHCP."""
    return f"""\
# DHCP

Written by `tests/fuzz/packets.py`.

{about(__doc__)}

{last_run(run.seconds, said, summary(run))}
{rows(run)}
{found_part(run)}"""


def main() -> int:
    asked = options("Mutated packets through every parser of DHCP.", cases=100_000)
    chosen = asked.parse_args()
    run = Run(parsers={name: Tally() for name in HARNESSES})
    first, count = (0, chosen.cases) if chosen.only is None else (chosen.only, 1)
    fuzz(cases(chosen.seed, count, first, entries()), HARNESSES, run)
    print(summary(run), *run.found[:SHOWN], sep="\n")
    if chosen.record:
        write_part(document(run, command("packets.py", chosen)))
    return 1 if run.found else 0


if __name__ == "__main__":
    sys.exit(main())
