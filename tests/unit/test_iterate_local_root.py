"""A copy of the root zone (RFC 8806): what it says, when it is refused, and when it is used no longer."""

import pytest
from kit.rootzone import EXPIRATION, SMALL, wire, with_digest

from anchorhold.config.root_zone import read_root_zone
from resolver.iterate.local_root import LocalRoot, Moment, Offered, RootHolder, RootRefused, read_local_root
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import NameServer, Negative, Positive, Referral, RRset
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, read_name, show_name
from wire.units import Epoch, Instant

A, NS, SOA, DS, NSEC, DNSKEY, RRSIG = (RecordType[t] for t in ("A", "NS", "SOA", "DS", "NSEC", "DNSKEY", "RRSIG"))
DAY = 86_400
HAD = Moment(Instant(1000.0), Epoch(EXPIRATION - 30 * DAY))
SOON = Instant(HAD.now + 1)


def copy(text: str = SMALL, had: Moment = HAD) -> LocalRoot:
    return read_local_root(wire(text), had, port=5353)


def ask(name: str, rrtype: int = A, text: str = SMALL) -> object:
    return copy(text).verdict(read_name(name), rrtype, SOON)


def owners(rrsets: tuple[RRset, ...]) -> list[str]:
    assert all(rrset.rrtype == NSEC and rrset.signatures for rrset in rrsets)
    return [show_name(rrset.owner) for rrset in rrsets]


@pytest.mark.parametrize("rrtype", [A, NS, SOA, 65])
@pytest.mark.parametrize("name", ["example", "www.example", "ns1.example", "a.b.c.example"])
def test_a_name_at_or_below_a_cut_is_a_referral_with_glue_and_ds(name: str, rrtype: int) -> None:
    found = ask(name, rrtype)
    assert isinstance(found, Referral)
    servers = (
        NameServer(read_name("ns1.example"), (Endpoint("192.0.2.1", 5353), Endpoint("2001:db8::1", 5353))),
        NameServer(read_name("ns2.nic.test"), (Endpoint("192.0.2.2", 5353),)),
    )
    assert (read_name("example"), servers, 172_800, ()) == (found.zone, found.servers, found.ttl, found.proof)
    assert found.ds is not None
    assert (86_400, 1, 1) == (found.ds.ttl, len(found.ds.rdatas), len(found.ds.signatures))


def test_a_referral_without_ds_has_the_proof_that_there_is_none() -> None:
    found = ask("www.test")
    assert isinstance(found, Referral)
    assert (None, ["test."]) == (found.ds, owners(found.proof))


def test_ds_is_answered_by_the_parent() -> None:
    found, none = ask("example", DS), ask("test", DS)
    assert isinstance(found, Positive)
    assert (read_name("example"), DS, 1) == (found.rrset.owner, found.rrset.rrtype, len(found.rrset.signatures))
    assert isinstance(none, Negative)
    assert (False, ["test."]) == (none.absent, owners(none.proof))


@pytest.mark.parametrize(("rrtype", "count"), [(SOA, 1), (NS, 2), (DNSKEY, 1)])
def test_the_root_s_own_data_is_answered_with_its_signatures(rrtype: int, count: int) -> None:
    found = ask(".", rrtype)
    assert isinstance(found, Positive)
    assert (ROOT, rrtype, count, 1) == (
        found.rrset.owner,
        found.rrset.rrtype,
        len(found.rrset.rdatas),
        len(found.rrset.signatures),
    )


def test_a_type_that_the_root_does_not_have_is_denied_by_its_nsec() -> None:
    found = ask(".", A)
    assert isinstance(found, Negative)
    assert found.soa is not None
    assert (False, SOA, 43_200, ["."]) == (found.absent, found.soa.rrtype, found.soa.ttl, owners(found.proof))


@pytest.mark.parametrize(
    ("name", "proof"),
    [("local", ["example.", "."]), ("www.zz", ["test.", "."]), ("aaa", ["."]), ("x.y.z", ["test.", "."])],
)
def test_a_name_that_is_not_there_is_denied_with_the_wildcard_above_it(name: str, proof: list[str]) -> None:
    found = ask(name)
    assert isinstance(found, Negative)
    assert found.soa is not None
    assert (True, 1, proof) == (found.absent, len(found.soa.signatures), owners(found.proof))


@pytest.mark.parametrize("name", ["root-servers.net", "net", "a.root-servers.net"])
def test_a_name_with_only_names_below_it_or_only_other_types_is_there(name: str) -> None:
    """This zone does not delegate `net.`, so that it has names of its own below the top."""
    found = ask(name, 16)
    assert isinstance(found, Negative)
    assert (False, ["example."]) == (found.absent, owners(found.proof))


def test_without_nsec_nothing_is_proved_and_all_is_said() -> None:
    unsigned = "".join(line + "\n" for line in SMALL.splitlines() if " NSEC " not in line and "RRSIG" not in line)
    found = ask("local", text=unsigned)
    assert isinstance(found, Negative)
    assert (True, ()) == (found.absent, found.proof)


@pytest.mark.parametrize("rrtype", [RRSIG, RecordType.ANY])
def test_what_a_copy_cannot_say_is_asked_of_the_real_root(rrtype: int) -> None:
    assert ask(".", rrtype) is None


@pytest.mark.parametrize("line", ["alias. 300 IN CNAME example.", "alias. 300 IN DNAME example.", "*. 300 IN TXT x"])
def test_what_the_root_never_has_is_asked_of_the_real_root(line: str) -> None:
    name = "alias" if "CNAME" in line else "www.alias"
    assert ask(name, text=f"{SMALL}{line}\n") is None


def test_a_copy_is_not_used_after_the_expire_time_of_its_soa() -> None:
    root = copy()
    assert root.verdict(ROOT, SOA, Instant(HAD.now + 604_799)) is not None
    assert root.verdict(ROOT, SOA, Instant(HAD.now + 604_800)) is None


def test_a_copy_is_not_used_longer_than_its_soa_is_signed_for() -> None:
    root = copy(had=Moment(Instant(0.0), Epoch(EXPIRATION - DAY)))
    assert root.verdict(ROOT, SOA, Instant(DAY - 1.0)) is not None
    assert root.verdict(ROOT, SOA, Instant(DAY)) is None


def test_an_expire_time_without_end_has_one() -> None:
    root = copy(SMALL.replace("604800", "4000000000"))
    assert 14 * DAY + HAD.now == root.expires


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SMALL, "it has no ZONEMD record"),
        (with_digest(SMALL).replace("192.0.2.2", "192.0.2.3"), "its content is not what its ZONEMD says"),
        (with_digest(SMALL).replace("2026112400 1800", "2026112401 1800"), "its ZONEMD belongs to another serial"),
        (with_digest(f"{SMALL}. 0 IN NSEC3PARAM 1 0 0 -\n"), "it is signed with NSEC3, which the root never was"),
    ],
)
def test_a_copy_that_is_not_whole_is_refused(text: str, why: str) -> None:
    with pytest.raises(RootRefused, match=why):
        read_local_root(read_root_zone(text), HAD)


def test_a_copy_that_was_old_when_it_came_is_refused() -> None:
    with pytest.raises(RootRefused, match="the signature of its SOA has expired"):
        copy(had=Moment(Instant(0.0), Epoch(EXPIRATION + 1)))


def test_what_is_no_zone_is_refused() -> None:
    with pytest.raises(RootRefused, match="it does not read"):
        read_local_root(b"\0", HAD)


def at_serial(serial: int) -> LocalRoot:
    return copy(SMALL.replace("2026112400", str(serial)))


def test_only_a_strictly_newer_copy_takes_the_place_of_one_in_use() -> None:
    holder = RootHolder()
    offers = [holder.offer(at_serial(serial), SOON) for serial in (5, 5, 4, 6, 2**32 - 1, 2**31 + 5)]
    expected = [Offered.TAKEN, Offered.SAME, Offered.OLDER, Offered.TAKEN, Offered.OLDER, Offered.TAKEN]
    assert expected == offers
    assert 2**31 + 5 == holder.status(SOON).serial


def test_once_the_copy_in_use_has_expired_an_older_one_is_better_than_none() -> None:
    holder = RootHolder()
    holder.offer(at_serial(5), SOON)
    late = Instant(HAD.now + 8 * DAY)
    holder.offer(read_local_root(wire(SMALL.replace("2026112400", "4")), Moment(late, HAD.date)), late)
    assert 4 == holder.status(late).serial


def test_news_that_there_is_no_newer_copy_keeps_the_one_in_use_alive() -> None:
    holder = RootHolder()
    holder.offer(copy(), SOON)
    holder.confirm(Moment(Instant(HAD.now + 6 * DAY), Epoch(HAD.date + 6 * DAY)))
    assert holder.verdict(ROOT, SOA, Instant(HAD.now + 12 * DAY)) is not None
    holder.confirm(Moment(Instant(HAD.now + 20 * DAY), Epoch(HAD.date + 20 * DAY)))
    assert holder.verdict(ROOT, SOA, Instant(HAD.now + 20 * DAY)) is None


def test_a_holder_without_a_copy_says_nothing_and_why() -> None:
    holder = RootHolder()
    holder.refuse("it has no ZONEMD record")
    status = holder.status(SOON)
    assert (None, 0.0, "it has no ZONEMD record") == (status.serial, status.left, status.refused)
    assert holder.verdict(ROOT, SOA, SOON) is None
    holder.offer(copy(), SOON)
    assert holder.verdict(ROOT, SOA, SOON) is not None
    assert "" == holder.status(SOON).refused
    counted = {"local-root-refused": 1, "local-root-asked-out": 1, "local-root-taken": 1, "local-root-answered": 1}
    assert counted == dict(holder.counters)
