"""`anchorhold apply` where DHCP runs: a newcomer is offered an address, as a trial and without one."""

import sys
from pathlib import Path

from kit.dhcp_house import serving
from kit.lan import lan
from kit.peers import need_root, open_folder
from kit.service import config_text

ANCHORHOLD = str(Path(sys.executable).parent / "anchorhold")
ADDRESS = "192.0.2.1"
DHCP = """
[access]
allow = ["192.0.2.0/24"]
[dhcp]
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "{interface}"
pools = ["192.0.2.100-192.0.2.199"]
"""


def test_a_newcomer_is_offered_an_address_or_the_configuration_goes() -> None:
    need_root("a network namespace")
    with open_folder() as folder, lan() as network:
        network.bridge("lan0", f"{ADDRESS}/24")
        text = config_text(folder).replace('"127.0.0.1:0"', f'"{ADDRESS}:53"')
        with serving(network, folder, text):
            config, new = folder / "anchorhold.toml", folder / "new.toml"
            control = ("--control", str(folder / "control.sock"), "--name", "localhost", "--yes")
            new.write_text(text + DHCP.format(interface="lan9"))
            said = network.server.run(ANCHORHOLD, "apply", str(new), *control, check=False)
            assert "bad     leases on lan9: not served" in said
            assert text == config.read_text()
            new.write_text(text + DHCP.format(interface="lan0"))
            said = network.server.run(ANCHORHOLD, "apply", str(new), *control)
            assert "good    leases on lan0: a newcomer would meet: somebody may have that address" in said
            assert new.read_text() == config.read_text()
