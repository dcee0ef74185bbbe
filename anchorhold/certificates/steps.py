"""What to do on each kind of device, as HTML for the page; `{name}`, `{url}` and `{address}` are the resolver's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of device. `https`, `tls`, `address`: only if that is there; `private`: only with (True) or without (False) an
    authority of our own, None: in any case."""

    device: str
    lines: tuple[str, ...]
    https: bool = False
    tls: bool = False
    address: bool = False
    private: bool | None = None


_PROFILES_HTTPS = '<a href="anchorhold-https.mobileconfig">anchorhold-https.mobileconfig</a>'
_PROFILES_TLS = '<a href="anchorhold-tls.mobileconfig">anchorhold-tls.mobileconfig</a>'
_AUTHORITY = '<a href="authority.crt">authority.crt</a>'
_AUTHORITY_PEM = '<a href="authority.pem">authority.pem</a>'

_APPLE = (
    f"Open {_PROFILES_HTTPS} in Safari and allow the download.",
    "iPhone, iPad: Settings → General → VPN &amp; Device Management → the profile → Install. Mac: System Settings → "
    "General → Device Management → the profile → Install.",
)
_APPLE_TRUST = (
    "iPhone, iPad: Settings → General → About → Certificate Trust Settings, and switch the authority on. "
    "Without that nothing is resolved."
)

STEPS: tuple[Step, ...] = (
    Step(
        "iPhone, iPad, Mac",
        (*_APPLE, _APPLE_TRUST),
        https=True,
        private=True,
    ),
    Step(
        "iPhone, iPad, Mac",
        _APPLE,
        https=True,
        private=False,
    ),
    Step(
        "iPhone, iPad, Mac: by DNS over TLS instead",
        (f"The same with {_PROFILES_TLS}.",),
        tls=True,
    ),
    Step(
        "Android 9 and later",
        (
            "Settings → Network &amp; internet → Private DNS → Private DNS provider hostname: <code>{name}</code>",
            "The device must find that name by itself: the network's ordinary resolver has to know it.",
        ),
        tls=True,
        private=False,
    ),
    Step(
        "Android 9 and later",
        (
            "Leave Private DNS on <b>Automatic</b>: the device then encrypts to this resolver if the network names it, and does "
            "not look at certificates.",
            "A <b>Private DNS provider hostname</b> works only with a certificate of a public authority "
            '(<code>certificate = "acme"</code>): Private DNS does not look at authorities that people add.',
            "For browsers and apps that do: Settings → Security → Encryption &amp; credentials → Install a certificate → CA "
            f"certificate → {_AUTHORITY}",
        ),
        tls=True,
        private=True,
    ),
    Step(
        "Windows 11: trust",
        (
            f"Download {_AUTHORITY} and run as administrator: "
            "<pre><code>certutil -addstore -f Root authority.crt</code></pre>",
        ),
        private=True,
    ),
    Step(
        "Windows 11",
        (
            "As administrator: <pre><code>netsh dns add encryption server={address} dohtemplate={url} autoupgrade=yes "
            "udpfallback=no</code></pre>",
            "Settings → Network &amp; internet → the adapter → DNS server assignment → Edit → Manual: <code>{address}</code>, "
            "DNS over HTTPS: On (automatic template).",
        ),
        https=True,
        address=True,
    ),
    Step(
        "Linux: trust",
        (
            f"Debian, Ubuntu: <pre><code>sudo cp authority.pem /usr/local/share/ca-certificates/anchorhold.crt\nsudo "
            f"update-ca-certificates</code></pre> with {_AUTHORITY_PEM}",
            "Fedora: <pre><code>sudo cp authority.pem /etc/pki/ca-trust/source/anchors/anchorhold.pem\nsudo "
            "update-ca-trust</code></pre>",
        ),
        private=True,
    ),
    Step(
        "Linux with systemd-resolved",
        (
            "In <code>/etc/systemd/resolved.conf.d/anchorhold.conf</code>: <pre><code>[Resolve]\nDNS={address}#{name}\n"
            "DNSOverTLS=yes\nDomains=~.</code></pre>",
            "<pre><code>sudo systemctl restart systemd-resolved</code></pre>",
        ),
        tls=True,
        address=True,
    ),
    Step(
        "Firefox: trust",
        (
            "Settings → Privacy &amp; Security → Certificates → View Certificates → Authorities → Import → "
            f"{_AUTHORITY} → Trust this CA to identify websites.",
        ),
        private=True,
    ),
    Step(
        "Firefox",
        (
            "Settings → Privacy &amp; Security → DNS over HTTPS → Max Protection → Custom: <code>{url}</code>",
            "The name in it must be found by the system's resolver; with a private name, that is this network's own.",
        ),
        https=True,
    ),
)
"""In the order of the page."""
