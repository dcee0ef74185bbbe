"""Client groups by device: what the loader makes of `devices`, and what it says of those that cannot be."""

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from wire.dns.names import read_name

TEXT = """
[listen]
addresses = ["127.0.0.1:5300"]
[upstreams.default]
servers = ["tls://dns.example@192.0.2.1"]
"""
DHCP = """
[dhcp]
domain = "home.arpa"
[[dhcp.subnet]]
prefix = "192.168.1.0/24"
interface = "eth0"
pools = ["192.168.1.100-192.168.1.199"]
[[dhcp.subnet]]
prefix = "192.168.2.0/24"
interface = "eth1"
pools = ["192.168.2.100-192.168.2.199"]
domain = "play.home.arpa"
[[dhcp.host]]
hardware = ["02:00:5e:10:00:01"]
name = "tablet"
"""
KIDS = '[clients.kids]\ndevices = ["Tablet"]\n'


def test_a_device_is_known_by_its_name_in_every_domain_that_leases_have() -> None:
    loaded = load(TEXT + DHCP + KIDS, "")
    default, kids = loaded.front.client_groups
    assert () == default.devices
    assert (read_name("tablet.home.arpa"), read_name("tablet.play.home.arpa")) == kids.devices
    assert ("default", "kids") == loaded.resolver.client_groups


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (KIDS, "without [dhcp] no device is known by its name"),
        (DHCP + '[clients.kids]\ndevices = ["tablett"]\n', "did you mean 'tablet'?"),
        (DHCP.replace("[dhcp]\n", "[dhcp]\nnames = false\n") + KIDS, "the dhcp cell tells no names"),
        (DHCP + '[clients.default]\ndevices = ["tablet"]\n', "the default group has no devices"),
        (DHCP + KIDS + '[clients.others]\ndevices = ["tablet"]\n', "tablet is in group kids already"),
    ],
)
def test_devices_that_cannot_be(more: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(TEXT + more, "")
    assert said in str(refused.value)
