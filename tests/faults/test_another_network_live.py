"""The real service on a machine with two ways out: when the way changes it begins anew, and nobody can tell it is the same."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
from kit.certificates import NAME, authority, identity
from kit.lan import Place
from kit.peers import need_root, stop
from kit.service import PATIENCE, Running, config_text, started

UPSTREAM = "203.0.113.1"
HOME, CAFE = "192.0.2", "198.51.100"
WITNESS = Path(__file__).with_name("tls_witness.py")
ASK = """
import sys, dns.message, dns.query, dns.rcode
answer = dns.query.udp(dns.message.make_query(sys.argv[1], "A"), "127.0.0.1", timeout=25, port=5300)
print(dns.rcode.to_text(answer.rcode()), len(answer.answer))
"""


class Machine:
    """With a service in it, and what its upstream saw of it."""

    def __init__(self, here: Place, running: Running, seen: "Queue[dict[str, object]]", control: Path) -> None:
        self.here = here
        self.running = running
        self._seen = seen
        self._control = control
        self._names = iter(range(1_000))

    def ask(self, label: str = "name") -> None:
        name = f"{label}.n{next(self._names)}.example."
        assert self.here.run(sys.executable, "-c", ASK, name).strip() == "NOERROR 1"

    def connection(self) -> dict[str, object]:
        """The next that the upstream saw."""
        return self._seen.get(timeout=PATIENCE)

    @property
    def connected(self) -> bool:
        """Whether it saw one that nobody has looked at."""
        return not self._seen.empty()

    def network(self) -> dict[str, object]:
        """What `anchorhold status` says of it."""
        said = self.here.run(sys.executable, "-m", "anchorhold", "status", "--json", "--control", str(self._control))
        found: dict[str, object] = json.loads(said)["resolver"]["network"]
        return found


@contextmanager
def witnessed(far: Place, folder: Path) -> "Iterator[Queue[dict[str, object]]]":
    made = identity("good")
    for name, content in (("chain.pem", made.certificate), ("key.pem", made.key)):
        (folder / name).write_bytes(content)
    command = [sys.executable, str(WITNESS), UPSTREAM, "853", str(folder / "chain.pem"), str(folder / "key.pem")]
    process = subprocess.Popen(far.inside(*command), stdout=subprocess.PIPE, text=True)
    seen: Queue[dict[str, object]] = Queue()
    stream = process.stdout
    assert stream is not None
    reader = threading.Thread(target=lambda: [seen.put(json.loads(line)) for line in stream])
    reader.start()
    try:
        assert {"ready": True} == seen.get(timeout=PATIENCE)
        yield seen
    finally:
        stop(process)
        reader.join()
        stream.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    need_root("network namespaces")
    here, far = Place(), Place()
    try:
        far.ip(f"address add {UPSTREAM}/32 dev lo")
        for link, network in (("home0", HOME), ("cafe0", CAFE)):
            far.ip(f"link add {link} type veth peer name {link} netns {here.pid}")
            far.ip(f"address add {network}.1/24 dev {link}")
            far.ip(f"link set {link} up")
            here.ip(f"address add {network}.2/24 dev {link}")
            here.ip(f"link set {link} up")
        here.ip(f"route add default via {HOME}.1")
        (tmp_path / "ca.pem").write_text(authority().pem)
        server = f'{{ url = "tls://{NAME}@{UPSTREAM}", ca_file = "{tmp_path}/ca.pem" }}'
        config = tmp_path / "anchorhold.toml"
        config.write_text(config_text(tmp_path, 5300, server="SERVER").replace('"SERVER"', server))
        with witnessed(far, tmp_path) as seen, started(config, within=here) as running:
            running.wait_for("serving on")
            yield Machine(here, running, seen, tmp_path / "control.sock")
    finally:
        far.close()
        here.close()


def test_another_default_route_is_another_network(machine: Machine) -> None:
    machine.ask()
    assert {"from": f"{HOME}.2", "offered": False} == machine.connection()
    machine.ask("last")
    machine.ask()
    assert {"from": f"{HOME}.2", "offered": True} == machine.connection(), "the control: here a session is resumed"

    # What containers do: a link comes and goes, with an address and a route of its own.
    machine.here.ip("link add docker0 type bridge")
    machine.here.ip("address add 172.17.0.1/16 dev docker0")
    machine.here.ip("link set docker0 up")
    machine.here.ip("link delete docker0")
    machine.ask()
    assert not machine.connected
    assert 0 == machine.network()["changes"]

    machine.here.ip(f"route replace default via {CAFE}.1")
    machine.running.wait_for("the network is another one")
    machine.ask()
    assert {"from": f"{CAFE}.2", "offered": False} == machine.connection()

    # The same way, but the cable was out: it may be another network with the same numbers.
    machine.here.ip("link set cafe0 down")
    machine.here.ip("link set cafe0 up")
    machine.here.ip(f"route replace default via {CAFE}.1")
    machine.running.wait_for("the network is another one", count=2)
    machine.ask()
    assert {"from": f"{CAFE}.2", "offered": False} == machine.connection()
    assert [] == [line for line in machine.running.lines if "mistake" in line or "Traceback" in line]
