"""The DHCPv6 server: a message in, an outcome out (RFC 8415 §18.3, which RFC 9915 succeeds). Start here."""

from collections.abc import Sequence

from dhcp.asked6 import Asked6, read_asked6
from dhcp.bindings6 import Step, serve, status
from dhcp.book import DECLINED_WITHIN, LeaseBook, conflict
from dhcp.draft6 import Draft
from dhcp.ground import Ground
from dhcp.offer import offer_on, options_of6
from dhcp.plan import Scope
from dhcp.reply6 import options_for, reply
from dhcp.settings import Options
from dhcp.values import Address, Arrival, Kind, Lease, LeaseChange, Outcome, State
from wire.dhcp.associations6 import Association
from wire.dhcp.codes6 import MessageType6, Option6, Status6
from wire.dhcp.packet6 import Packet6, Relayed
from wire.units import Epoch

KINDS: dict[int, Kind] = {Option6.IA_NA: Kind.ADDRESS6, Option6.IA_PD: Kind.PREFIX6}
"""What the leases of an identity association are; temporary addresses are none of ours."""


def handle6(message: Packet6 | Relayed, arrival: Arrival, book: LeaseBook, ground: Ground, now: Epoch) -> Outcome:
    """What a message leads to. Reads the book and changes nothing; the same arguments give the same outcome.

    `ground` is what the settings and our interfaces, as they are now, make; `now` is the lease clock's.
    """
    asked = read_asked6(message, arrival, book, ground)
    if isinstance(asked, str):
        return Outcome(asked)
    kind = MessageType6(asked.request.kind)
    if kind is MessageType6.INFORMATION_REQUEST:
        return _inform(asked)
    if all(scope.subnet.stateless for scope in asked.where.scopes):
        return Outcome("stateless")
    match kind:
        case MessageType6.SOLICIT:
            return _solicit(asked, book, now)
        case MessageType6.REQUEST:
            return _grant(asked, book, now, "leased")
        case MessageType6.RENEW | MessageType6.REBIND:
            return _extend(asked, book, now)
        case MessageType6.CONFIRM:
            return _confirm(asked)
        case MessageType6.RELEASE:
            return _release(asked, book, now)
        case _:
            return _decline(asked, book, now)


def _solicit(asked: Asked6, book: LeaseBook, now: Epoch) -> Outcome:
    """§18.3.1. Addresses and prefixes are held for 30 seconds, in memory, or leased at once if the client wants that."""
    if asked.request.rapid and _scope(asked).subnet.rapid:
        outcome = _grant(asked, book, now, "rapid")
        if outcome.probes or any(change.after is not None for change in outcome.changes):
            return outcome
    draft = Draft(book, asked, now)
    answers = [serve(draft, one, Step.OFFER) for one in asked.request.associations]
    if (waits := _waits(draft, answers)) is not None:
        return waits
    options = _options(draft)
    return Outcome("advertised", reply(asked, MessageType6.ADVERTISE, options, answers), tuple(draft.changes))


def _grant(asked: Asked6, book: LeaseBook, now: Epoch, why: str) -> Outcome:
    """§18.3.2: what was offered is leased. §18.3.1: so it is at once, if the client wants that (§21.14)."""
    draft = Draft(book, asked, now)
    answers = [serve(draft, one, Step.BIND) for one in asked.request.associations]
    if (waits := _waits(draft, answers)) is not None:
        return waits
    _drop_offers(draft)
    options = _options(draft)
    if why == "rapid":
        options = ((int(Option6.RAPID_COMMIT), b""), *options)
    return Outcome(why, reply(asked, MessageType6.REPLY, options, answers), tuple(draft.changes))


def _waits(draft: Draft, answers: Sequence[Association]) -> Outcome | None:
    """The link is asked first, or too many offers are held to make these; None: neither."""
    if draft.probes:
        return Outcome(draft.why, changes=_offers(draft), probes=tuple(draft.probes))
    if draft.full and not any(one.addresses or one.prefixes for one in answers):
        return Outcome("offers-full")
    return None


def _extend(asked: Asked6, book: LeaseBook, now: Epoch) -> Outcome:
    """§18.3.4, §18.3.5. What the client names and may not have (any more) goes back with lifetimes of 0.

    A client that has nothing here gets what it names, if nobody else has it: so nobody notices when leases were lost. Where
    another server may have given it (`authoritative` off) a Renew says that there is no binding, and a Rebind says nothing.
    """
    draft = Draft(book, asked, now)
    renewing = asked.request.kind == MessageType6.RENEW
    answers = []
    for one in asked.request.associations:
        if asked.plan.base.settings.authoritative or one.kind not in KINDS or draft.held(KINDS[one.kind], one.iaid):
            answers.append(serve(draft, one, Step.EXTEND))
        elif renewing:
            answers.append(Association(one.kind, one.iaid, status=status(Status6.NO_BINDING)))
    if draft.probes:
        return Outcome(draft.why, changes=_offers(draft), probes=tuple(draft.probes))
    if not answers:
        return Outcome("unknown-client")
    why = "renewed" if renewing else "rebound"
    return Outcome(why, reply(asked, MessageType6.REPLY, _options(draft), answers), tuple(draft.changes))


def _confirm(asked: Asked6) -> Outcome:
    """§18.3.3: whether all of the addresses belong to the client's link, whoever has them."""
    addresses = [one.address for some in asked.request.associations for one in some.addresses]
    if not addresses:
        # > … if there were no addresses in any of the IAs sent by the client, the server MUST NOT send a Reply
        return Outcome("nothing-to-confirm")
    if all(map(asked.where.is_on_link, addresses)):
        return Outcome("confirmed", reply(asked, MessageType6.REPLY, status=status(Status6.SUCCESS)))
    if not asked.plan.base.settings.authoritative:
        return Outcome("unknown-client")
    return Outcome("wrong-network", reply(asked, MessageType6.REPLY, status=status(Status6.NOT_ON_LINK)))


def _release(asked: Asked6, book: LeaseBook, now: Epoch) -> Outcome:
    """§18.3.7: the leases that the client has and names end."""
    changes = [LeaseChange(lease, None) for lease in _named(asked, book)]
    return _ended(asked, book, "released" if changes else "not-the-holder", changes)


def _decline(asked: Asked6, book: LeaseBook, now: Epoch) -> Outcome:
    """§18.3.8: somebody else uses the addresses that the client has and names; it finds that out soon after it got them, and who
    says so hours later wants to harm it. Prefixes cannot be declined."""
    held = [
        lease for lease in _named(asked, book) if lease.kind is Kind.ADDRESS6 and now - lease.seen <= DECLINED_WITHIN
    ]
    changes = [conflict(book, lease, now) for lease in held]
    return _ended(asked, book, "declined" if changes else "not-the-holder", changes)


def _ended(asked: Asked6, book: LeaseBook, why: str, changes: list[LeaseChange]) -> Outcome:
    """§18.3.7, §18.3.8: success, however little of it was the client's; an association that is none of it is named."""
    client = asked.identity.client
    unknown = [
        Association(one.kind, one.iaid, status=status(Status6.NO_BINDING))
        for one in asked.request.associations
        if one.kind not in KINDS or not _bound(book.of_client(KINDS[one.kind], client, one.iaid))
    ]
    answer = reply(asked, MessageType6.REPLY, (), unknown, status(Status6.SUCCESS))
    return Outcome(why, answer, tuple(changes))


def _named(asked: Asked6, book: LeaseBook) -> list[Lease]:
    """The leases that the client has, and that it names within the association that has them."""
    found: dict[tuple[Kind, Address], Lease] = {}
    for one in asked.request.associations:
        if one.kind not in KINDS:
            continue
        places = {(some.address, 128) for some in one.addresses} | {(some.prefix, some.length) for some in one.prefixes}
        for lease in _bound(book.of_client(KINDS[one.kind], asked.identity.client, one.iaid)):
            if (lease.address, lease.length) in places:
                found[lease.kind, lease.address] = lease
    return list(found.values())


def _bound(leases: tuple[Lease, ...]) -> list[Lease]:
    return [lease for lease in leases if lease.state is State.BOUND]


def _inform(asked: Asked6) -> Outcome:
    """§18.3.6: options for a client that wants no address of us. Nothing of it is kept."""
    scope = _scope(asked)
    options = options_for(asked, _derived(asked, scope), scope, None)
    return Outcome("informed", reply(asked, MessageType6.REPLY, options))


def _options(draft: Draft) -> tuple[tuple[int, bytes], ...]:
    """Of the subnet where the client has an address or prefix from now on, else of the first on its link."""
    scope = _scope(draft.asked)
    names = [change.after.subnet for change in draft.changes if change.after is not None]
    scope = next((one for one in draft.asked.where.scopes if one.subnet.name in names), scope)
    return options_for(draft.asked, _derived(draft.asked, scope), scope, draft.name_for(scope))


def _derived(asked: Asked6, scope: Scope) -> Options:
    """What follows from where we are and what our resolver serves."""
    return options_of6(offer_on(asked.plan.base.settings, asked.link, scope.subnet))


def _scope(asked: Asked6) -> Scope:
    return asked.where.scopes[0]


def _offers(draft: Draft) -> tuple[LeaseChange, ...]:
    """While the link is asked nothing is leased, and no lease ends."""
    return tuple(one for one in draft.changes if not one.durable)


def _drop_offers(draft: Draft) -> None:
    """What was offered to the client's associations and is not what they chose."""
    for one in draft.asked.request.associations:
        if one.kind in KINDS:
            held = draft.held(KINDS[one.kind], one.iaid)
            draft.end(lease for lease in held if lease.state is State.OFFERED)
