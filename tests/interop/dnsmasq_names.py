"""Run dnsmasq on a lease file, in a network namespace of its own, and print the addresses it has for some names.

unshare --net python dnsmasq_names.py DNSMASQ FILE NAME …
"""

import subprocess
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode

LINKS = (
    "link set lo up",
    "link add d0 type veth peer name d1",
    "addr add 192.0.2.1/24 dev d0",
    "addr add 2001:db8::1/64 dev d0 nodad",
    "link set d0 up",
    "link set d1 up",
)
RANGES = ("--dhcp-range=192.0.2.10,192.0.2.99,1h", "--dhcp-range=2001:db8::2,2001:db8::99,64,1h")


def addresses(name: str, kind: str) -> list[str]:
    response = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", timeout=10)
    return [item.to_text() for rrset in response.answer for item in rrset]


def wait_for(name: str) -> None:
    """Until it answers; a minute at most."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if addresses(name, "A"):
                return
        except (dns.exception.DNSException, OSError):
            pass
        time.sleep(0.02)


def main() -> None:
    program, file, *names = sys.argv[1:]
    for line in LINKS:
        subprocess.run(["ip", *line.split()], check=True)
    options = ("--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-dynamic", "--user=root")
    command = [program, *options, *RANGES, f"--dhcp-leasefile={file}", "--pid-file="]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(names[0])
        for name in names:
            print(name, *addresses(name, "A"), *addresses(name, "AAAA"))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
