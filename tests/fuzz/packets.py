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
from fuzz.long import main

HARNESSES = dhcp4.HARNESSES | dhcp6.HARNESSES


def entries() -> list[bytes]:
    """What is edited."""
    return dhcp4.everything() + dhcp6.everything()


if __name__ == "__main__":
    sys.exit(main((__file__, __doc__, "DHCP"), HARNESSES, entries()))
