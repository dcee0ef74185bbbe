"""The lab's own signatures and NSEC3 chains, checked by BIND's dnssec-verify: what differs later is not their fault."""

import subprocess
import time
from pathlib import Path

import pytest
from kit.peers import peer
from lab.model import Signing
from lab.tree import TREE
from lab.zones import build


@pytest.mark.peer("dnssec-verify")
def test_every_signed_zone_of_the_lab_is_signed_as_it_should_be(tmp_path: Path) -> None:
    verify = peer("dnssec-verify")
    signed = [one for one in build(TREE, int(time.time())).values() if one.zone.signing is not Signing.NONE]
    wrong = {}
    for content in signed:
        path = tmp_path / "zone"
        path.write_text(content.text)
        command = [verify, "-z", "-q", "-o", content.zone.origin, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            wrong[content.zone.origin] = done.stderr
    assert {zone.origin for zone in TREE if zone.expired} == set(wrong), wrong
    assert len(signed) >= 30
