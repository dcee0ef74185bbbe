"""Groups of records that zones are composed of. Master file text relative to the zone's origin; `{n}` is the zone's
number, `{other}` another zone's origin. Addresses in the data are documentation prefixes: nobody is asked there.
"""

PLAIN = """
@ A 192.0.2.{n}
@ AAAA 2001:db8:{n}::1
@ MX 10 mail
@ MX 20 mail.{other}
@ TXT "v=spf1 mx -all"
@ TXT "second" "string"
@ CAA 0 issue "ca.example"
@ HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.{n}
www A 192.0.2.{n}
www A 192.0.2.{n1}
www AAAA 2001:db8:{n}::2
MixEd.Case A 192.0.2.{n}
mail A 192.0.2.25
mail AAAA 2001:db8:{n}::25
only4 A 192.0.2.4
only6 AAAA 2001:db8:{n}::6
"""

TYPES = """
_sip._tcp SRV 0 5 5060 sip
_sip._tcp SRV 10 5 5060 sip.{other}
sip A 192.0.2.60
_443._tcp.www TLSA 3 1 1 0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6
_8443._https.svc SVCB 1 svc.{other} port=8443
alias-mode HTTPS 0 www
svc SVCB 16 www alpn=h2 mandatory=alpn
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
naptr NAPTR 100 20 "s" "SIP+D2T" "" _sip._tcp
ptr PTR www.{other}
host HINFO "RISC" "OS"
host LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
host SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
host RP admin www
host AFSDB 1 www
host KX 10 www
host URI 10 1 "https://example.com/path"
host CERT 1 0 0 AQID
host DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
host OPENPGPKEY AQIDBA==
host SMIMEA 3 0 0 d2abde240d7cd3ee6b4b28c54df034b9
host APL 1:192.0.2.0/24 !2:2001:db8::/32
host TYPE65280 \\# 4 01020304
host EUI48 00-00-5e-00-53-2a
"""

WILD = """
*.wild A 192.0.2.{n}
*.wild TXT "wild"
host.wild A 192.0.2.8
deep.sub.wild TXT "makes sub.wild an empty non-terminal"
*.wild6 AAAA 2001:db8:{n}::77
*.wildalias CNAME www
*.wildabroad CNAME www.{other}
*.wildnowhere CNAME nowhere
*.below.wildent A 192.0.2.9
literal.*.star A 192.0.2.10
*.mx.wildmx MX 10 mail
"""

EMPTY = """
a.very.deep.ent A 192.0.2.{n}
b.very.deep.ent TXT "sibling"
one.two.three.four.five.six.seven.eight.nine.ten.eleven.twelve A 192.0.2.12
ent-with-data.ent2 A 192.0.2.{n}
x.ent-with-data.ent2 A 192.0.2.{n1}
"""

ALIASES = """
c1 CNAME c2
c2 CNAME c3
c3 CNAME www
d1 CNAME d2
d2 CNAME d3
d3 CNAME d4
d4 CNAME d5
d5 CNAME d6
d6 CNAME d7
d7 CNAME d8
d8 CNAME only4
abroad CNAME www.{other}
there-and-back CNAME back.{other}
back CNAME c1.{other}
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
dangling CNAME nowhere
dangling-abroad CNAME nowhere.{other}
dangling-tld CNAME www.no-such-zone.alpha.
nodata-alias CNAME only6
alias-to-ent CNAME deep.ent
to-wild CNAME any.wild
to-apex CNAME @
MixedAlias CNAME WWW
"""

LARGE = "\n".join(
    (
        *(f"many4 A 203.0.113.{number}" for number in range(1, 181)),
        *(f"many6 AAAA 2001:db8:{{n}}::{number}" for number in range(1, 61)),
        *(f"manymx MX {number} mail{number}.with-a-rather-long-label-to-fill-the-packet" for number in range(1, 61)),
        "longtxt TXT " + " ".join(f'"{number:03d}{"long " * 19}"' for number in range(40)),
        "onelong TXT " + " ".join(f'"{number:016d}"' for number in range(250)),
        "middletxt TXT " + " ".join(f'"{number:03d}{"text " * 23}"' for number in range(10)),
        "to-many CNAME many4",
        "",
    )
)

ODD_NAMES = """
under_score A 192.0.2.{n}
with\\.dot A 192.0.2.{n}
space\\032in A 192.0.2.{n}
nul\\000octet A 192.0.2.{n}
high\\255\\254 A 192.0.2.{n}
\\034quoted\\034 TXT "x"
at\\@sign TXT "x"
semi\\;colon TXT "x"
back\\\\slash TXT "x"
xn--bcher-kva A 192.0.2.{n}
-dash- A 192.0.2.{n}
0123456789 A 192.0.2.{n}
label-of-63-octets-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx A 192.0.2.{n}
a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z TXT "many labels"
{longest} TXT "255 octets"
"""

TTLS = """
zero 0 A 192.0.2.{n}
zero 0 TXT "gone at once"
one 1 A 192.0.2.{n}
week 604800 A 192.0.2.{n}
most 2147483647 A 192.0.2.{n}
zero-alias 0 CNAME www
to-zero CNAME zero
"""

DNAMES = """
dn DNAME target
a.target A 192.0.2.{n}
b.target CNAME www
deep.er.target TXT "below"
target MX 10 mail
dn-abroad DNAME wild.{other}
dn-nowhere DNAME nowhere
dn-self DNAME self.dn-self
to-dn CNAME a.dn
dn-chain DNAME dn
dn-long DNAME a-long-label-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.another-long-label-xxxxxxxxxxxxxxxxxxxxxxxxxxxx.target
dn TXT "beside the DNAME"
"""

ALL = (PLAIN, TYPES, WILD, EMPTY, ALIASES, LARGE, ODD_NAMES, TTLS, DNAMES)

_MAX_NAME = 255


def compose(origin: str, other: str, number: int, *blocks: str) -> str:
    """The text of `blocks` for the zone `origin`; `other` is the zone that its aliases and servers lead to."""
    words = {"{n}": str(number), "{n1}": str(number + 1), "{other}": other, "{longest}": _longest(origin)}
    text = "".join(blocks)
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _longest(origin: str) -> str:
    """A relative name that makes 255 octets together with `origin`."""
    room = _MAX_NAME - sum(len(label) + 1 for label in origin.split("."))
    labels = []
    while room > 1:
        size = min(room - 1, 63)
        size -= room - 1 - size == 1  # one octet left would be a label without a letter
        labels.append("l" * size)
        room -= size + 1
    return ".".join(labels)
