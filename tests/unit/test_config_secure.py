"""`[secure]`: what it makes for each reader, and what is said of what cannot be."""

import dataclasses

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.config.service import ListenAddress, Loaded, ServedAddress
from resolver.settings import FrontSettings, SecureSettings, Served

BEFORE = '[listen]\naddresses = ["127.0.0.1:5300"]\n[upstreams.default]\nservers = ["tls://a.example@192.0.2.1"]\n'
FILES = 'certificate = "files"\nchain = "c.pem"\nkey = "k.pem"\n'


def loaded(table: str, *, more: str = "") -> Loaded:
    return load(f"{BEFORE}[secure]\n{table}{more}", "/etc/a.toml")


def refused(table: str, *, more: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(table, more=more)
    return str(caught.value).splitlines()


def test_without_the_table_nothing_is_served_and_nobody_is_told_of_it() -> None:
    settings = load(BEFORE, "a.toml")
    assert (None, None, None) == (settings.secure, settings.service.secure, settings.front.announcement)


def test_each_scheme_has_its_port_and_each_address_its_form() -> None:
    service = loaded(
        'listen = ["tls://192.168.1.1", "https://[fd00::1]", "h3://[::1]:4430", "quic://0.0.0.0"]\n'
    ).service
    assert service.secure is not None
    assert service.secure.listen == (
        ServedAddress(Served.TLS, ListenAddress("192.168.1.1", 853)),
        ServedAddress(Served.HTTPS, ListenAddress("fd00::1", 443)),
        ServedAddress(Served.H3, ListenAddress("::1", 4430)),
        ServedAddress(Served.QUIC, ListenAddress("0.0.0.0", 853)),
    )
    assert [False, False, False, True] == [one.wildcard for one in service.secure.listen]


def test_every_setting_of_the_cell_can_be_set() -> None:
    table = (
        'listen = ["tls://127.0.0.1"]\nname = "DNS.Home.Arpa"\npath = "/q/dns"\nidle = 5\nconnections = 10\n'
        "connections_per_address = 3\nstreams = 7\n"
    )
    settings = loaded(table, more='[secure.clients]\nkid1 = "kids"\n[clients.kids]\nnetworks = ["127.0.0.2"]\n').secure
    assert settings is not None
    plain = SecureSettings(settings.front)
    same = [
        field.name
        for field in dataclasses.fields(SecureSettings)
        if getattr(settings, field.name) == getattr(plain, field.name)
    ]
    # Those of oblivious DNS are made of a table of its own (tests/unit/test_config_oblivious.py).
    assert [] == [name for name in same if name != "front" and not name.startswith("odoh")]
    assert ("dns.home.arpa", (("kid1", 1),)) == (settings.name, settings.identities)


def test_what_front_and_secure_know_of_clients_is_the_same() -> None:
    settings = loaded('listen = ["tls://127.0.0.1"]\n')
    assert settings.secure is not None
    assert isinstance(settings.front, FrontSettings)
    assert settings.front == settings.secure.front


def test_files_are_named_from_where_the_configuration_is() -> None:
    service = loaded('listen = ["tls://127.0.0.1"]\n' + FILES).service.secure
    assert service is not None
    assert ("/etc/c.pem", "/etc/k.pem") == (service.chain, service.key)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "secure.listen: there is nowhere to listen"),
        (
            'listen = ["192.168.1.1"]',
            "secure.listen[0]: '192.168.1.1' says not what is served; write tls://192.168.1.1",
        ),
        ('listen = ["dot://192.168.1.1"]', "there are tls://, https://, h3://, quic://"),
        ('listen = ["tls://dns.example"]', "is no IP address"),
        ('listen = ["tls://127.0.0.1:99999"]', "is no port"),
        ('listen = ["tls://127.0.0.1", "https://127.0.0.1:853"]', "127.0.0.1:853 (TCP) is there twice"),
        ('listen = ["h3://127.0.0.1", "quic://127.0.0.1:443"]', "127.0.0.1:443 (UDP) is there twice"),
        ('listen = ["tls://127.0.0.1:5300"]', "127.0.0.1:5300 (TCP) is there twice"),
        ('listen = ["tls://127.0.0.1"]\nname = "a..b"', "secure.name: 'a..b' is no domain name"),
        ('listen = ["tls://127.0.0.1"]\npath = "dns-query"', "secure.path: 'dns-query' is no path"),
        ('listen = ["tls://127.0.0.1"]\npath = "/dns-query{?dns}"', "without {?dns}"),
        ('listen = ["tls://127.0.0.1"]\ncertificate = "file"', "did you mean 'files'?"),
        ('listen = ["tls://127.0.0.1"]\ncertificate = "files"\nkey = "k.pem"', "secure.chain: it is missing"),
        ('listen = ["tls://127.0.0.1"]\nchain = "c.pem"', "secure.chain: certificate = 'private' makes its own"),
        ('listen = ["tls://127.0.0.1"]\nconnections = 5\nconnections_per_address = 6', "it is above connections"),
        ('listen = ["tls://127.0.0.1"]\n[secure.clients]\nA_b = "default"', "secure.clients.A_b: 'A_b' is no label"),
        ('listen = ["tls://127.0.0.1"]\n[secure.clients]\na = "kid"', "there is no client group 'kid'"),
        ('lisen = ["tls://127.0.0.1"]', "secure.lisen: unknown key; did you mean 'listen'?"),
    ],
)
def test_what_cannot_be_is_one_line_with_its_place_and_what_to_do(table: str, said: str) -> None:
    lines = refused(table)
    found = [line for line in lines if said in line]
    assert 1 == len(found), lines
    assert found[0].startswith("/etc/a.toml:")
    assert "; " in found[0]


def test_a_tcp_and_a_udp_place_of_one_number_are_two() -> None:
    assert loaded('listen = ["https://127.0.0.1", "h3://127.0.0.1", "tls://127.0.0.1", "quic://127.0.0.1"]\n')
