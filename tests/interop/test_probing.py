"""RFC 9539 against an authoritative server that is not ours: NSD over UDP, TCP and TLS."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest
from kit.certificates import identity
from kit.nsd import nsd_server
from kit.peers import free_ports, peer, program
from kit.world import no_lookup

from net.clock import now
from net.tls import TlsFactory
from resolver.edge.iterating import Sockets
from resolver.edge.upstream.port import Tools
from resolver.iterate.port import Ask, Endpoint, Heard
from wire.dns.names import read_name
from wire.units import Seconds

NSD_ZONE = """
zone:
  name: "shop.example"
  zonefile: "zone"
"""
ZONE = """\
shop.example. 300 IN SOA ns.shop.example. host.shop.example. 1 3600 900 86400 300
shop.example. 300 IN NS ns.shop.example.
ns.shop.example. 300 IN A 127.0.0.1
www.shop.example. 300 IN A 203.0.113.1
"""


@pytest.mark.peer("nsd")
def test_nsd_is_asked_over_tls_from_the_second_question_on(tmp_path: Path) -> None:
    port, tls = free_ports(2)
    (tmp_path / "zone").write_text(ZONE)
    (tmp_path / "key.pem").write_bytes(identity("foreign").key)
    (tmp_path / "certificate.pem").write_bytes(identity("foreign").certificate)
    config = tmp_path / "nsd.conf"
    lines = [f"ip-address: 127.0.0.1@{port}", f"ip-address: 127.0.0.1@{tls}", f"tls-port: {tls}"]
    lines += [f'tls-service-key: "{tmp_path}/key.pem"', f'tls-service-pem: "{tmp_path}/certificate.pem"']
    config.write_text(nsd_server(tmp_path, *lines) + NSD_ZONE)
    counters: Counter[str] = Counter()
    ask = Ask(
        Endpoint("127.0.0.1", port),
        read_name("shop.example"),
        read_name("www.shop.example") + b"\0\1\0\1",
        Seconds(5.0),
        probe=True,
    )

    async def converse() -> None:
        sockets = Sockets(Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory()), counters, dot_port=tls)
        for _ in range(3):
            heard = await sockets.ask(ask)
            assert isinstance(heard, Heard)
            assert 1 == len(heard.message.answer)
            await sockets.encryption.settled()
        await sockets.close()

    with program([peer("nsd"), "-d", "-c", str(config)], tmp_path / "log", port, tls):
        asyncio.run(converse())
    assert (1, 0, 2) == (counters["iterate-probes"], counters["iterate-probes-failed"], counters["iterate-encrypted"])
