"""The keywords of unbound.conf (of 1.26: util/configlexer.lex), and the fate of those whose fate is always the same.

Those in `READ` are looked at by the modules beside this one; what these leave unsaid is told with `LEFT`.
"""

from anchorhold.migrate.report import Verdict


def _words(text: str) -> list[str]:
    return text.split()


CLAUSES = frozenset(
    _words(
        "server stub-zone forward-zone auth-zone rpz view remote-control python dynlib dnstap dnscrypt cachedb ipset"
    )
)

ARGUMENTS = {
    **dict.fromkeys(
        _words(
            "access-control interface-action local-zone wait-limit-netblock wait-limit-cookie-netblock local-zone-tag"
            " access-control-tag access-control-view interface-tag interface-view ratelimit-for-domain ratelimit-below-domain"
            " response-ip-tag response-ip response-ip-data tcp-connection-limit edns-client-string"
        ),
        2,
    ),
    **dict.fromkeys(
        _words(
            "access-control-tag-action access-control-tag-data interface-tag-action interface-tag-data local-zone-override"
        ),
        3,
    ),
}
"""How many values a keyword has, where it is not one."""

READ = frozenset(
    _words("""
    access-control access-control-tag access-control-tag-action access-control-tag-data access-control-view allow-notify
    auto-trust-anchor-file cache-max-negative-ttl cache-max-ttl cache-min-ttl cache-min-negative-ttl define-tag
    directory chroot dns64-ignore-aaaa dns64-prefix do-ip4 do-ip6 do-nat64 domain-insecure fallback-enabled for-downstream
    for-upstream forward-addr forward-first forward-host forward-no-cache forward-ssl-upstream forward-tcp-upstream
    forward-tls-upstream http-endpoint https-port incoming-num-tcp interface interface-automatic ip-address ip-ratelimit
    local-data local-data-ptr local-zone local-zone-override local-zone-tag master max-udp-size module-config
    msg-cache-size name nat64-prefix port prefer-ip4 prefer-ip6 prefetch primary private-address private-domain
    qname-minimisation qname-minimisation-strict quic-port root-hints rpz-action-override rpz-cname-override rpz-log
    rpz-log-name rpz-signal-nxdomain-ra rrset-cache-size serve-expired serve-expired-client-timeout
    serve-expired-reply-ttl serve-expired-ttl serve-expired-ttl-reset ssl-port ssl-service-key
    ssl-service-pem ssl-upstream stub-addr stub-first stub-host stub-no-cache stub-prime stub-ssl-upstream
    stub-tcp-upstream stub-tls-upstream tags tcp-idle-timeout tcp-upstream tls-port tls-service-key
    tls-service-pem tls-upstream trust-anchor trust-anchor-file unblock-lan-zones insecure-lan-zones url username
    val-bogus-ttl view-first zonefile
    """)
)
"""What becomes of these depends on their values."""

BUILT_IN = dict.fromkeys(
    _words("""
    aggressive-nsec deny-any do-daemonize do-tcp do-udp ede edns-tcp-keepalive harden-below-nxdomain harden-dnssec-stripped
    harden-glue harden-short-bufsize hide-identity hide-trustanchor hide-version hide-http-user-agent minimal-responses
    pad-queries pad-responses answer-cookie prefetch-key tls-use-sni val-clean-additional so-reuseport use-systemd
    use-caps-for-id
    """),
    "yes",
) | dict.fromkeys(
    _words(
        "ignore-cd-flag http-notls-downstream val-permissive-mode zonemd-permissive-mode serve-original-ttl disable-edns-do"
        " do-not-query-localhost"
    ),
    "no",
)
"""What is so here without a setting: yes or no."""

_TUNING = "this program finds it by itself; limits are in [limits] and [cache]"
_LOG = "names and addresses are not logged here; to find a fault: anchorhold explain, status, log_names in [privacy]"
_SUBNET = "a client's network is never told to servers"
_EXPERT = "there is no such setting here"
_OWN = "a matter of that program's own running; see [service]"
_REMOTE = "the control socket of [listen] does this; only who may open it can use it"
_SPOOF = "forged answers are made hard by other means: ports, ids, cookies, encryption, proofs"
_SHARED = "answers are kept in memory alone, in no database"
_CODE = "no code of others runs inside this program"

_GROUPS: tuple[tuple[Verdict, str, str], ...] = (
    (
        Verdict.DROPPED,
        _TUNING,
        """
        num-threads outgoing-range outgoing-port-permit outgoing-port-avoid outgoing-num-tcp tcp-mss outgoing-tcp-mss
        max-reuse-tcp-queries tcp-reuse-timeout tcp-auth-query-timeout edns-tcp-keepalive-timeout sock-queue-timeout
        http-max-streams http-query-buffer-size http-response-buffer-size http-nodelay quic-size so-rcvbuf so-sndbuf
        stream-wait-size edns-buffer-size msg-buffer-size msg-cache-slabs rrset-cache-slabs infra-host-ttl infra-lame-ttl
        infra-cache-slabs infra-cache-numhosts infra-cache-lame-size infra-cache-min-rtt infra-cache-max-rtt
        infra-keep-probing num-queries-per-thread jostle-timeout delay-close udp-connect target-fetch-policy
        key-cache-size key-cache-slabs neg-cache-size unknown-server-time-limit discard-timeout wait-limit
        wait-limit-cookie wait-limit-netblock wait-limit-cookie-netblock ratelimit ip-ratelimit-slabs ratelimit-slabs
        ip-ratelimit-size ratelimit-size ratelimit-for-domain ratelimit-below-domain ip-ratelimit-factor
        ratelimit-factor ip-ratelimit-backoff ratelimit-backoff ip-ratelimit-cookie outbound-msg-retry max-sent-count
        max-query-restarts low-rtt fast-server-num low-rtt-pct low-rtt-permil fast-server-permil rrset-roundrobin
        udp-upstream-without-downstream tcp-connection-limit iter-scrub-ns iter-scrub-cname iter-scrub-rrsig
        max-global-quota max-transfer-size max-transfer-time iter-scrub-promiscuous pad-responses-block-size
        pad-queries-block-size val-max-restart""",
    ),
    (
        Verdict.DROPPED,
        _LOG,
        """
        verbosity logfile use-syslog log-identity log-time-ascii log-time-iso log-queries log-replies
        log-tag-queryreply log-local-actions log-servfail log-destaddr log-thread-id val-log-level
        statistics-interval statistics-cumulative extended-statistics statistics-inhibit-zero shm-enable shm-key
        dnstap-enable dnstap-bidirectional dnstap-socket-path dnstap-ip dnstap-tls dnstap-tls-server-name
        dnstap-tls-cert-bundle dnstap-tls-client-key-file dnstap-tls-client-cert-file dnstap-send-identity
        dnstap-send-version dnstap-identity dnstap-version dnstap-log-resolver-query-messages
        dnstap-log-resolver-response-messages dnstap-log-client-query-messages dnstap-log-client-response-messages
        dnstap-log-forwarder-query-messages dnstap-log-forwarder-response-messages dnstap-sample-rate""",
    ),
    (
        Verdict.DROPPED,
        _SUBNET,
        """
        send-client-subnet client-subnet-zone client-subnet-always-forward client-subnet-opcode max-client-subnet-ipv4
        max-client-subnet-ipv6 min-client-subnet-ipv4 min-client-subnet-ipv6 max-ecs-tree-size-ipv4
        max-ecs-tree-size-ipv6 edns-client-string edns-client-string-opcode""",
    ),
    (
        Verdict.DROPPED,
        _REMOTE,
        """
        control-enable control-interface control-port control-use-cert server-key-file server-cert-file
        control-key-file control-cert-file""",
    ),
    (Verdict.DROPPED, _CODE, "python-script dynlib-file"),
    (
        Verdict.DROPPED,
        _SHARED,
        """
        backend cachedb-no-store cachedb-check-when-serve-expired redis-server-host redis-replica-server-host
        redis-server-port redis-replica-server-port redis-server-path redis-replica-server-path redis-server-password
        redis-replica-server-password redis-timeout redis-replica-timeout redis-command-timeout
        redis-replica-command-timeout redis-connect-timeout redis-replica-connect-timeout redis-expire-records
        redis-logical-db redis-replica-logical-db""",
    ),
    (
        Verdict.DROPPED,
        _SPOOF,
        """
        caps-whitelist caps-exempt unwanted-reply-threshold harden-large-queries harden-unverified-glue
        harden-referral-path harden-algo-downgrade harden-unknown-additional do-not-query-address""",
    ),
    (
        Verdict.DROPPED,
        _OWN,
        """
        pidfile outgoing-interface interface-automatic-ports ip-transparent ip-freebind ip-dscp secret-seed
        tls-session-ticket-keys tls-ciphers tls-ciphersuites tls-protocols tls-win-cert tls-system-cert identity version
        nsid http-user-agent cookie-secret cookie-secret-file""",
    ),
    (
        Verdict.DROPPED,
        "DNSCrypt is not served; tls://, https://, quic:// and h3:// are: docs/guide/encrypted.md",
        """
        dnscrypt-enable dnscrypt-port dnscrypt-provider dnscrypt-secret-key dnscrypt-provider-cert
        dnscrypt-provider-cert-rotated dnscrypt-shared-secret-cache-size dnscrypt-shared-secret-cache-slabs
        dnscrypt-nonce-cache-size dnscrypt-nonce-cache-slabs""",
    ),
    (Verdict.DROPPED, "addresses in answers are not told to a firewall", "name-v4 name-v6"),
    (
        Verdict.DROPPED,
        "keys for a network tunnel are not made out of answers",
        """
        ipsecmod-enabled ipsecmod-ignore-bogus ipsecmod-hook ipsecmod-max-ttl ipsecmod-whitelist ipsecmod-allow
        ipsecmod-strict""",
    ),
    (
        Verdict.DROPPED,
        "answers are changed by their addresses in lists of the format rpz alone",
        """
        response-ip response-ip-tag response-ip-data""",
    ),
    (
        Verdict.DROPPED,
        "groups of clients are told apart by their addresses: networks in [clients.NAME]",
        """
        interface-action interface-tag interface-tag-action interface-tag-data interface-view""",
    ),
    (Verdict.DROPPED, "who asks through a proxy is not told apart", "proxy-protocol-port"),
    (
        Verdict.DROPPED,
        "anything but the proof of a signature is no proof",
        """
        dlv-anchor dlv-anchor-file trusted-keys-file trust-anchor-signaling root-key-sentinel val-override-date
        val-sig-skew-min val-sig-skew-max fake-dsa fake-sha1 val-nsec3-keysize-iterations disable-dnssec-lame-check
        zonemd-check zonemd-reject-absence""",
    ),
    (
        Verdict.KEPT,
        "the root's keys are followed as RFC 5011 has it",
        """
        add-holddown del-holddown keep-missing permit-small-holddown""",
    ),
    (
        Verdict.CHANGED,
        "the system's authorities are trusted; others: ca_file of a server in [upstreams.NAME]",
        "tls-cert-bundle ssl-cert-bundle",
    ),
    (
        Verdict.DROPPED,
        _EXPERT,
        """
        dns64-synthall ede-serve-expired dns-error-reporting additional-ssl-port additional-tls-port
        tls-additional-ports tls-additional-port""",
    ),
)

FIXED: dict[str, tuple[Verdict, str]] = {
    keyword: (verdict, reason) for verdict, reason, keywords in _GROUPS for keyword in keywords.split()
}

LEFT: dict[str, str] = {
    "python": _CODE,
    "dynlib": _CODE,
    "remote-control": _REMOTE,
    "dnstap": _LOG,
    "cachedb": _SHARED,
}

KEYWORDS = CLAUSES | READ | BUILT_IN.keys() | FIXED.keys()
"""All."""
