"""What dnsmasq takes and refuses (`dnsmasq --test`), our reader takes and refuses."""

import subprocess
from pathlib import Path

import pytest
from kit.migrated import CORPUS, FOUND
from kit.peers import peer

from anchorhold.migrate.dnsmasq import migrate
from anchorhold.migrate.dnsmasq_keywords import FLAGS, KEYWORDS, ONCE, OPTIONAL
from anchorhold.migrate.reading import Reader

NEWER = frozenset(
    {"dnssec-limits", "dhcp-split-relay", "leasequery", "max-tcp-connections", "do-0x20-encode", "no-0x20-encode"}
)
"""Of dnsmasq later than 2.90."""
ACTING = frozenset({"help", "version", "test", "conf-dir", "conf-script", "dhcp-hostsdir", "dhcp-optsdir"})
"""Keywords that do something when they are read."""


def reading_by_dnsmasq(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [peer("dnsmasq"), "--test", "-C", str(file)],
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def takes(file: Path) -> bool:
    return reading_by_dnsmasq(file).returncode == 0


def is_refused(file: Path) -> bool:
    """Whether our reader says that dnsmasq itself refuses one of the lines."""
    return any("itself refuses" in line.reason for line in migrate((file,), Reader()).report.lines)


@pytest.mark.parametrize("file", sorted(path.name for path in CORPUS.glob("*.conf")))
def test_dnsmasq_takes_the_corpus_and_so_do_we(file: str) -> None:
    assert takes(CORPUS / file)
    assert not is_refused(CORPUS / file)


if FOUND:

    @pytest.mark.parametrize("file", FOUND, ids=lambda path: path.name)
    def test_dnsmasq_takes_what_others_wrote_and_so_do_we(file: Path) -> None:
        done = reading_by_dnsmasq(file)
        assert done.returncode == 0 or "No such file or directory" in done.stderr
        assert not is_refused(file)


FORMS = (
    *((f"{keyword}=1", "a flag with a value") for keyword in sorted(FLAGS - NEWER - ACTING)),
    *((keyword, "a missing value") for keyword in sorted(KEYWORDS - FLAGS - OPTIONAL - NEWER - ACTING)),
    *(
        (f"{keyword}=1\n{keyword}=1", "there twice")
        for keyword in ("port", "cache-size", "dhcp-lease-max", "local-ttl")
    ),
    ("no-such-option", "unknown"),
    ("--port=53", "dashes"),
    ('txt-record=a.example,"open', "an open quote"),
    ("Port=53", "capital letters"),
)


@pytest.mark.parametrize(("text", "why"), FORMS)
def test_what_dnsmasq_refuses_we_refuse(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "dnsmasq.conf"
    file.write_text(f"no-hosts\n{text}\n")
    assert (why, is_refused(file)) == (why, not takes(file))


GOOD = (
    "bogus-priv",
    "port = 53",
    "port=53 # said",
    'txt-record=a.example,"b,c # d"',
    "cache-size=",
    "dhcp-leasefile = ",
    "  no-resolv  ",
)


@pytest.mark.parametrize("text", GOOD)
def test_what_dnsmasq_takes_we_take(text: str, tmp_path: Path) -> None:
    file = tmp_path / "dnsmasq.conf"
    file.write_text(f"{text}\n")
    assert (takes(file), is_refused(file)) == (True, False)


def test_the_keywords_that_may_come_once_are_known() -> None:
    assert ONCE <= KEYWORDS
