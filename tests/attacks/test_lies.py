"""Servers that lie about signed zones: every lie is found out, or is of no use. Here without a socket; over every transport in
test_lying_upstreams.py."""

import pytest
from dns.message import Message
from kit.authority import RRSIG, A, Zone
from kit.lies import FORGED, LIES, Lie
from kit.signing import DAY, EXPIRATION
from kit.toytree import SHOP, Tree

from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.iterate.verdict import Positive
from wire.units import Epoch

BY_NAME = {lie.name: lie for lie in LIES}


def lying(lie: Lie) -> Tree:
    tree = lie.build()
    for endpoint in tree.internet.zones:
        tree.internet.behave(endpoint, tree.internet.altered(lambda response: lie.tell(response, tree)))
    return tree


def given(checked: Checked) -> list[bytes]:
    """All data of an answer."""
    found = [data for link in checked.resolved.links for data in link.rrset.rdatas]
    if isinstance(checked.resolved.end, Positive):
        found += checked.resolved.end.rrset.rdatas
    return found


@pytest.mark.parametrize("name", BY_NAME)
def test_a_lie_is_found_out(name: str) -> None:
    lie = BY_NAME[name]
    tree = lying(lie)
    checked = tree.check(*lie.question.split())
    if lie.stands:
        assert checked.security is Security.SECURE
        assert bytes(map(int, FORGED.split("."))) not in given(checked)
    else:
        assert checked.security in (Security.BOGUS, Security.INDETERMINATE)
        assert checked.explanation is not None
        assert checked.explanation.code in lie.codes, checked.explanation


@pytest.mark.parametrize("name", [name for name, lie in BY_NAME.items() if lie.edits])
def test_without_the_lie_the_answer_is_secure(name: str) -> None:
    """So that it is the lie that is found out."""
    lie = BY_NAME[name]
    if lie.prepare is None:
        assert lie.build().check(*lie.question.split()).security is Security.SECURE


def test_old_data_that_are_signed_still_pass_until_their_signature_ends() -> None:
    """What no signature can show: it is what the owner once said. It lives no longer than the signature."""
    tree = Tree().build()
    zone, old = tree.zone("shop.example."), Tree().build().zone("shop.example.")
    zone.remove("www", "A")
    zone.add("www A 192.0.2.99")
    tree.signed["shop.example."].resign(tree.signed["shop.example."].signer)
    tree.internet.behave(SHOP, tree.internet.altered(lambda response: replay(response, old)))
    checked = tree.check("www.shop.example.")
    assert (Security.SECURE, [bytes((192, 0, 2, 80)), bytes((192, 0, 2, 81))]) == (checked.security, given(checked))
    tree.date = Epoch(EXPIRATION + DAY)
    tree.memory = TrustMemory()
    assert tree.check("www.shop.example.").security is Security.BOGUS


def replay(response: Message, old: Zone) -> None:
    name = response.question[0].name
    if response.question[0].rdtype == A:
        response.answer = [found for found in (old.get(name, A), old.get(name, RRSIG, A)) if found is not None]
