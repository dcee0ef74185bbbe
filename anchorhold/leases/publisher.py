"""What `front` is told of names: leases as they come, are renewed and go, and configured devices with a name."""

from collections.abc import Iterable

from anchorhold.leases.messages import host_of
from anchorhold.leases.rows import subnet_of
from dhcp.book import LeaseBook
from dhcp.settings import DhcpSettings
from dhcp.values import Kind, Lease, LeaseChange, State
from resolver.local import Host
from wire.units import Epoch


class Publisher:
    """Names by one generation of settings."""

    def __init__(self, settings: DhcpSettings) -> None:
        self._settings = settings
        self._domains = {subnet.name: subnet.domain for subnet in settings.subnets if subnet.domain}
        self._fixed = tuple(self._reserved())
        self._never_gone = {(host.name, address) for host in self._fixed for address in host.addresses}

    def everything(self, book: LeaseBook, now: Epoch) -> list[Host]:
        """For somebody who knows nothing."""
        hosts = list(self._fixed)
        for lease in book.leases():
            hosts += self._come(lease, now)
        return hosts

    def news(self, changes: Iterable[LeaseChange], now: Epoch) -> list[Host]:
        """What changes of leases mean for names: first what goes, then what comes or lasts longer."""
        hosts: list[Host] = []
        for before, after in changes:
            if not (before is not None and before.name) and not (after is not None and after.name):
                continue
            if before is not None and (after is None or self._told(before) != self._told(after)):
                hosts += self._host(before, 0, gone=True)
            if after is not None:
                hosts += self._come(after, now)
        return hosts

    def _told(self, lease: Lease) -> tuple[str, str] | None:
        if not lease.name or lease.state is not State.BOUND or lease.kind is Kind.PREFIX6 or not self._settings.names:
            return None
        return lease.name, self._domains.get(lease.subnet, self._settings.domain)

    def _come(self, lease: Lease, now: Epoch) -> list[Host]:
        # 0 would mean for ever; what has ended is told by its end.
        return self._host(lease, max(1, int(lease.until - now)))

    def _host(self, lease: Lease, left: int, *, gone: bool = False) -> list[Host]:
        told = self._told(lease)
        if told is None:
            return []
        host = host_of(*told, (lease.address,), left, gone=gone)
        return [] if (host.name, lease.address) in self._never_gone else [host]

    def _reserved(self) -> Iterable[Host]:
        for one in self._settings.reservations:
            if not one.name or one.ignored or not self._settings.names:
                continue
            addresses = [(Kind.ADDRESS6, address) for address in one.addresses6]
            for kind, address in [(Kind.ADDRESS4, one.address4), *addresses] if one.address4 else addresses:
                domain = self._domains.get(subnet_of(self._settings, kind, address), self._settings.domain)
                yield host_of(one.name, domain, (address,), 0)
