import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchorhold import secret, snapshot
from anchorhold.config.load import load as load_config
from anchorhold.config.service import ServiceSettings
from anchorhold.secret import seal_copy
from anchorhold.snapshot import (
    MAX_SIZE,
    check_sealed,
    load,
    load_mapped,
    map_sealed,
    new_memfd,
    read_sealed,
    seal,
    seal_bytes,
)
from resolver.settings import FrontSettings, ResolverSettings
from wire.errors import Malformed

TEXT = """\
[listen]
addresses = ["127.0.0.1:5300", "[::1]:5300"]
[clients.kids]
networks = ["10.0.0.1"]
[upstreams.default]
strategy = "spread"
servers = ["https://dns.example@192.0.2.1", "tls://192.0.2.2"]
[[route]]
domains = ["corp.example"]
upstreams = "default"
"""


@contextmanager
def sealed(value: object) -> Iterator[int]:
    descriptor = seal(value)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_settings_come_out_as_they_went_in() -> None:
    loaded = load_config(TEXT, "a.toml")
    kinds = (FrontSettings, ResolverSettings, ServiceSettings)
    for value, kind in zip((loaded.front, loaded.resolver, loaded.service), kinds, strict=True):
        with sealed(value) as descriptor:
            assert load(descriptor, kind) == value
            assert load(descriptor, kind) == value, "a second reader starts at the beginning too"
            check_sealed(descriptor)
            assert load_mapped(descriptor, kind) == value


def test_nobody_can_change_what_is_sealed() -> None:
    with sealed({"a": 1}) as descriptor:
        for change in (
            lambda: os.pwrite(descriptor, b"x", 0),
            lambda: os.ftruncate(descriptor, 0),
            lambda: os.ftruncate(descriptor, 100),
            lambda: fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
        ):
            with pytest.raises(PermissionError):
                change()


def test_what_is_not_sealed_is_refused() -> None:
    descriptor = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb"), pytest.raises(Malformed, match="not sealed"):
        read_sealed(descriptor)
    reading, writing = os.pipe()
    with open(reading), open(writing, "w"), pytest.raises(Malformed, match="not in a memfd"):
        read_sealed(reading)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"\x81\xaageneration\xa11"])
def test_what_does_not_decode_is_malformed(data: bytes) -> None:
    descriptor = seal_bytes(len(data).to_bytes(8, "little") + data)
    try:
        for reading in (load, load_mapped):
            with pytest.raises(Malformed, match="do not decode"):
                reading(descriptor, FrontSettings)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("data", [b"", b"\0", b"\2" + bytes(7) + b"\x80", b"\0" * 8 + b"\x80"])
def test_what_is_not_as_long_as_it_says_is_not_even_mapped(data: bytes) -> None:
    descriptor = seal_bytes(data)
    try:
        for reading in (check_sealed, lambda one: load(one, FrontSettings)):
            with pytest.raises(Malformed, match="shorter or longer"):
                reading(descriptor)
    finally:
        os.close(descriptor)


def test_a_mapped_snapshot_has_a_ceiling_too() -> None:
    descriptor = seal_bytes((1 << 40).to_bytes(8, "little"))
    try:
        with pytest.raises(Malformed, match="larger"):
            load_mapped(descriptor, FrontSettings)
    finally:
        os.close(descriptor)
    with pytest.raises(Malformed, match="cannot be mapped"):
        load_mapped(descriptor, FrontSettings)


def test_a_snapshot_has_a_ceiling() -> None:
    with pytest.raises(ValueError, match="at most"):
        seal_bytes(bytes(MAX_SIZE + 1))


# Where there are no sealed memfds


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(snapshot, "SEALING", False)
    monkeypatch.setattr(secret, "SEALING", False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_without_memfd_settings_travel_in_a_file_without_a_name(nameless: Path) -> None:
    with sealed({"a": 1}) as descriptor:
        assert load(descriptor, dict) == {"a": 1}
        assert list(nameless.iterdir()) == []
        for change in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 0)):
            with pytest.raises(OSError, match=r"Bad file descriptor|Invalid argument"):
                change()
        assert bytes(map_sealed(descriptor)) == read_sealed(descriptor)


def test_what_can_be_written_or_has_a_name_is_refused_there_too(nameless: Path) -> None:
    path = nameless / "named"
    path.write_bytes(b"x")
    with path.open("rb") as named, pytest.raises(Malformed, match="without a name"):
        read_sealed(named.fileno())
    with tempfile.TemporaryFile() as writable, pytest.raises(Malformed, match="not sealed"):
        read_sealed(writable.fileno())
    read, write = os.pipe()
    with open(read, "rb"), open(write, "wb"), pytest.raises(Malformed, match="without a name"):
        read_sealed(read)


def test_a_file_that_was_never_sealed_keeps_no_other_from_it(nameless: Path) -> None:
    spoilt = new_memfd()
    os.write(spoilt, b"old")
    os.close(spoilt)
    descriptor = seal_bytes(b"new")
    assert read_sealed(descriptor) == b"new"
    os.close(descriptor)


def test_a_secret_is_copied_there_by_a_process_of_its_own(nameless: Path) -> None:
    path = nameless / "key"
    path.write_bytes(b"k" * 40)
    with path.open("rb") as source:
        descriptor = seal_copy(source.fileno(), 32)
    assert read_sealed(descriptor) == b"k" * 33
    os.close(descriptor)
