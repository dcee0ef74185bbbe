"""Crowds of slow connections of HTTP/2 at the real listener in its own process: what they hold, and that others are served."""

import contextlib
import resource
from contextlib import ExitStack

import pytest
from kit.certificates import identity
from kit.figures import holds
from kit.h2_dial import ask, connected
from kit.https import DATA, DNS_MESSAGE, END_HEADERS, GREETING, HEADERS, block, frame
from kit.wayin import serving

from resolver.settings import Served

CROWD = 600
MOST_EACH = 40.0
"""kB of memory for one of them; 2,000 are let in."""

UNFINISHED = frame(HEADERS, END_HEADERS, 1, block(("content-type", DNS_MESSAGE), method="POST")) + frame(
    DATA, 0, 1, b"x"
)


@pytest.mark.parametrize("kind", ["silent", "unfinished"])
def test_slow_connections_hold_little_and_an_honest_client_is_served(kind: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with serving(identity("good")) as way_in, ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        port = way_in.ports[Served.HTTPS]
        with connected(port, "127.0.0.250") as tls:
            assert ask(tls)
        before = way_in.state()
        for number in range(CROWD):
            tls = stack.enter_context(connected(port, f"127.2.0.{1 + number // 50}"))
            tls.sendall(GREETING if kind == "silent" else GREETING + UNFINISHED)
        with connected(port, "127.0.0.251") as tls:
            assert ask(tls)
            after = way_in.state()
        assert after.guests >= CROWD
        each = (after.memory - before.memory) / 1_000 / CROWD
        assert holds(f"{CROWD} {kind} connections of HTTP/2", "kB of memory for each", round(each, 1), MOST_EACH)
        # Their ends come all at once.
        with contextlib.suppress(OSError):
            stack.close()
