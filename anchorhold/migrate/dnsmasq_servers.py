"""dnsmasq's `server`, `local`, `rev-server`: who is asked for which names, and which names stay at home.

server=[/domain/…/][address[#port]][@interface][@source[#port]]
no address          these names are answered at home or not at all
#                   these names go to the standard servers, whatever a shorter domain says
//                  names without a dot
"""

import ipaddress

from anchorhold.config.servers import read_server
from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_local import LocalFamily, read_domains
from anchorhold.migrate.dnsmasq_run import Run, Useless, read_address, read_network, read_number
from anchorhold.migrate.draft import Table
from anchorhold.migrate.upstreams import is_private
from anchorhold.migrate.words import reverse_zones, show_address, word
from anchorhold.operators import read_services

CLEAR = "dnsmasq asks in clear text; opportunistic: encrypted where the server offers it, else in clear text too"


class ServerFamily:
    """All servers. Domains that stay at home go to `local`."""

    def __init__(self, run: Run, local: LocalFamily) -> None:
        self._run = run
        self._report = run.report
        self._local = local
        self._default: list[tuple[str, int]] = []
        self._routes: dict[str, list[tuple[str, int]]] = {}
        self._standard: dict[str, int] = {}
        self._groups: dict[tuple[str, ...], str] = {}
        self._known = {
            f"udp://{show_address(ipaddress.ip_address(address))}": service
            for service in read_services()
            if "tls" in service.urls
            for address in read_server(service.urls["tls"]).addresses
        }
        """Operators' servers at their usual ports, in clear text."""

    def all(self) -> None:
        """Read the lines, then write groups and routes."""
        self._run.each(self._server, "server", "local")
        self._run.each(self._reverse, "rev-server")
        self._run.each(self._servers_file, "servers-file")
        self._run.each(self._resolv, "no-resolv", "resolv-file")
        self._run.each(self._strategy_line, "strict-order", "all-servers")
        self._write_default()
        for domain, servers in self._routes.items():
            self._write_route(domain, servers)
        for domain, place in self._standard.items():
            self._write_exception(domain, place)

    # Lines.

    def _server(self, option: Option) -> None:
        if self._local.is_bulk(option.place):
            return
        domains, rest = read_domains(option.value)
        if rest == "#" and domains:
            for domain in domains:
                self._standard[domain] = option.place
            return
        if not rest:
            if not domains:
                raise Useless("it names no server")
            for domain in domains:
                self._local.stays(domain, option.place)
            return
        self._add(domains or ["#"], self._url(rest, option), option)

    def _add(self, domains: list[str], url: str, option: Option) -> None:
        for domain in domains:
            servers = self._default if domain == "#" else self._routes.setdefault(domain, [])
            servers.append((url, option.place))

    def _url(self, text: str, option: Option) -> str:
        """`udp://ADDRESS:PORT` of `address#port@…`."""
        host, *bound = text.split("@")
        if bound:
            self._report.changed(option.place, f"questions leave by the way the kernel chooses, not by {bound[0]}")
        address, _, port = host.partition("#")
        try:
            read = read_address(address.partition("%")[0])
        except Useless:
            raise Useless(
                f"{address!r} is the name of a server; write its address, or bootstrap (docs/reference.md)"
            ) from None
        number = read_number(port, 65_535) if port else 53
        return f"udp://{show_address(read, number if number != 53 else None)}"

    def _reverse(self, option: Option) -> None:
        text, *rest = option.parts()
        if "/" not in text:
            text += "/24" if "." in text else "/64"
        domains = reverse_zones(read_network(text))
        if not rest or not rest[0]:
            for domain in domains:
                self._local.stays(domain, option.place)
            return
        self._add(domains, self._url(rest[0], option), option)

    def _servers_file(self, option: Option) -> None:
        if self._report.lines[option.place].verdict is None:
            self._report.kept(option.place)

    def _resolv(self, option: Option) -> None:
        if option.keyword == "no-resolv" or not option.value:
            self._report.kept(option.place, reason="/etc/resolv.conf is never read for servers")
            return
        self._report.dropped(
            option.place,
            "servers in such a file are not followed; write them into [upstreams.default], or let mode = iterate",
        )

    def _strategy_line(self, option: Option) -> None:
        if not self._default and not self._routes:
            self._report.dropped(option.place, "no server is named")
        elif option.keyword == "all-servers":
            self._report.changed(
                option.place,
                'each question goes to one server, the fastest; strategy = "race" would show every name to all',
                "upstreams.default.strategy",
            )
        else:
            self._report.kept(option.place, "upstreams.default.strategy")

    # What is written.

    def _write_default(self) -> None:
        resolve = self._run.draft.table("resolve")
        if self._default:
            resolve.set("mode", "forward")
            self._write_group("default", self._default)
            if not self._run.has("no-resolv"):
                self._report.advise(
                    "dnsmasq also asked the servers in /etc/resolv.conf (no no-resolv in the file); add them to "
                    "[upstreams.default] if they are wanted"
                )
            return
        comment = (
            "No server is named in the files, and /etc/resolv.conf is not read. iterate: ask the root's servers and those\n"
            'they lead to, and no operator. Or: mode = "forward", and [upstreams.default] with servers = ["tls://NAME@ADDRESS"].'
        )
        resolve.set("mode", "iterate", None, comment)
        self._report.advise(
            'no upstream is named in the files: mode = "iterate" is written, which asks no operator; '
            "`anchorhold init` lists operators to forward to instead"
        )

    def _strategy(self) -> str:
        return "failover" if self._run.has("strict-order") else "fastest"

    def _write_group(self, name: str, servers: list[tuple[str, int]]) -> Table:
        group = self._run.draft.table("upstreams").table(name)
        known = {url: self._known.get(url) for url, _ in servers}
        strict = all(known.values())
        if not strict:
            group.set(
                "profile", "opportunistic", None, CLEAR + '.\nWith tls://NAME@ADDRESS alone, "strict" can stand here.'
            )
        group.set("strategy", self._strategy())
        for url, place in servers:
            service = known[url]
            if service is None:
                where = group.add("servers", url, place)
                self._report.changed(place, CLEAR, where)
                continue
            where = group.add("servers", {"url": service.urls["tls"], "operator": service.operator}, place)
            self._report.changed(place, f"asked over TLS, as {service.operator} offers it", where)
        if not strict and not all(is_private(url) for url, _ in servers):
            group.set("discover", True)
        return group

    def _write_route(self, domain: str, servers: list[tuple[str, int]]) -> None:
        key = tuple(url for url, _ in servers)
        if key not in self._groups:
            taken = (*self._groups.values(), "default", "iterate")
            self._groups[key] = word(domain, taken, "names-without-dot")
        group = self._groups[key]
        self._write_group(group, servers)
        place = servers[0][1]
        if not domain:
            rule = self._run.draft.append("rule", place)
            rule.set("action", "route")
            rule.set("name", "names-without-dot")
            rule.set("patterns", ["^[^.]+$"])
            rule.set("upstreams", group)
            self._tell(servers, rule.path)
            return
        if domain.startswith("*"):
            self._tell(servers, "", f"here {domain.lstrip('*.')} itself goes there too")
        route = self._run.draft.append("route", place)
        route.set("domains", [domain.lstrip("*.")])
        route.set("upstreams", group)
        self._tell(servers, route.path)
        self._local.excepted(domain.lstrip("*."), place)

    def _tell(self, servers: list[tuple[str, int]], where: str, reason: str = "") -> None:
        for _, place in servers:
            self._report.changed(place, reason, where)

    def _write_exception(self, domain: str, place: int) -> None:
        shown = domain.lstrip("*.")
        if not shown:
            self._report.kept(place, reason="names without a dot go where all names go")
            return
        route = self._run.draft.append("route", place)
        route.set("domains", [shown])
        if self._default:
            route.set("upstreams", "default")
        else:
            route.set("iterate", True)
        self._report.kept(place, route.path)
        self._local.excepted(shown, place)
