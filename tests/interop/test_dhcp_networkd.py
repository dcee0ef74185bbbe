"""systemd-networkd, which does all of it at once: DHCPv4, router advertisements, DHCPv6 with an address and a prefix."""

from ipaddress import ip_interface, ip_network
from pathlib import Path

from kit.dhcp_house import HOUSE4, HOUSE6, house
from kit.lan import Place, background
from kit.peers import until

NETWORKD = "/lib/systemd/systemd-networkd"
NETWORK = "[Match]\nName=port0\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\n"


def prepare(place: Place, folder: Path) -> None:
    """Its folders; and /sys as in a container, so that it waits for no udev."""
    place.run("mount", "-t", "sysfs", "-o", "ro", "sysfs", "/sys")
    state = [f"/run/systemd/netif/{name}" for name in ("leases", "links", "lldp")]
    place.run("mkdir", "-p", "/run/systemd/network", *state)
    place.run("chown", "-R", "systemd-network:systemd-network", "/run/systemd/netif")
    (folder / "network").write_text(NETWORK)
    place.run("cp", str(folder / "network"), "/run/systemd/network/10-house.network")


def state_of(place: Place) -> dict[str, str]:
    """What it says of its link."""
    text = place.run("sh", "-c", "cat /run/systemd/netif/links/*")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_networkd_gets_addresses_of_both_families_a_prefix_and_the_resolver(tmp_path: Path) -> None:
    with house() as here:
        device = here.lan.device("lan0")
        prepare(device, tmp_path)
        with background(device, [NETWORKD], tmp_path / "log"):
            until(lambda: "received delegated prefix" in (tmp_path / "log").read_text(), "the prefix")
            until(lambda: state_of(device).get("ADMIN_STATE") == "configured", "the end of its configuring")
            until(lambda: HOUSE4 in state_of(device)["DNS"].split(), "the resolver, by DHCPv4")
            until(lambda: HOUSE6 in state_of(device)["DNS"].split(), "the resolver, by an advertisement")
            held = {str(ip_interface(one).ip) for one in device.addresses("port0") + device.addresses("port0", 6)}
            leased = here.leases()
        assert len(held & {str(lease["address"]) for lease in leased}) == 2
        (prefix,) = [lease for lease in leased if lease["kind"] == "prefix6"]
        delegated = ip_network(f"{prefix['address']}/{prefix['length']}")
        assert delegated.prefixlen == 56
        assert delegated.subnet_of(ip_network("2001:db8:100::/48"))  # type: ignore[arg-type]
