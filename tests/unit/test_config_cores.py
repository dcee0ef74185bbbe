"""`[service] cores`: how many cells of a kind, and what is shared out among them."""

import pytest
from kit.configured import MINIMAL, complaint, loaded

from anchorhold import ceilings
from anchorhold.config.load import load
from anchorhold.config.service import Loaded

SECURE = '[secure]\nlisten = ["tls://127.0.0.1:8530"]\nname = "dns.home.arpa"\n'
LIMITS = "[limits]\ntcp_clients = 301\ntcp_clients_per_address = 200\n"


def cores_of(found: Loaded) -> set[int]:
    assert found.secure is not None
    return {found.service.cores, found.resolver.cores}


def test_there_is_one_of_each_if_nothing_is_said_and_all_limits_are_its() -> None:
    found = loaded(SECURE + LIMITS)
    assert found.secure is not None
    assert cores_of(found) == {1}
    assert (found.front.tcp_clients, found.secure.connections) == (301, 2_000)


@pytest.mark.parametrize(("text", "processors", "cores"), [("3", 2, 3), ('"all"', 4, 4), ('"all"', 200, 64)])
def test_it_is_a_number_or_as_many_as_there_are(text: str, processors: int, cores: int) -> None:
    found = load(f"[service]\ncores = {text}\n{MINIMAL}{SECURE}", "a.toml", processors=processors)
    assert cores_of(found) == {cores}


def test_what_all_clients_may_have_is_shared_out_and_what_one_may_is_not() -> None:
    found = loaded("[service]\ncores = 2\n" + SECURE + LIMITS)
    assert found.secure is not None
    assert (found.front.tcp_clients, found.secure.front.tcp_clients, found.secure.connections) == (151, 151, 1_000)
    assert (found.front.tcp_clients_per_address, found.front.rate) == (200, loaded("").front.rate)


@pytest.mark.parametrize("wrong", ["0", "-1", "65", '"two"', "1.5", "true"])
def test_anything_else_is_refused(wrong: str) -> None:
    assert "service.cores: " in complaint(f"[service]\ncores = {wrong}\n")


def test_an_oblivious_target_is_served_by_one_process() -> None:
    target = SECURE.replace("tls:", "https:") + "[secure.odoh]\ntarget = true\n"
    assert "an oblivious target has its keys in one process" in complaint("[service]\ncores = 2\n" + target)
    assert loaded(target).service.cores == 1


def test_another_number_needs_a_restart() -> None:
    one, two = loaded("").service, loaded("[service]\ncores = 2\n").service
    assert one.lasting != two.lasting


def test_whoever_serves_more_cells_may_have_more_memory() -> None:
    one, three = loaded("").resolver, loaded("[service]\ncores = 3\n").resolver
    assert ceilings.of_resolver(three) - ceilings.of_resolver(one) == ceilings.UNDER_WAY * 4 // 3
    assert ceilings.of_dhcp(0, 3) - ceilings.of_dhcp(0) == 2 * ceilings.TOLD
