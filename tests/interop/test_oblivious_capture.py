"""What a listener on the wire sees of an oblivious question: a raw packet socket on `lo`. Needs root.

A house asks through a relay; the relay carries to a target. All three are real services.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from kit.capture import CLIENT, SERVICE, TCP, UDP, UPSTREAM, Capture, captured
from kit.certificates import NAME
from kit.households import Household, settle
from kit.liar_thread import liar_at
from kit.peers import need_root, open_folder

TARGET = UPSTREAM.rpartition(".")[0] + ".9"
TLS_DATA = 23


@pytest.fixture(scope="module")
def asking() -> Iterator[Household]:
    need_root("a capture")
    with open_folder() as folder, liar_at("tls") as liar, ExitStack() as stack:
        asker, carrier, opener = settle(Path(folder), "asker.test", "carrier.test", "opener.test")
        asker.address, carrier.address, opener.address = SERVICE, UPSTREAM, TARGET
        upstream = f'{{ url = "tls://{NAME}@127.0.0.1:{liar.port}", ca_file = "{opener.authority}" }}'
        place = f'{{ url = "{opener.place}", ca_file = "{opener.authority}" }}'
        through = f'{{ url = "{opener.target}", relay = "{carrier.relay}", ca_file = "{asker.authority}" }}'
        stack.enter_context(opener.started(upstream, "target = true"))
        stack.enter_context(carrier.started(upstream, f"relay = true\ntargets = [{place}]"))
        stack.enter_context(asker.started(through, ""))
        # Keys are fetched, connections stand.
        assert asker.ask("first.example.").answer
        yield asker


def records(capture: Capture, address: str) -> set[int]:
    """Lengths of the TLS records with data that were sent to `address`."""
    found = set()
    for packet in capture.to(address):
        data = packet.payload
        while len(data) >= 5:
            if data[0] == TLS_DATA:
                found.add(int.from_bytes(data[3:5], "big"))
            data = data[5 + int.from_bytes(data[3:5], "big") :]
    return found


def test_the_name_is_in_clear_text_between_the_client_and_its_own_house_only(asking: Household) -> None:
    label = f"only{secrets.token_hex(8)}"
    with captured() as stop:
        assert asking.ask(f"www.{label}.example.", CLIENT).answer
        capture = stop()
    assert capture.telling(label.encode()) != []
    assert [] == [packet for packet in capture.telling(label.encode()) if packet.ends != {CLIENT, SERVICE}]
    for address in (UPSTREAM, TARGET):
        assert {TCP} == {packet.protocol for packet in capture.to(address)}
        assert [] == [packet for packet in capture.to(address) if packet.destination[1] in (53, 853)]


def test_sizes_on_the_wire_are_the_same_for_names_of_any_length(asking: Household) -> None:
    """A name as short and one as long as 128 octets of padding allow: what is sent to relay and target has one set of sizes."""
    seen = []
    for length in (1, 10, 30, 55):
        with captured() as stop:
            assert asking.ask(f"{secrets.token_hex(28)[:length]}.example.", CLIENT).answer
            capture = stop()
        seen.append((records(capture, UPSTREAM), records(capture, TARGET)))
    assert all(sizes == seen[0] for sizes in seen), seen


def test_keys_and_the_relays_own_name_are_fetched_encrypted_too() -> None:
    """From the start of the service on: `bootstrap` looks the relay up over QUIC, the relay shows the target's keys."""
    need_root("a capture")
    label = f"only{secrets.token_hex(8)}"
    with open_folder() as folder, liar_at("quic", answers=lookup, address=UPSTREAM) as guide, ExitStack() as stack:
        asker, carrier, opener = settle(Path(folder), "asker.test", "carrier.test", "opener.test")
        asker.address, carrier.address, opener.address = SERVICE, UPSTREAM, TARGET
        known = f'ca_file = "{opener.authority}"'
        resolving = f'{{ url = "quic://{NAME}@{UPSTREAM}:{guide.port}", {known} }}'
        stack.enter_context(opener.started(resolving, "target = true"))
        place = f'{{ url = "{opener.place}", {known} }}'
        stack.enter_context(carrier.started(resolving, f"relay = true\ntargets = [{place}]"))
        for one in (opener, carrier):
            assert one.running is not None
            one.running.wait_for("serves https://")
        relay = f"https://{carrier.name}:{carrier.port}/relay"
        through = f'{{ url = "{opener.target}", relay = "{relay}", {known}, bootstrap = "guide" }}'
        with captured() as stop:
            stack.enter_context(asker.started(through, f"[upstreams.guide]\nservers = [{resolving}]"))
            assert asker.ask(f"www.{label}.example.", CLIENT).answer
            capture = stop()
    asked = {dns.message.from_wire(query).question[0].name.to_text(omit_final_dot=True) for query in guide.queries}
    assert {carrier.name, f"www.{label}.example"} <= asked
    assert [] == [packet for packet in capture.telling(label.encode()) if packet.ends != {CLIENT, SERVICE}]
    assert [] == list(capture.telling(b"carrier\4test"))
    ways = {(packet.protocol, packet.destination) for address in (UPSTREAM, TARGET) for packet in capture.to(address)}
    served = {(TCP, (UPSTREAM, carrier.port)), (TCP, (TARGET, opener.port)), (UDP, (UPSTREAM, guide.port))}
    assert served == {way for way in ways if way[1][1] in (carrier.port, opener.port, guide.port)}
    assert [] == [packet for packet in capture.packets if 53 in (packet.source[1], packet.destination[1])]


def lookup(query: bytes, over_udp: bool) -> bytes:
    """The relay has its own address, every other name a public one."""
    wanted = dns.message.from_wire(query)
    response = dns.message.make_response(wanted)
    if wanted.question[0].rdtype == dns.rdatatype.A:
        name = wanted.question[0].name
        address = UPSTREAM if name == dns.name.from_text("carrier.test") else "192.0.2.7"
        response.answer.append(dns.rrset.from_text(name, 300, "IN", "A", address))
    return response.to_wire()
