"""Router advertisements as steps: when the next one leaves and what it says (RFC 4861 §6.2).

Call `advertise` when `Step.due` comes, and whenever settings, link or offer are other ones; `hear_solicitation` when a host asks;
`farewell` when we stop. All advertisements go to all nodes, with hop limit 255, from our link-local address.
"""

from typing import NamedTuple

from dhcp.addresses import is_link_local
from dhcp.announcement import (
    Heard,
    Item,
    announcement,
    became_stale,
    deprecate,
    heard_now,
    items,
    last_words,
    take_back,
)
from dhcp.offer import Offer
from dhcp.settings import Advertised
from dhcp.values import Link
from wire.dhcp.ra import RouterAdvertisement, fit_router_advertisement
from wire.units import Instant

MAX_INITIAL_ADVERTISEMENTS = 3
MAX_INITIAL_INTERVAL = 16.0
MAX_FINAL_ADVERTISEMENTS = 3
MIN_DELAY_BETWEEN = 3.0
MAX_ANSWER_DELAY = 0.5
"""Seconds (RFC 4861 §10)."""

LARGEST = 1_240
"""Octets: with an IPv6 header what every link carries (RFC 8200 §5). Fragments would not be read (RFC 6980 §5)."""

NEVER = Instant(float("-inf"))


class Advertising(NamedTuple):
    """What we remember of an interface. The default: nothing was ever said there."""

    due: Instant | None = None
    """When the next one leaves."""
    sent: Instant = NEVER
    """When the last one left."""
    quick: int = 0
    """How many of the next follow each other quickly, so that a change is heard soon."""
    meant: RouterAdvertisement | None = None
    """What was to be said when it was last looked at, without what counts down by itself."""
    told: tuple[Item, ...] = ()
    """What hosts were told for a time."""
    gone: tuple[tuple[Item, int], ...] = ()
    """What of that is not so any more, and how often that is still to be said."""
    known: tuple[Heard, ...] = ()
    """Prefixes that hosts have from us."""
    stale: tuple[Heard, ...] = ()
    """Prefixes that are not to be used any more."""
    finals: int = 0
    """How often we said that we stop."""


class Step(NamedTuple):
    """An advertisement that is to leave now (None: none), what to remember, and when to come again (None: when something
    changes). `left_out` counts options that had no place in it."""

    data: bytes | None
    state: Advertising
    due: Instant | None
    left_out: int = 0


def advertise(
    settings: Advertised | None, link: Link, offer: Offer, state: Advertising, now: Instant, chance: float
) -> Step:
    """One step. `chance` is a random number of [0, 1). Nothing leaves where no settings ask for it, nor from an interface that is
    down or has no link-local address; once it has one, everything begins anew, but what hosts have from us is not forgotten.
    Where the settings of an interface go away, say `farewell` with the old ones."""
    if settings is None or settings.interface != link.name or not _can_speak(link):
        told = (*(one for one, _ in state.gone), *state.told)
        silent = Advertising(sent=state.sent, told=told, known=(*state.stale, *state.known))
        return Step(None, silent, None)
    said = announcement(settings, link, offer)
    state = _notice(said, state, now)
    if state.due is not None and now < state.due:
        return Step(None, state, state.due)
    return _speak(settings, said, state, now, chance)


def _can_speak(link: Link) -> bool:
    return link.up and any(is_link_local(one.address) and len(one.address) == 16 for one in link.addresses)


def _notice(said: RouterAdvertisement, state: Advertising, now: Instant) -> Advertising:
    """Whether what is to be said is other than before: then it leaves soon, three times quickly (RFC 4861 §6.2.4), and takes back
    what is not so any more."""
    meant = _lasting(said)
    if meant == state.meant and state.due is not None and not state.finals:
        return state
    present = items(said)
    gone = [(one, left) for one, left in state.gone if one not in present]
    lost = [one for one in state.told if one not in present and one not in (item for item, _ in gone)]
    soonest = max(now, Instant(state.sent + MIN_DELAY_BETWEEN))
    return state._replace(
        due=soonest if state.due is None else min(state.due, soonest),
        quick=MAX_INITIAL_ADVERTISEMENTS,
        meant=meant,
        gone=(*gone, *((one, MAX_FINAL_ADVERTISEMENTS) for one in lost)),
        stale=became_stale((*state.stale, *state.known), said, now),
        finals=0,
    )


def _lasting(said: RouterAdvertisement) -> RouterAdvertisement:
    """Without the lifetimes of prefixes, which count down; that one is deprecated remains."""
    return said._replace(
        prefixes=tuple(one._replace(valid=0, preferred=min(1, one.preferred)) for one in said.prefixes)
    )


def _speak(settings: Advertised, said: RouterAdvertisement, state: Advertising, now: Instant, chance: float) -> Step:
    stale = tuple(one for one in state.stale if one.until > now)
    whole = take_back(said, tuple(one for one, _ in state.gone))
    whole = whole._replace(prefixes=(*said.prefixes, *deprecate(stale, now)))
    quick = max(0, state.quick - 1)
    state = state._replace(
        due=Instant(now + _pause(settings, quick > 0, chance)),
        sent=now,
        quick=quick,
        told=items(said),
        gone=tuple((one, left - 1) for one, left in state.gone if left > 1),
        known=heard_now(said, now),
        stale=stale,
    )
    data, left_out = fit_router_advertisement(whole, LARGEST)
    return Step(data, state, state.due, left_out)


def _pause(settings: Advertised, quick: bool, chance: float) -> float:
    """> a uniformly distributed random value between the interface's configured MinRtrAdvInterval and MaxRtrAdvInterval …
    > for the first few advertisements … if the randomly chosen interval is greater than MAX_INITIAL_RTR_ADVERT_INTERVAL, the
    > timer SHOULD be set to MAX_INITIAL_RTR_ADVERT_INTERVAL instead (RFC 4861 §6.2.4)"""
    least, most = settings.interval
    pause = max(MIN_DELAY_BETWEEN, least + chance * (most - least))
    return min(pause, MAX_INITIAL_INTERVAL) if quick else pause


def hear_solicitation(state: Advertising, now: Instant, chance: float) -> Advertising:
    """A host asks: the next advertisement, to all, leaves within half a second, or 3 to 3.5 seconds after the last one, but not
    later than it would anyway (RFC 4861 §6.2.6). Of no effect where nothing is advertised."""
    if state.due is None or state.finals:
        return state
    delay = chance * MAX_ANSWER_DELAY
    answer = Instant(now + delay)
    if now - state.sent < MIN_DELAY_BETWEEN:
        answer = Instant(state.sent + MIN_DELAY_BETWEEN + delay)
    return state._replace(due=min(state.due, answer))


def farewell(settings: Advertised, link: Link, state: Advertising, now: Instant) -> Step:
    """We stop: three times with router lifetime 0 and all services taken back, three seconds apart (RFC 4861 §6.2.5). Who cannot
    wait so long leaves after the first. Nothing leaves if nothing was ever said."""
    if state.sent == NEVER or not _can_speak(link) or state.finals >= MAX_FINAL_ADVERTISEMENTS:
        return Step(None, state._replace(due=None), None)
    earliest = Instant(state.sent + MIN_DELAY_BETWEEN)
    if now < earliest:
        return Step(None, state._replace(due=earliest), earliest)
    gone = tuple(one for one, _ in state.gone)
    told = (*gone, *(one for one in state.told if one not in gone))
    data, left_out = fit_router_advertisement(last_words(settings, link, told), LARGEST)
    finals = state.finals + 1
    due = Instant(now + MIN_DELAY_BETWEEN) if finals < MAX_FINAL_ADVERTISEMENTS else None
    return Step(data, state._replace(due=due, sent=now, finals=finals), due, left_out)
