"""The real service with an upstream that has a link-local address only: asked by the interface that is written behind it."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit.certificates import authority
from kit.lan import Place
from kit.peers import need_root, stop
from kit.service import config_text, started

TESTS = Path(__file__).parents[1]
WITNESS = TESTS / "faults" / "tls_witness.py"
PACKETS = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from kit.liar import answer
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as opened:
    opened.bind(("::", 53))
    print("ready", flush=True)
    while True:
        query, whence = opened.recvfrom(4096)
        opened.sendto(answer(query), whence)
"""
ASK = """
import dns.message, dns.query, dns.rcode
answer = dns.query.udp(dns.message.make_query("name.example.", "A"), "127.0.0.1", timeout=25, port=5300)
print(dns.rcode.to_text(answer.rcode()), len(answer.answer))
"""


@pytest.mark.parametrize(
    ("server", "profile"),
    [('"udp://[fe80::1%up0]"', "opportunistic"), ('{ url = "tls://[fe80::1%up0]", ca_file = "CA" }', "strict")],
    ids=["udp", "tls"],
)
def test_the_sealed_resolver_reaches_it(server: str, profile: str, tmp_path: Path) -> None:
    need_root("network namespaces")
    made = authority().issue("fe80::1")
    for name, content in (("ca", authority().pem.encode()), ("chain", made.certificate), ("key", made.key)):
        (tmp_path / name).write_bytes(content)
    config = tmp_path / "anchorhold.toml"
    text = config_text(tmp_path, 5300, server="SERVER", profile=profile)
    config.write_text(text.replace('"SERVER"', server.replace("CA", str(tmp_path / "ca"))))
    command = ["-c", PACKETS, str(TESTS)]
    if profile == "strict":
        command = [str(WITNESS), "::", "853", str(tmp_path / "chain"), str(tmp_path / "key")]
    here, far = Place(), Place()
    try:
        far.ip(f"link add up0 type veth peer name up0 netns {here.pid}")
        for place in (far, here):
            place.set("net/ipv6/conf/up0/accept_dad", "0")
            place.ip("link set up0 up")
        far.ip("address add fe80::1/64 dev up0")
        for place in (far, here):  # the carrier comes when the kernel gets to it
            place.ip_until("-6 route show dev up0", lambda text: "fe80::/64" in text)
        upstream = subprocess.Popen(far.inside(sys.executable, *command), stdout=subprocess.PIPE, text=True)
        assert upstream.stdout is not None
        try:
            assert "ready" in upstream.stdout.readline()
            with started(config, within=here) as running:
                running.wait_for("serving on")
                assert "NOERROR 1" == here.run(sys.executable, "-c", ASK).strip(), running.lines
            assert [] == [line for line in running.lines if "mistake" in line or "Traceback" in line]
        finally:
            stop(upstream)
            upstream.stdout.close()
    finally:
        far.close()
        here.close()
