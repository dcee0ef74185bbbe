"""Every keyword of dnsmasq (2.90 to 2.93), and what becomes of those that say nothing we have a setting for.

`HANDLED` are read by the code of their family. Of the others the reason stands here, which is all that happens to them.
"""

_HANDLED = """
    interface bind-interfaces bind-dynamic listen-address except-interface port local-service no-dhcp-interface
    no-dhcpv4-interface no-dhcpv6-interface
    domain domain-suffix server local rev-server address servers-file no-resolv resolv-file strict-order all-servers
    host-record cname mx-host mx-target srv-host ptr-record txt-record naptr-record caa-record dns-rr interface-name
    addn-hosts hostsdir no-hosts expand-hosts bogus-priv domain-needed stop-dns-rebind rebind-domain-ok rebind-localhost-ok
    filter-A filter-AAAA filter-rr cache-size min-cache-ttl max-cache-ttl max-ttl neg-ttl local-ttl no-negcache
    use-stale-cache dnssec trust-anchor dnssec-check-unsigned proxy-dnssec edns-packet-max user
    dhcp-range dhcp-host dhcp-option dhcp-option-force dhcp-option-pxe dhcp-boot dhcp-vendorclass dhcp-userclass dhcp-mac
    dhcp-circuitid dhcp-remoteid dhcp-match dhcp-name-match dhcp-ignore dhcp-ignore-names dhcp-authoritative
    dhcp-leasefile dhcp-lease dhcp-rapid-commit no-ping shared-network enable-ra ra-param read-ethers dhcp-fqdn
    conf-file conf-dir dhcp-hostsfile dhcp-hostsdir dhcp-optsfile dhcp-optsdir
"""
HANDLED = frozenset(_HANDLED.split())

KEPT = {
    "localise-queries": "for answers by network: clients = [...] in [[local]]",
    "keep-in-foreground": "`anchorhold run` stays in the foreground; the unit file does the rest",
    "no-daemon": "`anchorhold run` stays in the foreground",
    "no-0x20-encode": "the case of letters in questions is left alone",
    "no-ident": "nothing tells strangers which program this is",
    "quiet-dhcp": "no lease is ever logged",
    "quiet-dhcp6": "no lease is ever logged",
    "quiet-ra": "no advertisement is ever logged",
    "strip-mac": "no client's hardware address ever leaves",
    "strip-subnet": "no client's network ever leaves",
    "clear-on-reload": "a changed configuration never answers from before it",
    "dhcp-no-override": "`sname` and `file` hold options only where these do not fit otherwise",
}
"""Nothing is written for these, and nothing is lost."""

_PRIVACY = "it would show others who asks what, which this service never does: "
_TFTP = "there is no TFTP server here; run one beside, and name it in next_server: "
_PXE = "network boot menus are not served; boot_file and next_server are, also for each architecture: "
_AUTH = (
    "this is a resolver for its own network and publishes nothing; an authoritative server (NSD, Knot) is for that: "
)
_OFFICIOUS = "programs are not run for leases; read `anchorhold leases list --json`: "
_BOUNDS = "bounded otherwise, see [limits]: "
_LOGGING = "names, addresses and leases are not logged: "
_PORTS = "a new port for each question, from all there are, is what makes answers hard to forge: "
_FIREWALL = "the firewall is not touched by this service: "

DROPPED = {
    "log-queries": _LOGGING + "`anchorhold blocked --for 15m` and `anchorhold explain` are for finding a fault",
    "log-dhcp": _LOGGING + "log_clients_until in [dhcp] is for finding a fault",
    "log-facility": _LOGGING + "what there is to say goes to standard error, that is, to the journal",
    "log-async": _LOGGING + "logging holds nothing up here",
    "log-debug": _LOGGING + "`anchorhold status` tells more",
    "dumpfile": _LOGGING + "packets are not either",
    "dumpmask": _LOGGING + "packets are not either",
    "quiet-tftp": _TFTP + "nothing to be quiet about",
    "add-mac": _PRIVACY + "the hardware address of each client",
    "add-subnet": _PRIVACY + "the network of each client (ECS)",
    "add-cpe-id": _PRIVACY + "an identifier of this household",
    "umbrella": _PRIVACY + "identifiers of device and organisation",
    "dhcp-generate-names": _PRIVACY + "names made of hardware addresses",
    "script-arp": _PRIVACY + "every device that is in the house",
    "query-port": _PORTS + "one port for all",
    "min-port": _PORTS + "fewer ports",
    "max-port": _PORTS + "fewer ports",
    "port-limit": _PORTS + "fewer ports",
    "do-0x20-encode": "the case of letters in questions is left alone; ports, numbers and cookies protect the answers",
    "auth-server": _AUTH + "auth-server",
    "auth-zone": _AUTH + "auth-zone; the names themselves can be [[local]] zones",
    "auth-soa": _AUTH + "auth-soa",
    "auth-ttl": _AUTH + "auth-ttl",
    "auth-peer": _AUTH + "auth-peer",
    "auth-sec-servers": _AUTH + "auth-sec-servers",
    "conf-script": "a program that writes configuration is not run; run it yourself and migrate what it prints",
    "dhcp-script": _OFFICIOUS + "dhcp-script",
    "dhcp-luascript": _OFFICIOUS + "dhcp-luascript",
    "dhcp-scriptuser": _OFFICIOUS + "dhcp-scriptuser",
    "script-on-renewal": _OFFICIOUS + "script-on-renewal",
    "leasefile-ro": _OFFICIOUS + "leases are kept in the state directory",
    "dhcp-relay": "no relay is in this service; a relay on the router (or Kea's, or dnsmasq itself) can speak to this server",
    "dhcp-split-relay": "no relay is in this service",
    "dhcp-proxy": "a relay's identifier is not taken on; relays = [...] in [dhcp] names those that are heard",
    "leasequery": "leases are told to nobody on the network",
    "enable-tftp": _TFTP + "enable-tftp",
    "tftp-root": _TFTP + "tftp-root",
    "tftp-secure": _TFTP + "tftp-secure",
    "tftp-lowercase": _TFTP + "tftp-lowercase",
    "tftp-max": _TFTP + "tftp-max",
    "tftp-mtu": _TFTP + "tftp-mtu",
    "tftp-no-blocksize": _TFTP + "tftp-no-blocksize",
    "tftp-no-fail": _TFTP + "tftp-no-fail",
    "tftp-port-range": _TFTP + "tftp-port-range",
    "tftp-single-port": _TFTP + "tftp-single-port",
    "tftp-unique-root": _TFTP + "tftp-unique-root",
    "pxe-service": _PXE + "pxe-service",
    "pxe-prompt": _PXE + "pxe-prompt",
    "dhcp-pxe-vendor": _PXE + "vendor = [...] in [dhcp.classes.NAME] names such clients",
    "ipset": _FIREWALL + "ipset",
    "nftset": _FIREWALL + "nftset",
    "connmark-allowlist": _FIREWALL + "groups of clients and [[rule]] decide who may resolve what",
    "connmark-allowlist-enable": _FIREWALL + "groups of clients and [[rule]] decide who may resolve what",
    "conntrack": _FIREWALL + "conntrack",
    "alias": "addresses in answers are not rewritten; give the name its address in a [[local]] zone",
    "bogus-nxdomain": 'a list of your own does that: [lists.NAME] format = "rpz", with rpz-ip',
    "ignore-address": 'a list of your own does that: [lists.NAME] format = "rpz", with rpz-ip',
    "filterwin2k": "it also takes away SRV records that telephony needs; a [[rule]] with types = [...] says it exactly",
    "synth-domain": "names are not made of addresses; [[local]] takes records, also with $GENERATE in its file",
    "dynamic-host": "addresses of this machine's interfaces are not followed; write the record into a [[local]] zone",
    "localmx": "no MX record is made up for machines; write it into a [[local]] zone",
    "selfmx": "no MX record is made up for machines; write it into a [[local]] zone",
    "dhcp-broadcast": "the answer goes where the client asks for it (RFC 2131 section 4.1)",
    "dhcp-alternate-port": "DHCP has one port (RFC 2131 section 4.1)",
    "bootp-dynamic": "BOOTP clients get no address",
    "bridge-interface": "name the bridge itself as interface of the subnet",
    "dhcp-client-update": "no client changes names by itself",
    "dhcp-duid": "this server has a DUID of its own, kept in the state directory",
    "dhcp-ignore-clid": "a device is known by its client identifier if it has one, else by its hardware address",
    "dhcp-lease-max": _BOUNDS + "a pool ends where its range ends",
    "dhcp-reply-delay": "answers are not delayed",
    "dhcp-sequential-ip": "addresses are chosen so that they tell nothing of the device",
    "dhcp-subscrid": "clients are told apart by circuit and remote, not by subscriber",
    "dhcp-ttl": "names of devices have 60 seconds at most",
    "tag-if": "tags are not computed from tags; write the classes of a device into its [[dhcp.host]], or one class for each case",
    "no-poll": "nothing is read again unless SIGHUP says so",
    "no-round-robin": "the order of addresses is the server's, or mixed",
    "cache-rr": "answers of every type are cached",
    "dns-forward-max": _BOUNDS + "dns-forward-max",
    "max-tcp-connections": _BOUNDS + "tcp_clients",
    "fast-dns-retry": _BOUNDS + "a question is repeated as its server's speed suggests",
    "dns-loop-detect": "a question that comes back to this service is recognised by itself",
    "dnssec-debug": "an answer that cannot be proved is not given out; `anchorhold explain` says why",
    "dnssec-limits": _BOUNDS + "the work for one answer is bounded",
    "dnssec-no-timecheck": "while the clock is wrong only the time servers' names are resolved, then all is checked",
    "dnssec-timestamp": "while the clock is wrong only the time servers' names are resolved, then all is checked",
    "group": "processes have the group of their user",
    "pid-file": "there is none; the service manager knows",
    "enable-dbus": "no D-Bus; `anchorhold status --json` tells",
    "enable-ubus": "no ubus; `anchorhold status --json` tells",
    "help": "it is a command, not a setting",
    "version": "it is a command, not a setting",
    "test": "it is a command, not a setting: anchorhold check FILE",
}
"""Nothing is written for these; the reason says what is there instead."""

KEYWORDS = HANDLED | KEPT.keys() | DROPPED.keys()

_FLAGS = """
    all-servers bind-dynamic bind-interfaces bogus-priv clear-on-reload conntrack dhcp-authoritative dhcp-client-update
    dhcp-fqdn dhcp-ignore-clid dhcp-no-override dhcp-rapid-commit dhcp-sequential-ip dns-loop-detect dnssec dnssec-debug
    dnssec-no-timecheck do-0x20-encode domain-needed enable-ra expand-hosts filter-A filter-AAAA filterwin2k help
    keep-in-foreground leasefile-ro localise-queries localmx log-debug log-dhcp no-0x20-encode no-daemon no-hosts no-ident
    no-negcache no-ping no-poll no-resolv no-round-robin proxy-dnssec quiet-dhcp quiet-dhcp6 quiet-ra quiet-tftp read-ethers
    rebind-localhost-ok script-arp script-on-renewal selfmx stop-dns-rebind strict-order strip-mac strip-subnet test
    tftp-lowercase tftp-no-blocksize tftp-no-fail tftp-secure tftp-single-port version
"""
FLAGS = frozenset(_FLAGS.split())
"""Keywords without a value."""

_OPTIONAL = """
    add-mac add-subnet bootp-dynamic cache-size conf-file connmark-allowlist-enable dhcp-alternate-port dhcp-broadcast
    dhcp-generate-names dhcp-ignore-names dhcp-leasefile dhcp-proxy dnssec-check-unsigned enable-dbus enable-tftp
    enable-ubus fast-dns-retry group leasequery local-service log-async log-queries pid-file resolv-file tftp-unique-root
    umbrella use-stale-cache user
"""
OPTIONAL = frozenset(_OPTIONAL.split())
"""Keywords whose value may be missing."""

_ONCE = """
    add-cpe-id add-subnet auth-server auth-soa auth-ttl cache-size connmark-allowlist-enable dhcp-alternate-port dhcp-duid
    dhcp-lease dhcp-lease-max dhcp-leasefile dhcp-reply-delay dhcp-script dhcp-scriptuser dhcp-ttl dns-forward-max
    dnssec-limits dnssec-timestamp dumpfile dumpmask edns-packet-max enable-dbus enable-ubus fast-dns-retry group
    local-service local-ttl log-async log-facility max-cache-ttl max-port max-tcp-connections max-ttl min-cache-ttl min-port
    mx-target neg-ttl pid-file port port-limit query-port servers-file tftp-max tftp-mtu tftp-port-range umbrella
    use-stale-cache user
"""
ONCE = frozenset(_ONCE.split())
"""Keywords that are an error when they come again in the same file."""
