"""Which step of a question a profiler's sample belongs to."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import stacks  # noqa: E402

sys.path.remove(str(BENCHMARKS))

CELL = "main (unsealed.py:33);ResolverCell.serve (anchorhold/cells/resolver.py:140);Runner.run (asyncio/runners.py:118)"


@pytest.mark.parametrize(
    ("inner", "step"),
    [
        ("read (resolver/accept.py:60)", "the answer is read and scrubbed"),
        (
            "TlsTransport.write (net/transport.py:270);SSLObject.write (ssl.py:870)",
            "exchange with the upstream, with TLS and the kernel",
        ),
        ("verify_now (resolver/dnssec/signature.py:9);verify (cryptography/x.py:1)", "validation, with the signature"),
        ("Handle._run (asyncio/events.py:80)", stacks.LOOP),
    ],
)
def test_a_library_works_for_whoever_called_it(inner: str, step: str) -> None:
    assert step == stacks.step_of(f"{CELL};{inner}")


def test_a_loop_that_does_not_wait_is_at_work() -> None:
    assert stacks.LOOP == stacks.step_of(CELL)


@pytest.mark.parametrize(
    "waiting", ["EpollSelector.select (selectors.py:468)", "Epoll.select (anchorhold/cells/readiness.py:60)"]
)
def test_shares_leave_out_who_waits(waiting: str) -> None:
    waits = f"ClientsCell.run (anchorhold/cells/clients.py:1);{waiting}"
    found = stacks.shares(
        [f"{CELL};read (resolver/accept.py:60) 3", f"{CELL};compose (resolver/compose.py:1) 1", f"{waits} 96"]
    )
    assert {"the answer is read and scrubbed": 0.75, "the answer is written anew and remembered": 0.25} == found
