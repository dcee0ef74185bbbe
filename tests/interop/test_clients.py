"""dig and kdig as clients of a running Anchorhold, in front of the demo's small Internet, whose upstreams record all."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from demo.internet import Internet
from demo.service import Service
from demo.zone import Seen
from kit.peers import free_ports, open_folder, peer

PATIENCE = 60.0
PADDING = (12,)
SUBNET = "203.0.113.0/24"

pytestmark = pytest.mark.peer("dig, kdig")


@dataclass(frozen=True)
class House:
    """The service, and the Internet behind it."""

    service: Service
    internet: Internet

    def run(self, program: str, *arguments: str) -> str:
        """What the program printed; it must end well."""
        command = [peer(program), "@127.0.0.1", "-p", str(self.service.port), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dig(self, *arguments: str) -> str:
        return self.run("dig", "+tries=1", "+time=30", *arguments)

    def kdig(self, *arguments: str) -> str:
        return self.run("kdig", "+retry=0", "+time=30", *arguments)

    def flush(self) -> None:
        """Forget all answers, so that the next question goes upstream."""
        self.service.ask_control({"verb": "cache-flush", "name": "00"})

    def counters(self) -> dict[str, int]:
        counters = self.service.ask_control({"verb": "status"})[0]["counters"]
        assert isinstance(counters, dict)
        return counters

    def seen(self, name: str) -> list[Seen]:
        return [seen for seen in self.internet.log if seen.name == name]


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    with open_folder() as folder, Internet(folder) as internet, Service(internet, folder, free_ports(1)[0]) as service:
        yield House(service, internet)


@pytest.fixture
def house(shared: House) -> House:
    shared.flush()
    shared.internet.log.clear()
    return shared


def code(output: str) -> str:
    found = re.search(r"status: (\w+)", output)
    return found[1] if found else output


def flags(output: str) -> set[str]:
    """The header flags, as dig or kdig prints them."""
    found = re.search(r";; flags: ([a-z ]*);", output, re.IGNORECASE)
    return set(found[1].split()) if found else {output}


def data(output: str) -> list[list[str]]:
    """The records of the answer section: words after the TTL."""
    section = re.search(r";; ANSWER SECTION:\n(.*?)(?:\n\n|\Z)", output, re.DOTALL)
    return [line.split()[2:] for line in section[1].splitlines()] if section else []


def extended_error(output: str) -> str:
    """`CODE (meaning): (text)` as dig prints it."""
    found = re.search(r"; EDE: (.*)", output)
    return found[1] if found else ""


def cookie(output: str) -> tuple[str, str]:
    """The COOKIE option in hexadecimal, and dig's opinion of it."""
    found = re.search(r"; COOKIE: ([0-9a-f]+) \((\w+)\)", output)
    assert found is not None, output
    return found[1], found[2]


def test_dig_gets_an_answer_over_udp(house: House) -> None:
    output = house.dig("www.harbour.example")
    assert ("NOERROR", [["IN", "A", "192.0.2.10"]]) == (code(output), data(output))
    # dig sets AD by itself, so it is told that the answer is validated.
    assert {"qr", "rd", "ra", "ad"} == flags(output)
    assert "(UDP)" in output
    assert {"qr", "rd", "ra"} == flags(house.dig("+noadflag", "www.harbour.example"))


def test_dig_gets_an_answer_over_tcp(house: House) -> None:
    output = house.dig("+tcp", "www.harbour.example")
    assert ("NOERROR", [["IN", "A", "192.0.2.10"]]) == (code(output), data(output))
    assert "(TCP)" in output


def test_dig_without_edns_gets_no_opt(house: House) -> None:
    output = house.dig("+noedns", "+nocookie", "www.harbour.example")
    assert [["IN", "A", "192.0.2.10"]] == data(output)
    assert "OPT PSEUDOSECTION" not in output


def test_dig_gets_a_server_cookie_and_the_cookie_counts_when_sent_again(house: House) -> None:
    before = house.counters()
    first, opinion = cookie(house.dig("+cookie=0102030405060708", "www.harbour.example"))
    assert (48, "0102030405060708", "good") == (len(first), first[:16], opinion)
    between = house.counters()
    output = house.dig(f"+cookie={first}", "www.harbour.example")
    assert ("NOERROR", "good") == (code(output), cookie(output)[1])
    assert {"cookie-first": 1} == cookies_between(before, between)
    assert {"cookie-valid": 1} == cookies_between(between, house.counters())


def cookies_between(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How much each counter of cookies grew, of those that did."""
    grown = {name: after[name] - before.get(name, 0) for name in after if name.startswith("cookie-")}
    return {name: count for name, count in grown.items() if count}


def test_a_server_cookie_of_somebody_else_is_answered_with_a_good_one_and_without_badcookie(house: House) -> None:
    before = house.counters()
    output = house.dig(
        "+cookie=0102030405060708" + "0100000000000000" + "ab" * 8, "+nobadcookie", "www.harbour.example"
    )
    assert ("NOERROR", [["IN", "A", "192.0.2.10"]]) == (code(output), data(output))
    assert (48, "good") == (len(cookie(output)[0]), cookie(output)[1])
    assert {"cookie-wrong": 1} == cookies_between(before, house.counters())


def test_a_cookie_of_a_wrong_length_is_a_format_error(house: House) -> None:
    assert "FORMERR" == code(house.dig("+ednsopt=10:0102030405", "+nocookie", "www.harbour.example"))


def test_a_clients_cookie_does_not_arrive_upstream(house: House) -> None:
    house.dig("+cookie=0102030405060708", "www.harbour.example")
    assert [PADDING] == [seen.options for seen in house.seen("www.harbour.example.")]


def test_a_long_answer_comes_truncated_and_empty_over_udp(house: House) -> None:
    output = house.dig("+bufsize=512", "+ignore", "long.harbour.example", "TXT")
    assert ("NOERROR", []) == (code(output), data(output))
    assert {"qr", "tc", "rd", "ra"} == flags(output) - {"ad"}
    size = re.search(r"MSG SIZE  rcvd: (\d+)", output)
    assert size is not None
    assert int(size[1]) <= 512


def test_dig_gets_a_truncated_answer_whole_over_tcp(house: House) -> None:
    output = house.dig("+bufsize=512", "long.harbour.example", "TXT")
    assert ("NOERROR", 9) == (code(output), len(data(output)))
    assert ";; Truncated, retrying in TCP mode." in output
    assert 1 == len(house.seen("long.harbour.example."))


@pytest.mark.parametrize(
    "option",
    ["+subnet=203.0.113.0/24", "+ednsopt=65001:abcd", "+nsid", "+expire", "+keepalive", "+zflag", "+adflag"],
)
def test_what_dig_adds_is_not_seen_upstream(house: House, option: str) -> None:
    output = house.dig(option, "ecs.reef.example")
    assert ("NOERROR", [["IN", "A", "192.0.2.30"]]) == (code(output), data(output))
    seen = house.seen("ecs.reef.example.")
    assert [(PADDING, 128)] == [(one.options, one.octets) for one in seen]


def test_a_subnet_is_not_echoed_to_the_client_either(house: House) -> None:
    """An answer with a scope would claim that it was made for this subnet (RFC 7871 §7.2.1)."""
    assert "CLIENT-SUBNET" not in house.dig(f"+subnet={SUBNET}", "ecs.reef.example")
    assert "CLIENT-SUBNET" not in house.kdig(f"+subnet={SUBNET}", "ecs.reef.example")


def test_kdig_asks_several_questions_on_one_connection(house: House) -> None:
    names = ["www.harbour.example", "www.lighthouse.example", "www.site1.example", "www.site2.example"]
    before = house.counters()
    output = house.kdig("+tcp", "+keepopen", *names)
    parts = output.split(";; ->>HEADER<<-")[1:]
    answers = [sorted(words[-1] for words in data(part)) for part in parts]
    assert [["192.0.2.10"], ["192.0.2.20", "192.0.2.21"], ["192.0.2.101"], ["192.0.2.102"]] == answers
    assert 4 == output.count("(TCP)")
    assert "can't" not in output
    assert 4 == house.counters()["misses"] - before["misses"]


def test_kdigs_options_do_no_harm_and_go_nowhere(house: House) -> None:
    options = ["+padding=300", "+bufsize=4096", "+alignment=64", "+nsid", "+cookie", f"+subnet={SUBNET}", "+dnssec"]
    output = house.kdig(*options, "ecs.reef.example")
    address, signature = data(output)
    assert ("NOERROR", "192.0.2.30", "RRSIG") == (code(output), address[-1], signature[1])
    assert [PADDING] == [seen.options for seen in house.seen("ecs.reef.example.")]


def test_any_gets_hinfo(house: House) -> None:
    output = house.dig("www.harbour.example", "ANY", "+notcp")
    assert ("NOERROR", [["IN", "HINFO", '"RFC8482"', '""']]) == (code(output), data(output))
    assert [] == house.internet.log


def test_a_question_without_recursion_is_refused_with_an_extended_error(house: House) -> None:
    output = house.dig("+norec", "www.harbour.example")
    assert ("REFUSED", {"qr", "ra"}) == (code(output), flags(output))
    said = "20 (Not Authoritative): (recursion not desired: what is cached is not shown)"
    assert said == extended_error(output)
    assert [] == house.internet.log


def test_the_letters_case_comes_back_as_it_was_asked(house: House) -> None:
    for name in ("wWw.HaRbOuR.eXaMpLe", "WWW.harbour.EXAMPLE"):
        output = house.dig(name)
        assert f";{name}." in output
        assert [["IN", "A", "192.0.2.10"]] == data(output)
    assert 1 == len(house.seen("www.harbour.example."))


def test_a_question_for_signatures_gets_them_and_do_and_ad_back(house: House) -> None:
    output = house.dig("+dnssec", "+noadflag", "www.harbour.example")
    assert ("NOERROR", {"qr", "rd", "ra", "ad"}) == (code(output), flags(output))
    assert ["A", "RRSIG"] == [words[1] for words in data(output)]
    assert "flags: do;" in output


def test_what_is_forged_is_servfail_and_says_why_but_not_with_cd(house: House) -> None:
    output = house.dig("www.forged.example")
    assert ("SERVFAIL", []) == (code(output), data(output))
    assert "6 (DNSSEC Bogus): (the signature is wrong)" == extended_error(output)
    output = house.dig("+cdflag", "www.forged.example")
    assert ("NOERROR", [["IN", "A", "203.0.113.66"]]) == (code(output), data(output))
    assert {"qr", "rd", "ra", "cd"} == flags(output)


def test_another_version_of_edns_is_badvers(house: House) -> None:
    output = house.dig("+edns=1", "+noednsnegotiation", "www.harbour.example")
    assert ("BADVERS", []) == (code(output), data(output))
    assert "EDNS: version: 0" in output
    assert [] == house.internet.log


def test_dig_negotiates_the_version_of_edns_down(house: House) -> None:
    output = house.dig("+edns=1", "www.harbour.example")
    assert ";; BADVERS, retrying with EDNS version 0." in output
    assert ("NOERROR", [["IN", "A", "192.0.2.10"]]) == (code(output), data(output))


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
def test_other_opcodes_are_not_implemented(house: House, opcode: int) -> None:
    assert "NOTIMP" == code(house.dig(f"+opcode={opcode}", "www.harbour.example"))
    assert [] == house.internet.log


@pytest.mark.parametrize("name", ["version.bind", "hostname.bind", "id.server"])
def test_the_chaos_class_is_refused(house: House, name: str) -> None:
    output = house.dig("-c", "CH", "-t", "TXT", name)
    assert ("REFUSED", "21 (Not Supported): (only class IN is answered)") == (code(output), extended_error(output))
    assert [] == house.internet.log


def test_a_zone_transfer_is_refused(house: House) -> None:
    assert "; Transfer failed." in house.dig("harbour.example", "AXFR")
    assert [] == house.internet.log


def test_kdig_is_told_why_there_is_no_zone_transfer(house: House) -> None:
    command = [peer("kdig"), "@127.0.0.1", "-p", str(house.service.port), "harbour.example", "AXFR"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "REFUSED" in done.stdout + done.stderr


def test_a_missing_name_is_nxdomain_with_the_zones_soa(house: House) -> None:
    output = house.dig("missing.harbour.example")
    assert ("NXDOMAIN", []) == (code(output), data(output))
    assert re.search(r";; AUTHORITY SECTION:\n\S+\s+300\s+IN\s+SOA\s", output) is not None


def test_a_chain_of_aliases_comes_whole(house: House) -> None:
    types = [words[1] for words in data(house.dig("shop.harbour.example"))]
    assert ["CNAME", "CNAME", "A", "A"] == types


@pytest.mark.parametrize(
    ("name", "rcode", "why"),
    [
        ("printer.home.arpa", "NXDOMAIN", "RFC 8375: this home"),
        ("localhost", "NOERROR", "RFC 6761 section 6.3"),
        ("printer.local", "NXDOMAIN", "RFC 6762: multicast DNS"),
        ("hidden.onion", "NXDOMAIN", "RFC 7686: Tor only"),
        ("use-application-dns.net", "NXDOMAIN", "keeps applications on this resolver"),
        ("1.0.168.192.in-addr.arpa", "NXDOMAIN", "RFC 6303: private addresses"),
        ("_dns.resolver.arpa", "NOERROR", "RFC 9462: this resolver"),
    ],
)
def test_a_special_name_is_answered_here_and_says_why(house: House, name: str, rcode: str, why: str) -> None:
    output = house.dig(name)
    assert (rcode, f"0 (Other): (answered here, never sent on: {why})") == (code(output), extended_error(output))
    assert [] == house.internet.log


def test_a_name_behind_a_wrong_certificate_fails_and_says_why(house: House) -> None:
    output = house.dig("www.sealed.example")
    said = "23 (Network Error): (no upstream proved its name or key; nothing was sent)"
    assert ("SERVFAIL", said) == (code(output), extended_error(output))
    assert [] == house.internet.log
