import pytest
from kit.desk import settings

from resolver import admission
from resolver.admission import Admission, Bucket, Places
from resolver.settings import ClientGroup
from wire.units import Instant

START = Instant(100.0)


def taken(bucket: Bucket, rate: float, burst: float, now: float) -> bool:
    """Take a token as the listeners do."""
    bucket.tokens -= 1.0
    return bucket.tokens >= 0.0 or bucket.refill(rate, burst, Instant(now))


def test_a_full_bucket_gives_its_burst_and_no_more() -> None:
    bucket = Bucket(5.0, START)
    assert [taken(bucket, 1.0, 5.0, START) for _ in range(8)] == [True] * 5 + [False] * 3


def test_a_client_far_over_its_rate_still_gets_its_rate() -> None:
    """A flood leaves no debt: 10 s at ten times the rate bring ten seconds' worth."""
    bucket = Bucket(10.0, Instant(0.0))
    allowed = sum(taken(bucket, 100.0, 10.0, number / 1_000) for number in range(10_000))
    assert 1_000 <= allowed <= 1_011


def test_after_a_flood_the_next_token_comes_after_one_interval() -> None:
    bucket = Bucket(1.0, START)
    for _ in range(100_000):
        taken(bucket, 10.0, 1.0, START)
    assert taken(bucket, 10.0, 1.0, START + 0.11)


def test_an_idle_bucket_fills_to_its_burst_only() -> None:
    bucket = Bucket(0.0, START)
    assert [taken(bucket, 10.0, 3.0, START + 1_000) for _ in range(4)] == [True] * 3 + [False]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("192.0.2.1", True),
        ("192.0.3.1", False),
        ("::1", False),
        ("2001:db8::1", True),
        ("fe80::1%lo", True),
        ("fe80::1%eth0.7", True),
        ("::ffff:192.0.2.1", True),
        ("::ffff:198.51.100.1", False),
    ],
)
def test_only_addresses_on_the_access_list_are_allowed(address: str, allowed: bool) -> None:
    allow = ("127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "fe80::/10")
    assert allowed == Admission(settings(allow=allow)).client(address, START).allowed


@pytest.mark.parametrize(
    ("address", "group"), [("10.0.0.1", 1), ("10.1.0.1", 2), ("10.1.2.3", 3), ("192.168.0.1", 0), ("fd00::1", 4)]
)
def test_the_longest_network_names_the_group(address: str, group: int) -> None:
    groups = (
        ClientGroup("default"),
        ClientGroup("wide", ("10.0.0.0/8",)),
        ClientGroup("narrow", ("10.1.0.0/16",)),
        ClientGroup("one", ("10.1.2.3/32",)),
        ClientGroup("six", ("fd00::/8",)),
    )
    value = settings(client_groups=groups, allow=("0.0.0.0/0", "::/0"))
    assert group == Admission(value).client(address, START).group
    assert (True, group) == Admission(value).group_of(address)


def test_an_address_is_looked_up_once() -> None:
    one = Admission(settings())
    assert one.client("127.0.0.1", START) is one.client("127.0.0.1", START)


def test_addresses_of_one_ipv6_customer_share_a_bucket_and_ipv4_addresses_do_not() -> None:
    one = Admission(settings(allow=("::/0", "0.0.0.0/0"), rate=10.0))
    buckets = [one.client(text, START).bucket for text in ("2001:db8::1", "2001:db8:0:ff::2", "2001:db8:0:100::1")]
    assert buckets[0] is buckets[1]
    assert buckets[0] is not buckets[2]
    assert one.client("192.0.2.1", START).bucket is not one.client("192.0.2.2", START).bucket


def test_no_limit_is_no_bucket() -> None:
    assert Admission(settings(rate=0.0)).client("127.0.0.1", START).bucket is None


def test_the_table_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_CLIENTS", 100)
    one = Admission(settings(allow=("0.0.0.0/0",), rate=10.0))
    for number in range(1_000):
        one.client(f"10.0.{number // 256}.{number % 256}", START)
        assert len(one.clients) <= 100
        assert len(one._buckets) <= 100


def test_many_addresses_do_not_fill_the_bucket_of_their_household(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_CLIENTS", 100)
    one = Admission(settings(allow=("::/0",), rate=10.0))
    buckets = {id(one.client(f"2001:db8::{number:x}", START).bucket) for number in range(1_000)}
    assert len(buckets) == 1


def test_places_are_held_by_a_household_whatever_the_table_of_clients_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_CLIENTS", 100)
    one, places = Admission(settings(allow=("0.0.0.0/0", "::/0"))), Places()
    for number in range(1_000):
        places.take(one.client(f"2001:db8:0:{number % 256:x}::{number:x}", START).household)
    places.take(one.client("192.0.2.1", START).household)
    again = one.client("2001:db8:0:ff::1", START).household
    assert (places.taken, places.held_by(again)) == (1_001, 1_000)
    assert places.held_by(one.client("192.0.2.1", START).household) == 1
    assert places.held_by(one.client("192.0.2.2", START).household) == 0
    assert places.held_by(one.client("2001:db8:0:100::1", START).household) == 0


def test_places_that_all_gave_back_are_nobodys() -> None:
    places = Places()
    for household in (b"a", b"b", b"a"):
        places.take(household)
    for household in (b"a", b"a", b"b"):
        places.give_back(household)
    assert (places.taken, places._held) == (0, {})


def test_explaining_an_address_does_not_remember_it() -> None:
    one = Admission(settings())
    one.group_of("127.0.0.9")
    assert one.clients == {}
    with pytest.raises(ValueError):
        one.group_of("not an address")


def test_the_operator_is_in_the_default_group_without_a_limit() -> None:
    operator = Admission(settings(rate=1.0)).operator()
    assert (operator.allowed, operator.group, operator.bucket) == (True, 0, None)


def test_a_device_is_in_its_group_wherever_it_is_until_its_address_is_another() -> None:
    groups = (
        ClientGroup("default"),
        ClientGroup("lan", ("10.0.0.0/8",)),
        ClientGroup("kids", devices=(b"\6tablet\0",)),
    )
    one = Admission(settings(client_groups=groups, allow=("0.0.0.0/0", "::/0"), rate=10.0))
    tablet, mapped = one.client("10.0.0.7", START), one.client("::ffff:10.0.0.7", START)
    assert (1, 1) == (tablet.group, mapped.group)
    assert {b"\6tablet\0": 2} == one.devices
    assert one.assign({bytes((10, 0, 0, 7)): 2})
    assert [2, 2, 1] == [one.client(at, START).group for at in ("10.0.0.7", "::ffff:10.0.0.7", "10.0.0.8")]
    assert (True, 2) == one.group_of("10.0.0.7")
    assert one.client("10.0.0.7", START).bucket is tablet.bucket, "its rate does not begin anew"
    assert not one.assign({bytes((10, 0, 0, 7)): 2}), "a renewal changes nothing"
    assert one.assign({})
    assert 1 == one.client("10.0.0.7", START).group


def test_a_device_that_may_not_ask_is_not_let_in_by_its_name() -> None:
    groups = (ClientGroup("default"), ClientGroup("kids", devices=(b"\6tablet\0",)))
    one = Admission(settings(client_groups=groups, allow=("10.0.0.0/8",)))
    one.assign({bytes((192, 168, 0, 1)): 1})
    assert not one.client("192.168.0.1", START).allowed
