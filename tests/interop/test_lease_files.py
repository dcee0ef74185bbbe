"""Lease files, as the servers that they are for read them: dnsmasq answers the names in ours, Kea's own cleaner agrees
with our reading.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit.peers import peer, unshared

from anchorhold.leases import dnsmasq, kea
from anchorhold.leases.rows import Row
from net.clock import date

HEAD = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
MAC = "02:00:5e:10:00:01"


def row(kind: str, address: str, identifier: tuple[str, str], name: str, **more: object) -> Row:
    known = {"kind": identifier[0], "octets": identifier[1]}
    made: Row = {"kind": kind, "address": address, "name": name, "subnet": "192.0.2.0/24", "iaid": 0, "length": 32}
    return {**made, "until": int(date()) + 3_600, "duration": 3_600, "identifier": known, **more}


ROWS = [
    row("address4", "192.0.2.20", ("client", "0102005e100001"), "laptop"),
    row("address4", "192.0.2.21", ("hardware", "02005e100002"), "tv"),
    row("address4", "192.0.2.22", ("client", "ff00000001aabb"), "odd"),
    row("address6", "2001:db8::5", ("duid", "0003000102005e100001"), "laptop", iaid=7, length=128),
]


def test_dnsmasq_takes_over_what_we_export_and_we_what_it_writes(tmp_path: Path) -> None:
    file = tmp_path / "leases"
    text, left = dnsmasq.write(ROWS)
    assert [] == left
    file.write_text(text)
    for program in ("ip", "dnsmasq"):
        peer(program)
    script = Path(__file__).with_name("dnsmasq_names.py")
    done = subprocess.run(
        [*unshared("--net"), sys.executable, script, peer("dnsmasq"), file, "laptop", "tv", "odd"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert ["laptop 192.0.2.20 2001:db8::5", "tv 192.0.2.21", "odd 192.0.2.22"] == done.stdout.splitlines()
    # It wrote the file anew at its start, its own DUID and all.
    assert "duid " in file.read_text()
    ours, theirs = dnsmasq.read(text, "ours"), dnsmasq.read(file.read_text(), "theirs")
    assert ([], []) == (ours.wrong, theirs.wrong)
    assert {
        (one.address, one.until, one.hardware, one.client_id, one.duid, one.iaid, one.name) for one in ours.leases
    } == {(one.address, one.until, one.hardware, one.client_id, one.duid, one.iaid, one.name) for one in theirs.leases}


KEPT = [
    f"192.0.2.30,{MAC},01:{MAC},3600,1800003600,1,0,0,tv.home.arpa.,0,",
    f"192.0.2.31,{MAC},,3600,1800003600,1,0,0,,0,",
    f"192.0.2.32,{MAC},,3600,1800003600,1,0,0,a&#x2cb,0,",
    f"192.0.2.30,{MAC},01:{MAC},3600,1800009999,1,0,0,tv.home.arpa.,0,",
    f"192.0.2.31,{MAC},,0,1800003600,1,0,0,,0,",
    "192.0.2.33,,,86400,1800003600,1,0,0,,1,",
    "192.0.2.36,,ff:00:00:00:01:aa:bb,3600,1800003600,1,0,0,,0,",
    f"192.0.2.37,{MAC},,3600,1800003600,1,0,0,,2,",
]


def cleaned(folder: Path, text: str) -> str:
    """What Kea's lease file cleaner makes of a file."""
    (folder / "copy").write_text(text)
    names = {"-x": "previous", "-i": "copy", "-o": "output", "-f": "finish", "-p": "pid", "-c": "unused"}
    ways = [word for way, name in names.items() for word in (way, str(folder / name))]
    subprocess.run(
        [peer("kea-lfc"), "-4", *ways],
        env={**os.environ, "KEA_LOCKFILE_DIR": "none"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return (folder / "previous").read_text()


@pytest.mark.parametrize("count", range(1, len(KEPT) + 1))
def test_kea_s_own_cleaner_keeps_the_leases_that_we_read(tmp_path: Path, count: int) -> None:
    text = HEAD + "\n".join(KEPT[:count]) + "\n"
    before, after = kea.read(text, "file"), kea.read(cleaned(tmp_path, text), "file")
    assert ([], []) == (before.wrong, after.wrong)
    assert {(one.address, one.until, one.name) for one in before.leases} == {
        (one.address, one.until, one.name) for one in after.leases
    }


def test_what_we_write_for_kea_its_cleaner_keeps_whole(tmp_path: Path) -> None:
    written = kea.write(ROWS[:3], {})
    assert sorted(written.four.splitlines()) == sorted(cleaned(tmp_path, written.four).splitlines())
