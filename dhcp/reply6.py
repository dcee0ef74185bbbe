"""DHCPv6 answers: the options a client is given, and the way back to it (RFC 8415 §18.3.9 to §18.3.11, §19.3)."""

from collections.abc import Sequence

from dhcp.asked6 import CLIENT_PORT, SERVER_PORT, Asked6
from dhcp.bindings6 import timed
from dhcp.classes import options6
from dhcp.plan import Scope
from dhcp.settings import Options
from dhcp.values import Reply6
from wire.dhcp.associations6 import Association, StatusCode, build_association, build_status
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import FQDN_NO_UPDATE, FQDN_OVERRIDE, FQDN_SERVER_UPDATES, ClientName, build_client_name
from wire.dhcp.options6 import NEVER_SET6
from wire.dhcp.packet6 import Packet6, build_packet6, build_relay_reply

MIN_REFRESH = 600
"""Seconds: IRT_MINIMUM (RFC 8415 §7.6)."""

_UNASKED = frozenset((Option6.PREFERENCE,))
"""Settings that are sent to who does not ask for them: a client has to know which server is preferred before it chooses."""


def reply(
    asked: Asked6,
    kind: MessageType6,
    options: Sequence[tuple[int, bytes]] = (),
    associations: Sequence[Association] = (),
    status: StatusCode | None = None,
) -> Reply6:
    """A whole answer, on its way back."""
    request = asked.request
    content = [(int(Option6.SERVER_IDENTIFIER), asked.server)]
    if request.duid:
        content.insert(0, (int(Option6.CLIENT_IDENTIFIER), request.duid))
    content += map(build_association, timed(list(associations)))
    if status is not None:
        content.append(build_status(status))
    return _sent(asked, Packet6(kind, request.transaction, (*content, *options)))


def _sent(asked: Asked6, packet: Packet6) -> Reply6:
    """To the client's port 546, or back to the relay: to 547, or where it spoke from if it asked for that (RFC 8357 §5.2)."""
    request, arrival = asked.request, asked.arrival
    if not request.hops:
        return Reply6(build_packet6(packet), arrival.interface, arrival.source, CLIENT_PORT)
    wants_port = request.hops[0].option(Option6.RELAY_PORT) is not None and arrival.port
    port = arrival.port if wants_port else SERVER_PORT
    return Reply6(build_relay_reply(request.hops, packet), arrival.interface, arrival.source, port)


def options_for(asked: Asked6, derived: Options, scope: Scope, name: str | None) -> tuple[tuple[int, bytes], ...]:
    """What the client asks for and there is, in the order of the numbers. `name`: what is published for it; None: this answer
    is not about addresses."""
    wanted = asked.request.asked | _UNASKED
    implied = list(derived)
    if asked.request.kind == MessageType6.INFORMATION_REQUEST:
        refresh = max(MIN_REFRESH, asked.share(scope).lease_time)
        implied.append((int(Option6.INFORMATION_REFRESH_TIME), refresh.to_bytes(4, "big")))
    found = [
        (number, data)
        for number, data in options6(asked.plan.base.settings, asked.share(scope), tuple(implied))
        if data and number in wanted and number not in NEVER_SET6
    ]
    fqdn = _name(asked, scope, name)
    if fqdn is not None:
        found.append((int(Option6.CLIENT_FQDN), fqdn))
    return tuple(sorted(found, key=lambda option: option[0]))


def _name(asked: Asked6, scope: Scope, name: str | None) -> bytes | None:
    """The client FQDN option of an answer; None: there is none, as the client said no name or does not ask for an answer to it
    (RFC 4704 §6).

    S: we publish the name. O: the client wanted it otherwise. N: nobody publishes it.
    """
    said = asked.request.name
    if said is None or name is None or Option6.CLIENT_FQDN not in asked.request.asked:
        return None
    if not name:
        return build_client_name(said._replace(flags=FQDN_NO_UPDATE))
    flags = FQDN_SERVER_UPDATES | (0 if said.flags & FQDN_SERVER_UPDATES else FQDN_OVERRIDE)
    domain = asked.plan.base.domain_of(scope.subnet.name)
    labels = (name.encode(), *(label.encode() for label in domain.strip(".").split(".") if label))
    return build_client_name(ClientName(flags, labels, complete=True))
