"""DNS64 on the path of a question: what memory holds, who gets what, and what happens when upstreams are silent."""

from dataclasses import replace

from kit.questions import RD, query_for
from kit.translated import (
    DEADLINE,
    FORGED,
    NODATA,
    PREFIX,
    REFUSED,
    SILENT,
    WWW,
    House64,
    Zone,
    show,
    told,
    translating,
)

from resolver.cache.answers import AnswerMemory
from resolver.iterate.budget import Budget
from resolver.pipeline import FIRST_SHARE, Heard, Later, Silent
from resolver.policy.dns64 import Translator
from resolver.settings import CacheSettings, Dns64, Route
from resolver.values import Origin, Query, Reply
from wire.dns.codes import Rcode
from wire.dns.message import build_response
from wire.dns.names import read_name

MADE = ["64:ff9b::c000:221"]
BOTH = ["www.example. AAAA", "www.example. A"]
REVERSE = "8.0.8.0.8.0.8.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."
POINTED: Zone = {"8.8.8.8.in-addr.arpa. PTR": ("8.8.8.8.in-addr.arpa. 900 PTR www.example.",)}


def test_what_was_made_once_is_made_again_from_memory_without_asking() -> None:
    house = House64(WWW)
    first, second = house.ask("www.example."), house.ask("www.example.")
    assert (MADE, MADE, BOTH) == (told(first), told(second), house.asked)
    assert (Origin.UPSTREAM, Origin.CACHE) == (first.origin, second.origin)


def test_an_a_record_that_is_known_already_is_not_asked_for() -> None:
    house = House64(WWW)
    house.ask("www.example.", "A")
    assert MADE == told(house.ask("www.example."))
    assert ["www.example. A", "www.example. AAAA"] == house.asked


def test_memory_holds_only_what_servers_said() -> None:
    house = House64(WWW, translating(clients=(1,)))
    assert (MADE, []) == (told(house.ask("www.example.", group=1)), told(house.ask("www.example.", group=0)))
    assert MADE == told(house.ask("www.example.", group=1))
    assert BOTH == house.asked


def test_the_other_way_round_neither() -> None:
    house = House64(WWW, translating(clients=(1,)))
    assert ([], MADE) == (told(house.ask("www.example.", group=0)), told(house.ask("www.example.", group=1)))


def test_two_groups_that_ask_at_once_do_not_share_an_answer() -> None:
    house = House64(WWW, translating(clients=(1,)))
    with_it, without = (house.look(query_for("www.example.", "AAAA", group=group)) for group in (1, 0))
    assert isinstance(with_it, Later)
    assert isinstance(without, Later)
    assert with_it.key == without.key
    assert (True, None) == (with_it.translator is not None, without.translator)


def test_a_new_prefix_counts_at_once() -> None:
    house = House64(WWW)
    house.ask("www.example.")
    house.chosen = replace(house.chosen, generation=2, dns64=Dns64(("2001:db8::/32",)))
    assert (["2001:db8:c000:221::"], BOTH) == (told(house.ask("www.example.")), house.asked)


def test_what_is_given_out_again_lives_no_longer_than_its_parts() -> None:
    house = House64(WWW)
    assert 120 == house.ask("www.example.").cacheable
    house.world.at += 110
    reply = house.ask("www.example.")
    assert (10.0, ["www.example. 10 AAAA 64:ff9b::c000:221"]) == (reply.cacheable, show(reply)[1])


def test_while_upstreams_are_silent_an_old_answer_is_made_of_old_parts() -> None:
    house = House64(dict(WWW))
    house.ask("www.example.")
    house.world.at += 7200
    house.zone.update({"www.example. AAAA": SILENT, "www.example. A": SILENT})
    later = house.look(query_for("www.example.", "AAAA"))
    assert isinstance(later, Later)
    assert later.stale is not None
    assert (Origin.STALE, MADE) == (later.stale.origin, told(later.stale))
    reply = house.finish(later)
    assert (Origin.STALE, ["www.example. 30 AAAA 64:ff9b::c000:221"]) == (reply.origin, show(reply)[1])
    assert Origin.STALE is house.ask("www.example.").origin


def test_an_old_answer_that_lacks_a_part_does_not_stand_in() -> None:
    house = House64(dict(WWW), translating(clients=(1,)))
    house.ask("www.example.", group=0)
    house.world.at += 7200
    later = house.look(query_for("www.example.", "AAAA", group=1))
    assert isinstance(later, Later)
    assert None is later.stale


def test_a_fresh_first_part_stands_in_with_an_old_second_one() -> None:
    house = House64(WWW | {"www.example. A": ("www.example. 5 A 192.0.2.33",)})
    house.ask("www.example.")
    house.world.at += 20
    later = house.look(query_for("www.example.", "AAAA"))
    assert isinstance(later, Later)
    assert later.stale is not None
    assert MADE == told(later.stale)
    house.finish(later)
    assert [*BOTH, "www.example. A"] == house.asked


def test_a_real_address_that_is_old_stands_in_as_it_is() -> None:
    house = House64({"six.example. AAAA": ("six.example. 60 AAAA 2001:db8::1",)})
    house.ask("six.example.")
    house.world.at += 100
    later = house.look(query_for("six.example.", "AAAA"))
    assert isinstance(later, Later)
    assert later.stale is not None
    assert ["2001:db8::1"] == told(later.stale)


def test_a_refresh_asks_for_both_parts_anew() -> None:
    house = House64(dict(WWW))
    house.ask("www.example.")
    house.zone["www.example. A"] = ("www.example. 3600 A 192.0.2.34",)
    assert ["64:ff9b::c000:222"] == told(house.refresh("www.example."))
    assert (BOTH * 2, ["64:ff9b::c000:222"]) == (house.asked, told(house.ask("www.example.")))


def test_a_name_that_gets_a_real_address_is_not_translated_any_more() -> None:
    house = House64(dict(WWW))
    house.ask("www.example.")
    house.zone["www.example. AAAA"] = ("www.example. 300 AAAA 2001:db8::1",)
    assert ["2001:db8::1"] == told(house.refresh("www.example."))


def test_the_first_look_leaves_time_for_the_second() -> None:
    house = House64(WWW)
    seen: list[float] = []
    says = house.world.ask

    async def ask(query: Query, group: int, limits: CacheSettings, budget: Budget, **named: object) -> Heard | Silent:
        seen.append(budget.deadline - house.world.at)
        return await says(query, group, limits, budget, **named)  # type: ignore[arg-type]

    house.world.ask = ask  # type: ignore[method-assign]
    house.ask("www.example.")
    assert [FIRST_SHARE * DEADLINE, DEADLINE] == [round(seconds, 6) for seconds in seen]


def test_if_neither_can_be_had_the_client_is_told_why() -> None:
    reply = House64({"www.example. AAAA": SILENT, "www.example. A": REFUSED}).ask("www.example.")
    assert ("REFUSED", [], REFUSED.explanation) == (*show(reply), reply.explanation)
    assert (Origin.FAILURE, 0.0) == (reply.origin, reply.cacheable)


def test_a_name_with_real_addresses_only_does_not_vanish_while_its_server_is_down() -> None:
    """RFC 6147 §5.1.2 to the letter would say NODATA, and clients would believe it for minutes."""
    reply = House64({"six.example. AAAA": SILENT, "six.example. A": NODATA}).ask("six.example.")
    assert ("SERVFAIL", [], SILENT.explanation) == (*show(reply), reply.explanation)


def test_a_forged_answer_is_not_worked_around() -> None:
    house = House64(WWW | {"www.example. AAAA": FORGED})
    assert (("SERVFAIL", []), ["www.example. AAAA"]) == (show(house.ask("www.example.")), house.asked)


def test_a_failed_question_is_not_asked_again_at_once_but_its_address_is_known() -> None:
    house = House64(WWW | {"www.example. AAAA": SILENT})
    replies = [house.ask("www.example.") for _ in range(3)]
    assert ([MADE] * 3, BOTH) == ([told(reply) for reply in replies], house.asked)


def test_nothing_is_kept_where_nothing_may_be_kept() -> None:
    chosen = replace(translating(), cache=CacheSettings(maximum_ttl=0, negative_ttl=0))
    house = House64(dict(WWW), chosen)
    assert (MADE, 0.0) == (told(house.ask("www.example.")), house.ask("www.example.").cacheable)
    house.zone["www.example. A"] = ("www.example. 3600 A 192.0.2.34",)
    assert ["64:ff9b::c000:222"] == told(house.ask("www.example."))


def test_what_is_behind_an_alias_into_another_route_is_remembered_untranslated() -> None:
    chosen = translating(clients=(1,))
    groups = (chosen.upstream_groups[0], replace(chosen.upstream_groups[0], name="other"))
    routes = (Route(b"\0", -1, 0), Route(read_name("www.example"), -1, 1))
    alias = ("alias.net. 300 CNAME www.example.",)
    zone = WWW | {"alias.net. AAAA": alias, "alias.net. A": alias}
    house = House64(zone, replace(chosen, upstream_groups=groups, routes=routes), {"alias.net.": "www.example"})
    assert ["www.example.", *MADE] == told(house.ask("alias.net.", group=1))
    assert ["www.example."] == told(house.ask("alias.net.", group=0))
    assert [] == told(house.ask("www.example.", group=0))


def test_an_alias_to_the_discovery_name_does_not_bring_our_prefix_into_memory() -> None:
    alias = ("alias.net. 300 CNAME ipv4only.arpa.",)
    well_known = ("ipv4only.arpa. 300 A 192.0.0.170",)
    zone: Zone = {"alias.net. AAAA": alias, "alias.net. A": alias, "ipv4only.arpa. AAAA": NODATA}
    zone["ipv4only.arpa. A"] = well_known
    house = House64(zone, translating(clients=(1,)), {"alias.net.": "ipv4only.arpa"})
    assert ["ipv4only.arpa.", "64:ff9b::c000:aa"] == told(house.ask("alias.net.", group=1))
    assert ["ipv4only.arpa."] == told(house.ask("alias.net.", group=0))


def test_a_name_too_long_for_its_dname_is_passed_on() -> None:
    first = build_response(query_for("www.example.", "AAAA").key, 0x180, Rcode.YXDOMAIN, ())
    reply = Reply(first.message, (), 0.0, 1, Origin.UPSTREAM)
    query = query_for("www.example.", "AAAA")
    assert reply is Translator(Dns64((PREFIX,))).consider(query, reply)


def test_names_that_are_answered_here_are_left_alone() -> None:
    house = House64({})
    assert (["::1"], []) == (told(house.ask("localhost.")), house.asked)
    assert ([], []) == (told(house.ask("resolver.arpa.")), house.asked)


def test_a_translated_address_is_looked_up_backwards() -> None:
    house = House64(POINTED)
    first, second = house.ask(REVERSE, "PTR"), house.ask(REVERSE, "PTR")
    # 192.0.2.0/24 is answered here (RFC 6303), so the address is another one.
    alias = f"{REVERSE} 10800 CNAME 8.8.8.8.in-addr.arpa."
    assert [alias, "8.8.8.8.in-addr.arpa. 900 PTR www.example."] == show(first)[1]
    assert (Origin.UPSTREAM, 900, Origin.CACHE) == (first.origin, first.cacheable, second.origin)
    assert ["8.8.8.8.in-addr.arpa. PTR"] == house.asked


def test_a_private_address_behind_the_translator_is_not_asked_for_outside() -> None:
    inside = "1.0.0.0.0.0.a.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."
    house = House64({})
    rcode, lines = show(house.ask(inside, "PTR"))
    assert ("NXDOMAIN", 1, []) == (rcode, len(lines), house.asked)


def test_backwards_the_route_is_that_of_the_ipv4_address() -> None:
    chosen = translating()
    groups = (chosen.upstream_groups[0], replace(chosen.upstream_groups[0], name="other"))
    routes = (Route(b"\0", -1, 0), Route(read_name("8.8.in-addr.arpa"), -1, 1))
    house = House64({}, replace(chosen, upstream_groups=groups, routes=routes))
    house.ask("1.0.0.0.8.0.8.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa.", "PTR")
    assert [1] == [group for _, group in house.world.asked]


def test_without_a_route_it_is_refused_as_ever() -> None:
    assert "REFUSED" == show(House64({}, replace(translating(), routes=())).ask("www.example."))[0]


def test_a_memory_key_does_not_tell_clients_apart() -> None:
    """Why nothing that was made may be kept under it."""
    memory = AnswerMemory(CacheSettings())
    keys = {memory.key(query_for("www.example.", "AAAA", RD, group), 0) for group in (0, 1)}
    assert 1 == len(keys)
