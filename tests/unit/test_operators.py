"""The list of public resolvers: every row is complete, spelled as the configuration takes it, and has its source."""

from collections import Counter
from datetime import date
from ipaddress import ip_address

import pytest

from anchorhold.config.servers import read_server
from anchorhold.operators import Service, operator_of, read_services

SERVICES = read_services()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_row_says_who_where_what_is_kept_and_how_we_know(service: Service) -> None:
    said = (service.operator, service.jurisdiction, service.filtering, service.logging, service.source)
    assert all(said)
    assert service.policy.startswith("https://")
    assert date(2026, 1, 1) <= service.collected
    assert "tls" in service.urls


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_url_is_one_the_configuration_takes_with_public_addresses(service: Service) -> None:
    for transport, url in service.urls.items():
        server = read_server(url)
        assert server.scheme == transport
        assert len(server.addresses) >= 2
        assert all(ip_address(address).is_global for address in server.addresses)
        assert server.name.isascii()
        assert not server.bootstrap


def test_a_name_stands_for_one_service() -> None:
    assert [name for name, times in Counter(service.name for service in SERVICES).items() if times > 1] == []


def test_there_are_several_operators_under_several_laws() -> None:
    assert len({service.operator for service in SERVICES}) >= 8
    assert len({service.jurisdiction for service in SERVICES}) >= 4


def test_an_operator_is_known_by_the_name_its_certificate_proves() -> None:
    assert operator_of("tls://DNS.quad9.net@9.9.9.9:853", SERVICES) == "Quad9"
    assert operator_of("https://cloudflare-dns.com@1.1.1.1/dns-query", SERVICES) == "Cloudflare"


@pytest.mark.parametrize("url", ["tls://dns.example@192.0.2.1", "tls://9.9.9.9", "sdns://AAAA", "quad9", ""])
def test_nobody_is_guessed(url: str) -> None:
    assert operator_of(url, SERVICES) is None
