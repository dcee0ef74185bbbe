"""What `[secure]` says of certificates, and what `anchorhold check` says of those that are there."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from anchorhold.certificates.authority import chain_pem, issue, key_pem, make_authority, new_key
from anchorhold.certificates.settings import AcmeSettings, Challenge, Kind, RenewSettings, UpdateServer
from anchorhold.certificates.subjects import read_subjects
from anchorhold.cli import main
from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from net import clock
from wire.units import Epoch

BASE = '[listen]\naddresses = ["192.168.1.1:53", "127.0.0.1:5300"]\n[upstreams.default]\nservers = ["tls://dns.example@127.0.0.1"]\n'
ACME = '[secure]\nlisten = ["tls://192.168.1.1"]\nname = "dns.example.net"\ncertificate = "acme"\n[secure.acme]\n'
DIRECTORY = 'directory = "https://acme.example/directory"\n'


def renewal(text: str) -> RenewSettings:
    secure = load(BASE + text, "/etc/a/anchorhold.toml").service.secure
    assert secure is not None
    return secure.renewal


def problems(text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(BASE + text, "/etc/a/anchorhold.toml")
    return str(refused.value)


def test_a_private_certificate_is_for_our_name_and_wherever_we_listen_also_in_clear() -> None:
    text = '[secure]\nlisten = ["tls://[fd00::1]", "https://192.168.1.1"]\nname = "dns.home.arpa"\n'
    addresses = ("fd00::1", "192.168.1.1", "127.0.0.1")
    assert renewal(text) == RenewSettings(Kind.PRIVATE, ("dns.home.arpa",), addresses)


def test_labels_of_clients_are_one_below_our_name() -> None:
    text = '[clients.kids]\nnetworks = ["192.168.1.64/26"]\n[secure]\nlisten = ["tls://192.168.1.1"]\nname = "dns.home.arpa"\n'
    assert renewal(text + '[secure.clients]\ntablet = "kids"\n').names == ("dns.home.arpa", "*.dns.home.arpa")


def test_who_listens_at_every_address_has_the_machine_asked_which_those_are() -> None:
    found = renewal('[secure]\nlisten = ["tls://0.0.0.0", "tls://[::]"]\n')
    assert (found.machine, found.addresses, found.names) == (True, ("192.168.1.1", "127.0.0.1"), ("dns.home.arpa",))


def test_files_are_only_looked_at() -> None:
    text = '[secure]\nlisten = ["tls://192.168.1.1"]\ncertificate = "files"\nchain = "c.pem"\nkey = "k.pem"\n'
    assert renewal(text) == RenewSettings(Kind.FILES, chain="/etc/a/c.pem")


def test_acme_is_read_whole() -> None:
    text = f"""{ACME}{DIRECTORY}contact = ["mailto:you@example.net"]
terms_agreed = true
challenge = "dns-01"
authorities = "ca.pem"
wait = 5
[secure.acme.update]
server = "192.0.2.53"
zone = "Example.NET"
key = "acme.key"
"""
    found = renewal(text)
    assert (found.kind, found.names) == (Kind.ACME, ("dns.example.net",))
    assert found.acme == AcmeSettings(
        "https://acme.example/directory",
        ("mailto:you@example.net",),
        True,
        Challenge.DNS,
        "/etc/a/ca.pem",
        UpdateServer("192.0.2.53", "example.net", "/etc/a/acme.key"),
        wait=5.0,
    )
    hook = renewal(f'{ACME}{DIRECTORY}challenge = "dns-01"\nhook = ["/usr/bin/hook", "-x"]\n').acme
    assert hook is not None
    assert hook.hook == ("/usr/bin/hook", "-x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[secure]\nlisten = ["tls://192.168.1.1"]\nname = "a.b"\ncertificate = "acme"\n', "no authority is named"),
        ('[secure]\nlisten = ["tls://192.168.1.1"]\n[secure.acme]\n' + DIRECTORY, 'it is for certificate = "acme"'),
        (ACME + 'directory = "http://acme.example/"\n', "is no directory of an authority; write the https:// URL"),
        (ACME + 'directory = "https://[::1"\n', "is no directory of an authority"),
        (ACME + DIRECTORY + 'contact = ["you"]\n', "acme.contact[0]: 'you' is no mail address"),
        (ACME + DIRECTORY + 'challenge = "dns-01"\n', "nothing says how the TXT record is set"),
        (ACME + DIRECTORY + 'hook = ["/bin/x"]\n', "update and hook are for dns-01"),
        (ACME + DIRECTORY + 'challenge = "dns-01"\nhook = ["x"]\n', "'x' is no whole path"),
        (ACME + DIRECTORY + 'challenge = "tls-alpn-01"\n', "challenge"),
        (ACME + 'contact = []\n', "directory"),
        (ACME.replace("dns.example.net", "") + DIRECTORY, "an authority signs for a name"),
        ('[secure]\nlisten = ["tls://192.168.1.1"]\nname = "resolver"\n', "is no host name for a certificate"),
        (
            ACME + DIRECTORY + 'challenge = "dns-01"\n[secure.acme.update]\nserver = "ns"\nzone = "a b"\nkey = ""\n',
            "'ns' is no IP address",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_what_to_write(text: str, says: str) -> None:
    assert says in problems(text)


# `anchorhold check`.


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_pair(tmp_path, ("dns.home.arpa",), ("127.0.0.1",))
    (tmp_path / "a.toml").write_text(f"""
[service]
state = "{tmp_path}/state"
[listen]
addresses = ["127.0.0.1:5300"]
[upstreams.default]
servers = ["tls://dns.example@127.0.0.1"]
[secure]
listen = ["tls://127.0.0.1:8530"]
name = "dns.home.arpa"
certificate = "files"
chain = "chain.pem"
key = "key.pem"
""")
    return tmp_path


def write_pair(folder: Path, names: tuple[str, ...], addresses: tuple[str, ...], ago: int = 0, days: int = 30) -> None:
    wanted, key, authority_key = read_subjects(names, addresses), new_key(), new_key()
    now = Epoch(clock.date() - ago * 86_400)
    leaf = issue(make_authority(authority_key, wanted, now), authority_key, key.public_key(), wanted, (now, days))
    (folder / "chain.pem").write_bytes(chain_pem([leaf]))
    (folder / "key.pem").write_bytes(key_pem(key))
    (folder / "key.pem").chmod(0o600)


def check(folder: Path) -> tuple[int, list[str], list[str]]:
    """The exit code, the errors, the warnings about certificates."""
    done = CliRunner().invoke(main, ["check", str(folder / "a.toml"), "--json"])
    found = json.loads(done.stdout)
    errors = [f"{one['path']}: {one['what']}; {one['hint']}" for one in found["errors"]]
    return done.exit_code, errors, [one for one in found.get("warnings", []) if one.startswith("secure: ")]


def test_a_good_pair_is_no_news(files: Path) -> None:
    assert check(files) == (0, [], [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: write_pair(f, ("other.example",), ("127.0.0.1",)), "secure: the certificate is not for dns.home.arpa; get"),
        (lambda f: write_pair(f, ("dns.home.arpa",), (), ago=40), "secure: the certificate ended on"),
        (lambda f: (f / "key.pem").write_bytes(key_pem(new_key())), "secure: the key is not that of the first certificate; name"),
        (lambda f: (f / "key.pem").write_bytes(b"x"), "secure: it holds no private key in PEM form"),
        (lambda f: (f / "chain.pem").write_bytes((f / "key.pem").read_bytes()), "are chain and key mixed up"),
        (lambda f: (f / "chain.pem").unlink(), "secure.chain: "),
        (lambda f: (f / "key.pem").unlink(), "secure.key: "),
        (lambda f: (f / "key.pem").chmod(0o604), "secure.key: everybody on this machine may read the key; chmod o= "),
    ],
)  # fmt: skip
def test_what_no_client_would_accept_is_an_error(files: Path, change, says: str) -> None:  # type: ignore[no-untyped-def]
    change(files)
    code, errors, _ = check(files)
    assert code == 2
    assert says in "\n".join(errors)


def test_what_will_not_last_or_lacks_an_address_is_a_warning(files: Path) -> None:
    write_pair(files, ("dns.home.arpa",), (), ago=20)
    code, errors, warned = check(files)
    assert (code, errors) == (0, [])
    assert "in 9 days" in warned[0]
    assert "not for the address 127.0.0.1" in warned[1]


def test_ours_is_judged_where_it_is(files: Path) -> None:
    text = (files / "a.toml").read_text().replace('certificate = "files"\nchain = "chain.pem"\nkey = "key.pem"\n', "")
    (files / "a.toml").write_text(text)
    assert check(files) == (0, [], [])
    (files / "state/certificates").mkdir(parents=True)
    write_pair(files / "state/certificates", ("dns.home.arpa",), (), ago=20)
    assert "in 9 days" in check(files)[2][0]


# `anchorhold certs`: the run itself is a process of its own, see tests/interop/test_certificates.py.


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where who has become `nobody` finds its way."""
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path / "state"


def certs(state: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["certs", words[0], "--state", str(state), *words[1:]])
    return done.exit_code, done.output


def test_the_commands_make_show_and_hand_out_a_certificate(state: Path, tmp_path: Path) -> None:
    assert certs(state, "show")[0] == 1
    assert "anchorhold certs init" in certs(state, "pin")[1]
    code, said = certs(state, "init", "--name", "dns.home.arpa", "--address", "192.168.1.1")
    assert code == 0, said
    assert "dns.home.arpa, 192.168.1.1" in said
    code, text = certs(state, "show", "--json")
    shown = json.loads(text)
    assert (shown["certificate"]["names"], shown["certificate"]["addresses"]) == (["dns.home.arpa"], ["192.168.1.1"])
    assert shown["authority"]["permitted"] == ["dns.home.arpa", "192.168.0.0/16"]
    assert shown["failures"] == 0
    assert certs(state, "pin") == (0, shown["certificate"]["pin"] + "\n")
    assert "days left    29" in certs(state, "show")[1]
    code, text = certs(state, "page", str(tmp_path / "page"), "--url", "http://192.168.1.1/")
    assert code == 0
    assert {Path(line).name for line in text.split()} >= {"index.html", "authority.crt", "anchorhold-tls.mobileconfig"}
    assert certs(state, "renew")[0] == 0
    assert certs(state, "pin") == (0, shown["certificate"]["pin"] + "\n")
    assert certs(state, "renew", "--new-key")[0] == 0
    assert certs(state, "pin") != (0, shown["certificate"]["pin"] + "\n")


def test_a_second_authority_a_wrong_name_and_damage_are_refused(state: Path) -> None:
    assert certs(state, "init", "--name", "resolver")[0] == 2
    assert certs(state, "init")[0] == 0
    code, said = certs(state, "init")
    assert (code, "nothing was changed" in said) == (2, True)
    (state / "certificates/chain.pem").write_bytes(b"x")
    code, said = certs(state, "show")
    assert code == 2
    assert "certificates/chain.pem is damaged" in said


def test_files_are_shown_and_not_renewed(files: Path) -> None:
    config = str(files / "a.toml")
    done = CliRunner().invoke(main, ["certs", "show", "--config", config, "--json"])
    assert json.loads(done.output)["certificate"]["names"] == ["dns.home.arpa"]
    for command in ("renew", "init"):
        assert CliRunner().invoke(main, ["certs", command, "--config", config]).exit_code == 2
