"""Keys of Pi-hole's whose fate is always the same, with the reason. The first that fits counts."""

from anchorhold.migrate.report import Verdict

_KEPT, _CHANGED, _DROPPED = Verdict.KEPT, Verdict.CHANGED, Verdict.DROPPED
_NO_PAGE = "there is no web page here"
_NO_LOG = "no history of questions is kept here, so there is nothing to set"
_NO_TIME = "this is no time server; devices are told of one by ntp-servers in options of [dhcp]"

FIXED: tuple[tuple[str, Verdict, str], ...] = (
    (
        "dns.specialDomains.designatedResolver",
        _KEPT,
        "questions for resolver.arpa are answered here and never go outside",
    ),
    ("dns.EDNS0ECS", _DROPPED, "what a question says of another client (ECS) is never believed, and never sent on"),
    ("dns.blockESNI", _DROPPED, "_esni was a draft that nobody asks for any more"),
    ("dns.queryLogging", _DROPPED, "names are not logged here; log_names in [privacy] does it to find a fault"),
    ("dns.blockTTL", _DROPPED, "the time for which a blocked answer counts is fixed here"),
    ("dns.piholePTR", _DROPPED, "the addresses of this machine have the names that [[local]] gives them"),
    ("dns.replyWhenBusy", _KEPT, "lists are in memory, so there is no moment without them"),
    ("dns.ignoreLocalhost", _DROPPED, _NO_LOG),
    ("dns.showDNSSEC", _DROPPED, _NO_LOG),
    ("dns.analyzeOnlyAandAAAA", _DROPPED, _NO_LOG),
    ("dns.interface", _CHANGED, "questions are heard at the addresses in [listen]"),
    ("dns.localise", _DROPPED, "every address of a name is given out; the order is not changed by who asks"),
    ("dns.cache.upstreamBlockedTTL", _DROPPED, "answers that an upstream blocked are kept like others"),
    ("dns.reply", _DROPPED, "there is no page here whose address would be given out"),
    ("dns.upstreams", _KEPT, "none"),
    ("dns.hosts", _KEPT, "none"),
    ("dns.cnameRecords", _KEPT, "none"),
    ("dns.revServers", _KEPT, "none"),
    ("dns.domain", _KEPT, "none"),
    ("misc.dnsmasq_lines", _KEPT, "none"),
    ("misc.privacylevel", _DROPPED, _NO_LOG),
    ("misc", _DROPPED, "a setting of that program's own running"),
    ("ntp", _DROPPED, _NO_TIME),
    ("resolver", _DROPPED, "names of clients are not looked up: no table of clients is kept"),
    ("database", _DROPPED, _NO_LOG),
    ("webserver.api.pwhash", _DROPPED, "a password; who may read the control socket may use the commands"),
    ("webserver", _DROPPED, _NO_PAGE),
    ("files.pcap", _DROPPED, "nothing is recorded"),
    ("files", _DROPPED, "a path of that program's own"),
    ("debug", _DROPPED, "to find a fault: anchorhold explain, doctor, status"),
)
