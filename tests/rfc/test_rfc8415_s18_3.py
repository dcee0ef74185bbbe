"""RFC 8415 §18.3 (RFC 9915 §18.3): what a server does with each message. A MUST, SHOULD or choice of ours each."""

from dataclasses import replace

import pytest
from kit.dhcp6 import (
    FAR,
    LAN,
    LINK,
    OURS,
    PHONE,
    SERVER,
    SETTINGS,
    TIME,
    Site6,
    code,
    duid,
    hop,
    ip6,
    message,
    na,
    pd,
    with_lan,
)  # fmt: skip

from dhcp.settings import Delegation, Pool
from dhcp.values import Kind, Own, State
from wire.dhcp.associations6 import Association
from wire.dhcp.codes6 import MessageType6, Option6, Status6

OTHER = duid(2)
STRANGE = ip6("2001:db8:77::1")
ELSEWHERE = ip6("2001:db8:2::77")
ONE = with_lan(
    pools=(Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::1000")),),
    delegations=(Delegation(ip6("2001:db8:ff00::"), 60, 60),),
)
RAPID = ((Option6.RAPID_COMMIT, b""),)


# §18.3.1 Solicit


def test_a_solicit_is_answered_by_an_advertise_and_nothing_is_leased() -> None:
    """§18.3.1, §18.3.9: transaction id copied, server identifier, client identifier copied, an IA for each IA."""
    site = Site6()
    answer = site.solicit(na(iaid=7), na(iaid=8), pd(iaid=7))
    assert (MessageType6.ADVERTISE, 0x010203) == (answer.kind, answer.packet.transaction)
    assert (PHONE, SERVER) == (answer.option(Option6.CLIENT_IDENTIFIER), answer.option(Option6.SERVER_IDENTIFIER))
    assert [(3, 7), (3, 8), (25, 7)] == [(one.kind, one.iaid) for one in answer.associations]
    assert {} == site.held()
    assert 3 == len(site.held(State.OFFERED))


def test_an_advertise_without_addresses_says_so_within_the_association() -> None:
    """§18.3.9: the IA with no addresses and a Status Code option with NoAddrsAvail, NoPrefixAvail in the IA."""
    site = Site6(ONE)
    site.join(na(), pd(), who=OTHER)
    answer = site.solicit(na(), pd())
    assert MessageType6.ADVERTISE == answer.kind
    assert answer.status is None
    assert [Status6.NO_ADDRS_AVAIL, Status6.NO_PREFIX_AVAIL] == [code(one.status) for one in answer.associations]
    assert all(one.addresses == one.prefixes == () for one in answer.associations)


def test_an_advertise_is_what_the_reply_will_be() -> None:
    """§18.3.9: the addresses the server would assign when the client sends a Request."""
    site = Site6()
    offered = site.solicit(na(), pd())
    assert offered.associations == site.request(*offered.associations).associations


def test_a_solicit_with_rapid_commit_is_answered_by_a_reply_with_a_lease() -> None:
    """§18.3.1: with Rapid Commit, commit the assignment before sending the Reply, which MUST have the option (§21.14)."""
    site = Site6()
    answer = site.solicit(na(), options=RAPID)
    assert (MessageType6.REPLY, b"") == (answer.kind, answer.option(Option6.RAPID_COMMIT))
    assert {answer.address} == set(site.held())


def test_without_rapid_commit_on_either_side_there_is_an_advertise() -> None:
    """§18.3.1: otherwise the server ignores the Rapid Commit option and acts as if none were there."""
    for site, options in ((Site6(with_lan(rapid=False)), RAPID), (Site6(), ())):
        answer = site.solicit(na(), options=options)
        assert (MessageType6.ADVERTISE, None) == (answer.kind, answer.option(Option6.RAPID_COMMIT))
        assert {} == site.held()


def test_rapid_commit_with_nothing_to_give_is_an_advertise_that_says_so() -> None:
    site = Site6(ONE)
    site.join(who=OTHER)
    answer = site.solicit(na(), options=RAPID)
    assert (MessageType6.ADVERTISE, Status6.NO_ADDRS_AVAIL) == (answer.kind, code(answer.one.status))


# §18.3.2 Request


def test_a_request_is_answered_by_a_reply_and_leased_from_then_on() -> None:
    site = Site6()
    offered = site.solicit(na(), pd())
    answer = site.request(*offered.associations)
    assert (MessageType6.REPLY, PHONE, SERVER) == (answer.kind, answer.option(1), answer.option(2))
    assert {answer.address, answer.prefix[0]} == set(site.held())
    assert all(lease.until == site.now + TIME for lease in site.held().values())


def test_a_request_for_an_address_of_another_link_is_told_so() -> None:
    """§18.3.2: MUST return the IA with a Status Code option with the value NotOnLink."""
    site = Site6()
    answer = site.request(na(STRANGE), na(iaid=2))
    assert [Status6.NOT_ON_LINK, None] == [code(one.status) for one in answer.associations]
    assert () == answer.associations[0].addresses
    assert 1 == len(site.held())


def test_a_request_that_cannot_be_met_is_told_so_within_the_association() -> None:
    """§18.3.2: MUST return the IA … with no addresses in the IA and … NoAddrsAvail; IA_PD: NoPrefixAvail."""
    site = Site6(ONE)
    site.join(na(), pd(), who=OTHER)
    answer = site.request(na(), pd())
    assert [Status6.NO_ADDRS_AVAIL, Status6.NO_PREFIX_AVAIL] == [code(one.status) for one in answer.associations]
    assert all(one.addresses == one.prefixes == () for one in answer.associations)


def test_a_request_sent_again_gets_the_same_answer() -> None:
    """§18.3.2: a retransmission finds the binding that the first one made."""
    site = Site6()
    first = site.join(na(), pd())
    again = site.request(*first.associations)
    assert (first.associations, 2) == (again.associations, len(site.held()))
    assert all(lease.renewals == 0 for lease in site.held().values())


def test_what_was_offered_and_not_chosen_is_free_again() -> None:
    site = Site6()
    site.solicit(na())
    moved = message(MessageType6.REQUEST, na(), server=SERVER)
    answer = site.ask(moved, hops=(hop(),))
    assert {} == site.held(State.OFFERED)
    assert {answer.address} == set(site.held())


# §18.3.3 Confirm


def confirm(site: Site6, *associations: Association) -> int | None:
    outcome = site.look(message(MessageType6.CONFIRM, *associations))
    return None if outcome.reply is None else site.ask(message(MessageType6.CONFIRM, *associations)).status


def test_a_confirm_is_about_the_link_and_not_about_leases() -> None:
    """§18.3.3: Success if all addresses are appropriate for the link, else NotOnLink."""
    assert Status6.SUCCESS == confirm(Site6(), na(ip6("2001:db8:1::99")), na(ip6("2001:db8:1::98"), iaid=2))
    assert Status6.NOT_ON_LINK == confirm(Site6(), na(ip6("2001:db8:1::99"), ELSEWHERE))
    assert Status6.NOT_ON_LINK == confirm(Site6(), na(STRANGE))


def test_a_prefix_of_our_own_address_is_on_the_link_too() -> None:
    """Whoever gives addresses of it: what we know to be on the link is appropriate for it."""
    link = LINK._replace(addresses=(*LINK.addresses, Own(ip6("fd00::1"), 64)))
    site = Site6(links={1: link})
    assert Status6.SUCCESS == confirm(site, na(ip6("fd00::99")))
    relayed = site.ask(message(MessageType6.CONFIRM, na(ip6("fd00::99"))), hops=(hop(),))
    assert Status6.NOT_ON_LINK == relayed.status, "it is not on a link behind a relay"


def test_a_confirm_without_addresses_is_not_answered() -> None:
    """§18.3.3: MUST NOT send a Reply if there were no addresses in any of the IAs."""
    assert confirm(Site6(), na()) is None
    assert confirm(Site6()) is None
    assert confirm(Site6(), pd((ip6("2001:db8:ff00::"), 60))) is None


def test_a_confirm_where_another_server_may_know_better_is_not_answered_with_no() -> None:
    """§18.3.3: if the server is unable to determine, it MUST NOT send a Reply."""
    assert confirm(Site6(replace(SETTINGS, authoritative=False)), na(STRANGE)) is None
    assert Status6.SUCCESS == confirm(Site6(replace(SETTINGS, authoritative=False)), na(ip6("2001:db8:1::99")))


# §18.3.4 Renew


def test_a_renew_gives_new_lifetimes() -> None:
    site = Site6()
    first = site.join(na(), pd())
    site.later(first.associations[0].t1)
    answer = site.renew(*first.associations)
    assert (MessageType6.REPLY, first.associations) == (answer.kind, answer.associations)
    assert all(lease.until == site.now + TIME for lease in site.held().values())
    assert [1, 1] == [lease.renewals for lease in site.held().values()]


def test_an_address_of_another_link_goes_back_with_lifetimes_of_zero() -> None:
    """§18.3.4: not appropriate for the link: returned with lifetimes of 0."""
    site = Site6()
    first = site.join()
    answer = site.renew(na(first.address, STRANGE))
    assert [(first.address, TIME), (STRANGE, 0)] == [(one.address, one.valid) for one in answer.one.addresses]
    assert 0 == answer.one.addresses[1].preferred


def test_an_address_that_the_settings_no_longer_give_goes_back_with_lifetimes_of_zero_beside_a_new_one() -> None:
    site = Site6()
    old = site.join(na(), pd())
    site.settings = with_lan(
        pools=(Pool(ip6("2001:db8:1::2:0"), ip6("2001:db8:1::2:ffff")),),
        delegations=(Delegation(ip6("2001:db8:fe00::"), 56, 60),),
    )
    answer = site.renew(*old.associations)
    assert old.address != answer.address
    assert old.prefix != answer.prefix
    assert {answer.address, answer.prefix[0]} == set(site.held())
    gone = [one.address for one in answer.associations[0].addresses if not one.valid]
    gone += [one.prefix for one in answer.associations[1].prefixes if not one.valid]
    assert [old.address, old.prefix[0]] == gone


def test_a_renew_of_what_we_know_nothing_of_is_granted_if_nobody_has_it() -> None:
    """§18.3.4: a server may create bindings from a Renew: after a loss of leases nobody notices anything."""
    site = Site6()
    answer = site.renew(na(ip6("2001:db8:1::4444")), pd((ip6("2001:db8:ff00:50::"), 60)))
    assert (ip6("2001:db8:1::4444"), (ip6("2001:db8:ff00:50::"), 60)) == (answer.address, answer.prefix)
    assert [ip6("2001:db8:1::4444")] == site.probed


def test_a_renew_of_what_somebody_else_has_does_not_take_it() -> None:
    site = Site6()
    theirs = site.join(who=OTHER).address
    answer = site.renew(na(theirs))
    assert theirs != answer.address
    assert [(theirs, 0)] == [(one.address, one.valid) for one in answer.one.addresses if one.address == theirs]
    assert 2 == len(site.held())


def test_a_renew_of_what_we_know_nothing_of_is_no_binding_where_we_are_not_alone() -> None:
    """§18.3.4: otherwise the IA with a Status Code option with the value NoBinding."""
    site = Site6(replace(SETTINGS, authoritative=False))
    answer = site.renew(na(ip6("2001:db8:1::4444")), pd())
    assert [Status6.NO_BINDING, Status6.NO_BINDING] == [code(one.status) for one in answer.associations]
    assert {} == site.held()


# §18.3.5 Rebind


def test_a_rebind_extends_as_a_renew_does() -> None:
    site = Site6()
    first = site.join(na(), pd())
    site.later(first.associations[0].t2)
    assert first.associations == site.rebind(*first.associations).associations
    assert all(lease.until == site.now + TIME for lease in site.held().values())


def test_a_rebind_on_another_link_ends_what_is_not_appropriate_there() -> None:
    """§18.3.5: not appropriate for the link: lifetimes of 0."""
    answer = Site6().rebind(na(STRANGE), pd((STRANGE, 128)))
    assert (STRANGE, 0, 0) == answer.associations[0].addresses[-1][:3]
    assert (STRANGE, 128, 0, 0) == answer.associations[1].prefixes[-1][:4]


def test_a_rebind_of_what_another_server_may_have_given_is_not_answered() -> None:
    """§18.3.5: MUST NOT reply for what it cannot know to be wrong."""
    site = Site6(replace(SETTINGS, authoritative=False))
    outcome = site.send(message(MessageType6.REBIND, na(ip6("2001:db8:1::4444"))))
    assert (None, "unknown-client", {}) == (outcome.reply, outcome.why, site.held())


# §18.3.6 Information-request


def test_an_information_request_gets_options_and_leaves_nothing() -> None:
    """§18.3.6: server identifier; the client identifier if it was there."""
    site = Site6()
    answer = site.ask(message(MessageType6.INFORMATION_REQUEST))
    assert (MessageType6.REPLY, SERVER, PHONE) == (answer.kind, answer.option(2), answer.option(1))
    assert OURS == answer.option(Option6.DNS_SERVERS)
    assert ((), {}) == (answer.outcome.changes, site.held())


def test_an_anonymous_information_request_is_answered() -> None:
    """§18.3.6, RFC 7844 §4.4: without a client identifier; for one server too."""
    answer = Site6().ask(message(MessageType6.INFORMATION_REQUEST, who=b"", server=SERVER))
    assert (None, SERVER, OURS) == (answer.option(1), answer.option(2), answer.option(23))


# §18.3.7 Release


def test_what_is_released_is_free_and_the_answer_is_success() -> None:
    site = Site6()
    first = site.join(na(), pd())
    answer = site.release(*first.associations)
    assert (MessageType6.REPLY, Status6.SUCCESS, []) == (answer.kind, answer.status, answer.associations)
    assert 0 == len(site.book)


def test_a_release_by_somebody_else_has_no_effect_and_is_told_nothing_of_it() -> None:
    """§18.3.7: for each IA without a binding an IA option with NoBinding and no other options; then Success."""
    site = Site6()
    first = site.join(na(), pd())
    answer = site.release(*first.associations, who=OTHER)
    assert Status6.SUCCESS == answer.status
    assert [(3, Status6.NO_BINDING, ()), (25, Status6.NO_BINDING, ())] == [
        (one.kind, code(one.status), (*one.addresses, *one.prefixes)) for one in answer.associations
    ]
    assert 2 == len(site.held())


def test_addresses_that_are_not_of_the_association_are_not_released() -> None:
    """§18.3.7: leases in the IA that are not assigned to it are ignored."""
    site = Site6()
    answer = site.join(na(iaid=1), na(iaid=2))
    one, two = (some.addresses[0].address for some in answer.associations)
    assert Status6.SUCCESS == site.release(na(two, iaid=1)).status
    assert {one, two} == set(site.held())
    site.release(na(one, iaid=1))
    assert {two} == set(site.held())


# §18.3.8 Decline


def test_a_declined_address_is_nobodys_for_a_while_and_its_client_gets_another() -> None:
    """§18.3.8: SHOULD mark the addresses declined so that they are not assigned to others."""
    site = Site6()
    first = site.join()
    answer = site.decline(*first.associations)
    assert (Status6.SUCCESS, []) == (answer.status, answer.associations)
    assert State.QUARANTINED == site.book.at(Kind.ADDRESS6, first.address).state  # type: ignore[union-attr]
    assert first.address != site.join().address
    site.later(599)
    assert site.book.at(Kind.ADDRESS6, first.address) is not None
    site.later(2)
    assert site.book.at(Kind.ADDRESS6, first.address) is None


def test_nobody_declines_what_somebody_else_has() -> None:
    """§18.3.8: NoBinding for an IA that the client does not have; what is not of the IA is ignored."""
    site = Site6()
    first = site.join()
    answer = site.decline(*first.associations, who=OTHER)
    assert (Status6.SUCCESS, Status6.NO_BINDING) == (answer.status, code(answer.one.status))
    site.decline(na(ip6("2001:db8:1::4444")))
    assert [State.BOUND] == [lease.state for lease in site.book.leases()]


def test_a_decline_long_after_the_lease_was_given_has_no_effect() -> None:
    """A DUID is no secret on a link, and a client looks at once whether its address is free (RFC 4862 §5.4)."""
    site = Site6()
    first = site.join()
    site.later(121)
    site.decline(*first.associations)
    assert State.BOUND == site.book.at(Kind.ADDRESS6, first.address).state  # type: ignore[union-attr]


def test_prefixes_cannot_be_declined() -> None:
    site = Site6()
    first = site.join(pd())
    assert Status6.SUCCESS == site.decline(*first.associations).status
    assert {first.prefix[0]} == set(site.held())


# for all


@pytest.mark.parametrize("lease_time", [100, 1_800, 43_200, 0xFFFF])
def test_all_associations_have_the_same_t1_and_t2_of_the_shortest_preferred_lifetime(lease_time: int) -> None:
    """§18.1: MUST be the same in all; §21.4: 0.5 and 0.8 of the shortest preferred lifetime, T1 not after T2."""
    answer = Site6(with_lan(lease_time=lease_time)).join(na(iaid=1), na(iaid=2), pd())
    preferred = min(one.preferred for some in answer.associations for one in some.addresses)
    assert {(preferred // 2, preferred * 4 // 5)} == {(one.t1, one.t2) for one in answer.associations}
    assert 0 < preferred <= lease_time


def test_temporary_addresses_are_not_given() -> None:
    """RFC 9915: IA_TA is obsolete. Who asks for one is told that there is none, and gets the rest."""
    site = Site6()
    answer = site.join(Association(Option6.IA_TA, 5), na())
    assert [Status6.NO_ADDRS_AVAIL, None] == [code(one.status) for one in answer.associations]
    assert 1 == len(site.held())
    gone = site.release(Association(Option6.IA_TA, 5))
    assert (Status6.SUCCESS, Status6.NO_BINDING) == (gone.status, code(gone.one.status))


def test_a_stateless_subnet_answers_information_requests_only() -> None:
    site = Site6(with_lan(stateless=True))
    assert "stateless" == site.send(message(MessageType6.SOLICIT, na())).why
    assert OURS == site.ask(message(MessageType6.INFORMATION_REQUEST)).option(23)


def test_one_subnet_is_not_the_other() -> None:
    """The kit's own premise: what is said of ELSEWHERE is true of a subnet we know."""
    assert ELSEWHERE.startswith(FAR.prefix[:8])
    assert not ELSEWHERE.startswith(LAN.prefix[:8])
