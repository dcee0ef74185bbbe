"""What each identity association of a message gets: addresses, prefixes, or the reason why not (RFC 8415 §18.3)."""

from enum import Enum, auto
from functools import partial

from dhcp.addresses import is_inside
from dhcp.draft6 import Draft, preferred_of
from dhcp.plan import Scope
from dhcp.pools import has_its_share
from dhcp.pools6 import draw_address, draw_prefix, excluded_part
from dhcp.reclaim import gone_perhaps, is_nearly_full
from dhcp.settings import Delegation
from dhcp.values import Address, Kind, Lease, State
from wire.dhcp.associations6 import Association, LeasedAddress, LeasedPrefix, StatusCode
from wire.dhcp.codes6 import Option6, Status6

_T1, _T2 = (1, 2), (4, 5)
"""Parts of the shortest preferred lifetime (RFC 8415 §21.4)."""

_TEXTS = {
    Status6.SUCCESS: "done",
    Status6.NO_ADDRS_AVAIL: "no address is free for you",
    Status6.NO_BINDING: "you have no lease here",
    Status6.NOT_ON_LINK: "an address of another link",
    Status6.NO_PREFIX_AVAIL: "no prefix is free for you",
}


class Step(Enum):
    """How firm what is given is to be."""

    OFFER = auto()
    """Solicit: held for a while."""
    BIND = auto()
    """Request, and Solicit with rapid commit: a lease of what was offered."""
    EXTEND = auto()
    """Renew and Rebind: the lease there is, longer. The client names what it uses."""


def status(code: Status6) -> StatusCode:
    """A status code with its text."""
    return StatusCode(code, _TEXTS[code])


def serve(draft: Draft, association: Association, step: Step) -> Association:
    """The association as it goes back, T1 and T2 not yet set."""
    match association.kind:
        case Option6.IA_NA:
            return _serve_addresses(draft, association, step)
        case Option6.IA_PD:
            return _serve_prefixes(draft, association, step)
        case _:
            # Temporary addresses are obsolete (RFC 9915); who still asks for them is told that there are none.
            return Association(association.kind, association.iaid, status=status(Status6.NO_ADDRS_AVAIL))


def timed(associations: list[Association]) -> tuple[Association, ...]:
    """All with the same T1 and T2.

    > servers MUST return the same T1/T2 values for all IA options in a Reply (RFC 8415 §18.1)
    """
    spans = [one.preferred for some in associations for one in some.addresses if one.valid]
    spans += [one.preferred for some in associations for one in some.prefixes if one.valid]
    shortest = min(spans, default=0)
    t1, t2 = shortest * _T1[0] // _T1[1], shortest * _T2[0] // _T2[1]
    return tuple(one if one.kind == Option6.IA_TA else one._replace(t1=t1, t2=t2) for one in associations)


def _serve_addresses(draft: Draft, asked: Association, step: Step) -> Association:
    where = draft.asked.where
    listed = [one.address for one in asked.addresses if any(one.address)]
    answer = Association(asked.kind, asked.iaid)
    if step is Step.BIND and not all(map(where.is_on_link, listed)):
        # > If … the prefix on one or more IP addresses … is not appropriate for the link …, the server MUST return the IA …
        # > with … NotOnLink
        return answer._replace(status=status(Status6.NOT_ON_LINK))
    held = draft.held(Kind.ADDRESS6, asked.iaid)
    given = [
        lease for group in where.groups if (lease := _address(draft, group, asked.iaid, held, listed, step)) is not None
    ]
    found = [LeasedAddress(one.address, preferred_of(one.duration), one.duration) for one in given]
    if step is Step.EXTEND:
        lost = [address for address in dict.fromkeys(listed) if all(address != one.address for one in given)]
        draft.end(one for one in held if one.address in lost)
        found += [LeasedAddress(address) for address in lost]
    return answer._replace(addresses=tuple(found), status=None if found else status(Status6.NO_ADDRS_AVAIL))


def _address(
    draft: Draft, group: tuple[Scope, ...], iaid: int, held: tuple[Lease, ...], listed: list[Address], step: Step
) -> Lease | None:
    """One address of a group of subnets: the reserved one, else what it has, else what the client names, else by lot."""
    choice = (
        _reserved_address(draft, group, iaid)
        or _first(draft, group, [lease.address for lease in held])
        or _first(draft, group, [address for address in listed if draft.is_free(Kind.ADDRESS6, address)], new=True)
    )
    if choice is None and _looks_for_somebody(draft, group, iaid, nearly=True):
        return None
    choice = choice or _drawn(draft, group, iaid)
    if choice is None:
        _looks_for_somebody(draft, group, iaid, nearly=False)
        return None
    scope, address = choice
    lease = draft.book.at(Kind.ADDRESS6, address)
    sure = (
        not draft.asked.may_probe
        or (lease is not None and (lease.state is State.BOUND or lease.checked))
        # The client itself would answer the probe, and nobody could tell.
        or (step is Step.EXTEND and address in listed and not draft.asked.hardware)
    )
    if step is Step.OFFER or not sure:
        return draft.offer(scope, Kind.ADDRESS6, (address, 128), iaid)
    return draft.bind(scope, Kind.ADDRESS6, (address, 128), iaid)


def _reserved_address(draft: Draft, group: tuple[Scope, ...], iaid: int) -> tuple[Scope, Address] | None:
    """The first of the client's reserved addresses there that nobody has, or this association."""
    mine = draft.asked.reservation.addresses6 if draft.asked.reservation is not None else ()
    for address in mine:
        scope = next((scope for scope in group if scope.fits(address)), None)
        if scope is not None and address not in draft.chosen and _is_open(draft, Kind.ADDRESS6, address, iaid):
            return scope, address
    return None


def _is_open(draft: Draft, kind: Kind, address: Address, iaid: int) -> bool:
    lease = draft.book.at(kind, address)
    if lease is None:
        return draft.may_have_more
    mine = (lease.client, lease.iaid) == (draft.asked.identity.client, iaid)
    return mine and lease.state is not State.QUARANTINED


def _first(
    draft: Draft, group: tuple[Scope, ...], addresses: list[Address], new: bool = False
) -> tuple[Scope, Address] | None:
    """The first that the configuration lets this client have."""
    if new and not draft.may_have_more:
        return None
    for address in addresses:
        scope = next((scope for scope in group if scope.fits(address)), None)
        if scope is None or address in draft.chosen or not may_have_address(draft, scope, address):
            continue
        if not (new and _over_share(draft, scope)):
            return scope, address
    return None


def may_have_address(draft: Draft, scope: Scope, address: Address) -> bool:
    """True if the configuration lets this client have it, whoever has it now."""
    if address in draft.asked.where.own or scope.subnet.stateless:
        return False
    holder = draft.asked.plan.by_address.get(address)
    if holder is not None:
        return holder is draft.asked.reservation
    number = int.from_bytes(address, "big")
    return number not in scope.never and any(number in span for span in scope.usable(draft.asked.class_names))


def _drawn(draft: Draft, group: tuple[Scope, ...], iaid: int) -> tuple[Scope, Address] | None:
    who = (draft.asked.identity.client, iaid)
    avoided = draft.asked.where.own | draft.chosen
    for scope in group:
        if scope.subnet.stateless or not draft.may_have_more or _over_share(draft, scope):
            continue
        address = draw_address(draft.book, scope, scope.usable(draft.asked.class_names), who, avoided)
        if address is not None:
            return scope, address
    return None


def _looks_for_somebody(draft: Draft, group: tuple[Scope, ...], iaid: int, nearly: bool) -> bool:
    """True if the link is asked for somebody whose address this association is to have; `nearly`: because little is free."""
    if not draft.asked.may_probe or not draft.may_have_more:
        return False
    for scope in group:
        if scope.subnet.stateless or (nearly and not is_nearly_full(draft.book, Kind.ADDRESS6, scope)):
            continue
        may_have = partial(_may_take_over, draft, scope, _over_share(draft, scope))
        holder = gone_perhaps(draft.book, Kind.ADDRESS6, scope, draft.now, may_have, nearly)
        if holder is not None:
            draft.look_for(holder, iaid)
            return True
    return False


def _may_take_over(draft: Draft, scope: Scope, over: bool, lease: Lease) -> bool:
    """True if the client could have the address of this lease, were it free; `over`: its kind has its share."""
    return (
        lease.client != draft.asked.identity.client
        and lease.address not in draft.chosen
        and lease.address not in draft.asked.plan.by_address
        and may_have_address(draft, scope, lease.address)
        and (lease.changing or not over)
    )


def _over_share(draft: Draft, scope: Scope) -> bool:
    """True if this is one more changing device than have a part of the pools."""
    return draft.asked.is_changing and has_its_share(draft.book, Kind.ADDRESS6, scope)


def _serve_prefixes(draft: Draft, asked: Association, step: Step) -> Association:
    held = draft.held(Kind.PREFIX6, asked.iaid)
    listed = [(one.prefix, one.length) for one in asked.prefixes if any(one.prefix)]
    hint = next((one.length for one in asked.prefixes if one.length), 0)
    choice = (
        _reserved_prefix(draft, asked.iaid)
        or _kept_prefix(draft, held)
        or _named_prefix(draft, listed)
        or _drawn_prefix(draft, asked.iaid, hint)
    )
    given: Lease | None = None
    if choice is not None:
        scope, place = choice
        give = draft.offer if step is Step.OFFER else draft.bind
        given = give(scope, Kind.PREFIX6, place, asked.iaid)
    found = [_leased_prefix(draft, given)] if given is not None else []
    if step is Step.EXTEND:
        lost = [one for one in dict.fromkeys(listed) if given is None or one != (given.address, given.length)]
        draft.end(one for one in held if (one.address, one.length) in lost)
        found += [LeasedPrefix(prefix, length) for prefix, length in lost]
    missing = None if found else status(Status6.NO_PREFIX_AVAIL)
    return Association(asked.kind, asked.iaid, prefixes=tuple(found), status=missing)


def _reserved_prefix(draft: Draft, iaid: int) -> tuple[Scope, tuple[Address, int]] | None:
    mine = draft.asked.reservation.prefixes6 if draft.asked.reservation is not None else ()
    for prefix, length in mine:
        held = draft.book.at(Kind.PREFIX6, prefix)
        if prefix in draft.chosen or not _is_open(draft, Kind.PREFIX6, prefix, iaid):
            continue
        if held.length == length if held is not None else draft.book.delegated.is_free(prefix, length):
            return draft.asked.where.scopes[0], (prefix, length)
    return None


def _kept_prefix(draft: Draft, held: tuple[Lease, ...]) -> tuple[Scope, tuple[Address, int]] | None:
    for lease in held:
        scope = _delegation_of(draft, lease.address, lease.length)
        if scope is not None:
            return scope, (lease.address, lease.length)
    return None


def _named_prefix(draft: Draft, listed: list[tuple[Address, int]]) -> tuple[Scope, tuple[Address, int]] | None:
    """What the client would like to have, if it is free."""
    for prefix, length in listed:
        scope = _delegation_of(draft, prefix, length)
        free = draft.book.delegated.is_free(prefix, length) and draft.delegated.is_free(prefix, length)
        if scope is not None and free and draft.may_have_more:
            return scope, (prefix, length)
    return None


def _delegation_of(draft: Draft, prefix: Address, length: int) -> Scope | None:
    """The subnet whose delegation lets this client have a prefix, whoever has it now."""
    barred = draft.asked.plan.barred
    for scope, one in draft.asked.where.delegations:
        if scope.subnet.stateless or length != one.length or not is_inside(prefix, one.prefix, one.prefix_length):
            continue
        part = excluded_part(one, prefix)
        left = 1 << 128 - part[1] if part is not None and _excludes(draft) else 0
        if barred.used(prefix, length) == left and not barred.is_covered(prefix, length):
            return scope
    return None


def _drawn_prefix(draft: Draft, iaid: int, hint: int) -> tuple[Scope, tuple[Address, int]] | None:
    """By lot, of the delegation whose length is nearest to what the client would like; rather too large than too small
    (RFC 8168 §3.2)."""
    who, barred = (draft.asked.identity.client, iaid), (draft.asked.plan.barred, draft.delegated)
    if not draft.may_have_more:
        return None

    def distance(one: tuple[Scope, Delegation]) -> tuple[bool, int]:
        return (one[1].length > hint, abs(one[1].length - hint)) if hint else (False, 0)

    for scope, one in sorted(draft.asked.where.delegations, key=distance):
        prefix = None if scope.subnet.stateless else draw_prefix(draft.book, one, who, barred, _excludes(draft))
        if prefix is not None:
            return scope, (prefix, one.length)
    return None


def _leased_prefix(draft: Draft, lease: Lease) -> LeasedPrefix:
    parts = [
        part
        for _, one in draft.asked.where.delegations
        if one.length == lease.length and (part := excluded_part(one, lease.address)) is not None
    ]
    excluded = parts[0] if parts and _excludes(draft) else None
    return LeasedPrefix(lease.address, lease.length, preferred_of(lease.duration), lease.duration, excluded)


def _excludes(draft: Draft) -> bool:
    """True if the client knows prefixes with a part left out.

    It is told of one only if it asks for that option (RFC 6603 §6.2).
    """
    return Option6.PD_EXCLUDE in draft.asked.request.asked
