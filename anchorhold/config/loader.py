"""The loader: a process that lives for one configuration, unprivileged, and ends.

It is forked by the supervisor. On the link (AF_UNIX SEQPACKET), one kind octet and a body; see `LoaderMessage`.
"""

import os
import resource
import socket
from functools import partial

import dns.rdata

from anchorhold.cells.rules import MEMORY, SEALING, SNAPSHOT, WAKE
from anchorhold.config.errors import Problem, SettingsError
from anchorhold.config.limits import MAX_FILE, MAX_LIST_FILE
from anchorhold.config.load import load
from anchorhold.config.messages import WITH_DHCP, WITH_LISTS, WITH_SECURE, LoaderMessage
from anchorhold.config.root_zone import read_root_zone
from anchorhold.config.service import Loaded
from anchorhold.sandbox import DEFAULT_USER, Network, SandboxProfile, enter, if_filtered, preload
from anchorhold.sandbox.profile import calls
from anchorhold.snapshot import MAX_LISTS, MAX_SIZE, read_sealed, seal, seal_bytes

PROFILE = SandboxProfile(
    "loader",
    DEFAULT_USER,
    calls=(
        *calls("read", "close"),
        *MEMORY,
        *SEALING,
        *SNAPSHOT,
        *calls("sendto", "recvmsg", "sendmsg", "uname"),
        *WAKE,
        # What a mistake of ours says.
        *calls("write", "exit_group"),
    ),
    network=Network.NONE,
    descriptors=64,
)
"""Which user the configuration names is not known before it is read."""

CPU_SECONDS = 30
"""A configuration that takes longer is not one; as many records as may be (`MAX_RECORDS`) take a part of it."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some editors write it; it means nothing in UTF-8."""

_WARM_UP = """
[listen]
addresses = ["127.0.0.1:5300"]
[resolve]
mode = "iterate"
[[route]]
domains = ["xn--bcher-kva.example"]
upstreams = "default"
[[route]]
domains = ["stub.example"]
authorities = ["192.0.2.1"]
[upstreams.default]
servers = [
    "tls://dns.example@192.0.2.1",
    { url = "odoh://target.example", relay = "https://relay.test@192.0.2.2/relay" },
]
[[local]]
zone = "local.example"
records = ["@ A 192.0.2.1"]
[dns64]
prefixes = ["64:ff9b::/96"]
[dnssec]
trust_anchors = ["corp.example. DNSKEY 257 3 13 AAAA"]
[[dnssec.negative]]
zone = "broken.example"
reason = "an example"
until = 2030-01-01
[dhcp]
options = { ntp-servers = "192.0.2.1" }
options6 = { dns-servers = "2001:db8::1" }
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "eth0"
pools = ["192.0.2.100-192.0.2.199"]
[[dhcp.advertise]]
interface = "eth0"
[secure]
listen = ["tls://127.0.0.1:8530"]
name = "dns.home.arpa"
[schedules.night]
windows = ["daily 21:00-07:00"]
[[rule]]
action = "block"
services = ["youtube"]
patterns = ["^ad[0-9]"]
types = ["AAAA"]
schedule = "night"
[[rule]]
action = "rewrite"
safe_search = ["all"]
[lists]
ads = "https://lists.example/ads.txt"
"""

_WARM_UP_ROOT = """. 1 SOA a. b. 1 1 1 1 1
. 1 NS a.
a. 1 A 192.0.2.1
a. 1 AAAA 2001:db8::1
. 1 DNSKEY 257 3 8 AAAA
a. 1 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
. 1 NSEC a. NS SOA
. 1 RRSIG NSEC 8 0 1 20300101000000 20200101000000 1 . AAAA
. 1 ZONEMD 1 1 1 {digest}
""".format(digest="0" * 96)


def run(link: socket.socket, config: int, file: str, generation: int) -> int:
    """Give up every right, load what is in the descriptor `config`, which is called `file`, answer."""
    # Everything a configuration can make us import or open, while our own files can still be read.
    load(_WARM_UP, "")
    read_root_zone(_WARM_UP_ROOT)
    dns.rdata.load_all_types()  # type: ignore[no-untyped-call]
    preload(*_optional("idna", "idna.uts46data", "idna.idnadata"))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    folder = os.path.dirname(os.path.abspath(file))
    enter(if_filtered(PROFILE))
    try:
        text = _read_text(config, file)
        read = partial(fetch, link)
        answer(link, load(text, file, generation, read, socket.gethostname(), folder, processors))
    except SettingsError as error:
        refuse(link, str(error))
    return 0


def _optional(*names: str) -> tuple[str, ...]:
    """Those of `names` that are installed."""
    from importlib.util import find_spec

    return tuple(name for name in names if find_spec(names[0]) is not None)


def _read_text(descriptor: int, file: str) -> str:
    data = b""
    while len(data) <= MAX_FILE and (piece := os.read(descriptor, 65_536)):
        data += piece
    if len(data) > MAX_FILE:
        raise SettingsError(file, (Problem(0, "", f"it is larger than {MAX_FILE} octets", "is it the right file?"),))
    return decode_text(data, file)


def decode_text(data: bytes, file: str) -> str:
    """TOML is UTF-8. Raises SettingsError with the line of the first octet that is not."""
    try:
        return data.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(file, (Problem(line, "", "this is not UTF-8", "save the file as UTF-8"),)) from None


def answer(link: socket.socket, loaded: Loaded) -> None:
    """Send the parts, each sealed in a memfd of its own."""
    parts = (loaded.front, loaded.resolver, loaded.keeper, loaded.service, loaded.dhcp, loaded.secure, loaded.lists)
    descriptors = [seal(part, MAX_LISTS if part is loaded.lists else MAX_SIZE) for part in parts if part is not None]
    further = ((loaded.dhcp, WITH_DHCP), (loaded.secure, WITH_SECURE), (loaded.lists, WITH_LISTS))
    mask = sum(bit for part, bit in further if part is not None)
    socket.send_fds(link, [bytes((LoaderMessage.LOADED, mask))], descriptors)


def refuse(link: socket.socket, text: str) -> None:
    """Send what is wrong; a memfd, because it may be long."""
    socket.send_fds(link, [bytes((LoaderMessage.REFUSED,))], [seal_bytes(text.encode("utf-8", "replace"))])


def fetch(link: socket.socket, path: str) -> bytes:
    """The content of a file the configuration names, opened by the supervisor. Raises OSError."""
    link.send(bytes((LoaderMessage.FILE,)) + os.fsencode(path))
    data, descriptors, _, _ = socket.recv_fds(link, 4_096, 1)
    if not descriptors:
        raise OSError(5, data.decode("utf-8", "replace") or "the supervisor is gone")
    content = read_sealed(descriptors[0], MAX_LIST_FILE)
    os.close(descriptors[0])
    return content
