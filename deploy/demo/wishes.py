"""What the household of the demo wants of names: one of its own, a rule, a list."""

import time
from pathlib import Path

from demo.service import Service

PATIENCE = 60.0

LIST = """# A list as others publish it.
0.0.0.0 adverts.reef.example
0.0.0.0 tracker.drift.example
"""

TABLES = """
[[local]]
zone = "cabin.home.arpa"
records = ["nas A 192.168.77.9"]

[[rule]]
name = "no games"
action = "block"
domains = ["casino.example"]
answer = "nxdomain"

[lists.adverts]
file = "{file}"
"""


def wishes(folder: Path) -> str:
    """The tables of it; the list is written beside the configuration."""
    file = folder / "adverts.txt"
    file.write_text(LIST)
    return TABLES.format(file=file)


def await_lists(service: Service) -> None:
    """Until the resolver has the list: the service answers before, rather than not at all."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        key = b"\7adverts\4reef\7example\0\0\1\0\1"
        explained = service.ask_control({"verb": "explain", "key": key.hex(), "flags": 8, "client": "127.0.0.1"})
        if explained[-1].get("rule"):
            return
        time.sleep(0.05)
    raise SystemExit(f"the list is not there:\n{service.log_text()}")
