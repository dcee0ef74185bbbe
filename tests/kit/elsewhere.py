"""Python as it is on macOS, as far as its modules have other names there: what only Linux has is taken away before anything of
ours is imported. It shows which of our code needs Linux; it does not show how macOS behaves."""

import ctypes
import errno
import fcntl
import os
import platform
import re
import resource
import select
import selectors
import signal
import socket
import sys
import sysconfig
import time
import types
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from kit.children import ended

GONE = {
    os: r"memfd_create|MFD_.*|pidfd_open|P_PIDFD|[sg]etres[ug]id|eventfd.*|EFD_.*|splice|SPLICE_.*|copy_file_range"
    r"|sched_.*affinity"
    r"|posix_fa.*|POSIX_FADV_.*|O_TMPFILE|O_PATH|O_DIRECT|O_NOATIME|fdatasync|pipe2|getrandom|GRND_.*|unshare|setns|CLONE_.*|waitid"
    r"|get.*xattr|set.*xattr|list.*xattr|remove.*xattr|XATTR_.*",
    socket: r"AF_(?!INET6?$|UNIX$|UNSPEC$|ROUTE$|LINK$|SYSTEM$).*|PF_PACKET|PACKET_.*|NETLINK_.*|CAN_.*|ALG_.*|SOL_ALG|VMADDR_.*"
    r"|SOCK_CLOEXEC|SOCK_NONBLOCK|SO_(BINDTODEVICE|DOMAIN|PROTOCOL|PEERCRED|PASSCRED|PASSSEC|PEERSEC|MARK|PRIORITY|INCOMING_CPU)"
    r"|TCP_(CORK|DEFER_ACCEPT|INFO|LINGER2|QUICKACK|SYNCNT|USER_TIMEOUT|WINDOW_CLAMP|CONGESTION)|IP_(TRANSPARENT|PKTINFO)"
    r"|IP_(BIND_ADDRESS_NO_PORT|RECVORIGDSTADDR)|MSG_(CMSG_CLOEXEC|CONFIRM|ERRQUEUE|FASTOPEN|MORE|NOSIGNAL)|UDPLITE_.*",
    fcntl: r"F_(ADD_SEALS|GET_SEALS|SEAL_.*|SETPIPE_SZ|GETPIPE_SZ|NOTIFY|SETLEASE|GETLEASE|SETSIG|GETSIG|OFD_.*)|DN_.*",
    select: r"epoll|EPOLL.*",
    signal: r"sigwaitinfo|sigtimedwait|SIGRT.*|SIGPWR|SIGPOLL|SIGSTKFLT|pidfd_send_signal",
    resource: r"prlimit|RLIMIT_(MSGQUEUE|NICE|RTPRIO|RTTIME|SIGPENDING|OFILE)",
    time: r"CLOCK_(BOOTTIME|TAI|HIGHRES|PROF)|pthread_getcpuclockid|clock_settime.*",
}

FUNCTIONS = {
    "prctl",
    "capset",
    "capget",
    "unshare",
    "mount",
    "umount2",
    "signalfd",
    "mallopt",
    "memfd_create",
    "syscall",
}
"""Of the C library that are not there."""


def become() -> None:
    """From now on, and in every copy of this process."""
    # It keeps what it has read, and what it would read for macOS is not here.
    sysconfig.get_config_vars()
    sys.platform = "darwin"
    for module, names in GONE.items():
        for name in [name for name in dir(module) if re.fullmatch(names, name)]:
            delattr(module, name)
    platform.mac_ver = lambda *_: ("14.0", ("", "", ""), "arm64")
    # There it is the one of kqueue.
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[misc]
    del selectors.EpollSelector
    told = os.uname()
    os.uname = lambda: os.uname_result(("Darwin", told.nodename, "23.0.0", "Darwin", "arm64"))
    socket.socketpair = _without_records(socket.socketpair)  # type: ignore[assignment]
    socket.socket = _Socket  # type: ignore[misc]
    os.sendfile = _only_to_sockets  # type: ignore[assignment]
    ctypes.CDLL = _Library  # type: ignore[misc,assignment]
    # urllib asks the system for proxies there.
    proxies = types.ModuleType("_scproxy")
    proxies._get_proxy_settings = proxies._get_proxies = dict  # type: ignore[attr-defined]
    sys.modules["_scproxy"] = proxies


OTHERS = (
    "aioquic.quic.connection",
    "click",
    "cryptography.x509",
    "dns.zone",
    "h2.connection",
    "pydantic",
    "rich.table",
)
"""What others wrote and most of ours import."""


def import_each(modules: Sequence[str], folder: str) -> None:
    """Import each of `anchorhold.MODULE` in a copy of this process, which has OTHERS and nothing of ours; print the exit codes.
    What one writes to standard error is in a file of `folder` by its name."""
    for other in OTHERS:
        import_module(other)
    for module in modules:
        print(module, ended(partial(_import, module, folder)), flush=True)


def _import(module: str, folder: str) -> None:
    os.dup2(os.open(f"{folder}/{module}", os.O_WRONLY | os.O_CREAT), 2)
    import_module(f"anchorhold.{module}")


class _Socket(socket.socket):
    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        if family == socket.AF_UNIX and type == socket.SOCK_SEQPACKET and fileno is None:
            raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
        super().__init__(family, type, proto, fileno)


def _without_records(real):  # type: ignore[no-untyped-def]
    def socketpair(family=None, type=socket.SOCK_STREAM, proto=0):  # type: ignore[no-untyped-def]
        if type == socket.SOCK_SEQPACKET:
            raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
        return real(family, type, proto)

    return socketpair


def _only_to_sockets(*_: object) -> int:
    raise OSError(errno.ENOTSOCK, "Socket operation on non-socket")


class _Library(ctypes.CDLL):
    def __getattr__(self, name: str) -> object:
        if name in FUNCTIONS:
            raise AttributeError(f"dlsym(RTLD_DEFAULT, {name}): symbol not found")
        return super().__getattr__(name)
