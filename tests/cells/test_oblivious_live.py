"""Two households that carry for each other, and a third that opens: real services, every process of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from kit.certificates import NAME
from kit.households import Household, settle
from kit.liar_thread import liar_at
from kit.peers import open_folder

RIGHT = ["192.0.2.7"]


@dataclass
class Neighbours:
    """`alice` asks through `bob` and the other way round; `opener` is the target of both."""

    alice: Household
    bob: Household
    opener: Household
    upstream: str
    stack: ExitStack

    def open(self) -> None:
        self.stack.enter_context(self.opener.started(self.upstream, "target = true"))


def carrying(own: Household, through: Household, opener: Household) -> tuple[str, str]:
    upstream = f'{{ url = "{opener.target}", relay = "{through.relay}", ca_file = "{own.authority}" }}'
    return upstream, f'relay = true\ntargets = [{{ url = "{opener.place}", ca_file = "{own.authority}" }}]'


@pytest.fixture(scope="module")
def neighbours() -> Iterator[Neighbours]:
    with open_folder() as folder, liar_at("tls") as liar, ExitStack() as stack:
        alice, bob, opener = settle(Path(folder), "alice.test", "bob.test", "opener.test")
        upstream = f'{{ url = "tls://{NAME}@127.0.0.1:{liar.port}", ca_file = "{opener.authority}" }}'
        stack.enter_context(alice.started(*carrying(alice, bob, opener)))
        stack.enter_context(bob.started(*carrying(bob, alice, opener)))
        with ExitStack() as inner:
            found = Neighbours(alice, bob, opener, upstream, inner)
            found.open()
            yield found


def addresses(message: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in message.answer for item in rrset]


def test_each_is_answered_through_the_other(neighbours: Neighbours) -> None:
    for household in (neighbours.alice, neighbours.bob):
        assert RIGHT == addresses(household.ask(f"www.{household.name[:3]}.example."))


def test_explain_says_who_sees_what(neighbours: Neighbours) -> None:
    lines = neighbours.alice.told("explain", "www.example")
    assert "  the target        the full name www.example. and type A, the relay's address" in lines
    upstream = f"{neighbours.opener.target} through bob.test:{neighbours.bob.port}"
    assert f"  {upstream}: the relay sees the address and no name; the network sees 128-octet steps" in lines


def test_a_target_that_starts_anew_with_other_keys_loses_no_question(neighbours: Neighbours) -> None:
    assert RIGHT == addresses(neighbours.alice.ask("before.example."))
    neighbours.stack.close()
    neighbours.open()
    assert RIGHT == addresses(neighbours.alice.ask("after.example."))


def test_without_the_target_the_question_fails_and_goes_nowhere_else(neighbours: Neighbours) -> None:
    neighbours.stack.close()
    message = neighbours.alice.ask("nowhere.example.")
    assert (message.rcode(), addresses(message)) == (dns.rcode.SERVFAIL, [])
    neighbours.open()
    assert RIGHT == addresses(neighbours.alice.ask("again.example."))


def test_if_one_pair_fails_the_next_is_asked(neighbours: Neighbours) -> None:
    """The first relay of this house is not there; the second is bob."""
    folder = neighbours.alice.folder.parent
    (carol,) = settle(folder, "carol.test")
    opener, bob = neighbours.opener, neighbours.bob
    dead = (
        f'{{ url = "{opener.target}", relay = "https://gone.test@127.0.0.1:9/relay", ca_file = "{carol.authority}" }}'
    )
    alive = f'{{ url = "{opener.target}", relay = "{bob.relay}", ca_file = "{carol.authority}" }}'
    with carol.started(f"{dead}, {alive}", ""):
        assert RIGHT == addresses(carol.ask("first.example."))
        assert RIGHT == addresses(carol.ask("second.example."))
