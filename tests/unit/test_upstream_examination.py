"""What makes an upstream unfit for a resolver that validates is found, and `anchorhold check --upstreams` says it."""

import asyncio
import json
from functools import cache
from pathlib import Path

import dns.message
import pytest
from click.testing import CliRunner, Result
from kit import bad_upstreams
from kit.bad_upstreams import Answer, honest, served
from kit.certificates import NAME, authority
from kit.liar_thread import liar_at
from kit.signing import DATE, DAY
from kit.toytree import Tree

from anchorhold import examination
from anchorhold.cli import main
from anchorhold.examination import Examined, Fault, examine
from resolver.dnssec.anchors import Anchors, NegativeAnchor, anchors_of
from resolver.edge.upstream.port import UpstreamFailed, Why
from wire.dns.codes import QueryFlag
from wire.dns.names import ROOT
from wire.units import Epoch

LETTERS = bytes(range(32))

UNFIT = {
    "strips": Fault.STRIPS,
    "ignores_do": Fault.IGNORES_DO,
    "no_edns": Fault.NO_EDNS,
    "refuses_edns": Fault.NO_EDNS,
    "strips_denials": Fault.STRIPS_DENIALS,
    "rewrites": Fault.REWRITES,
    "refuses_cd": Fault.REFUSES_CD,
    "no_keys": Fault.NO_KEYS,
    "fails": Fault.FAILS,
    "refuses": Fault.REFUSES,
    "forges": Fault.WRONG,
}


@pytest.fixture(autouse=True)
def at_the_date_of_the_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "date", lambda: DATE)


@cache
def tree() -> Tree:
    return Tree().build()


def query_for(key: bytes, flags: int) -> dns.message.QueryMessage:
    query = dns.message.make_query(
        dns.name.from_wire(key[:-4], 0)[0], int.from_bytes(key[-4:-2], "big"), want_dnssec=bool(flags & QueryFlag.DO)
    )
    if flags & QueryFlag.CD:
        query.flags |= dns.flags.CD
    return query


def examined(answer: Answer, asked: list[str] | None = None, anchors: Anchors | None = None) -> Examined:
    async def ask(key: bytes, flags: int) -> bytes:
        query = query_for(key, flags)
        if asked is not None:
            asked.append(query.question[0].to_text())
        return answer(tree(), query).to_wire(max_size=65_535)

    return asyncio.run(examine(ask, tree().anchors() if anchors is None else anchors, LETTERS))


def test_an_honest_upstream_is_fit_and_asked_for_nothing_but_the_root_and_a_top_level_domain() -> None:
    asked: list[str] = []
    assert Examined((), True, 4) == examined(honest, asked)
    assert [". IN SOA", ". IN DNSKEY", "abcdefghijklmnop. IN A", "org. IN DS"] == asked


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_wrong_with_an_upstream_is_found(name: str) -> None:
    found = examined(getattr(bad_upstreams, name))
    assert UNFIT[name] is found.findings[0].fault
    assert not found.verified
    assert found.asked <= 8


def test_one_that_only_strips_is_told_of_one_thing() -> None:
    assert [Fault.STRIPS] == [finding.fault for finding in examined(bad_upstreams.strips).findings]


def test_signatures_that_are_over_may_be_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "date", lambda: Epoch(DATE + 30 * DAY))
    assert [Fault.UNTIMELY] == [finding.fault for finding in examined(honest).findings]


def test_without_an_anchor_of_the_root_nothing_is_verified_and_what_can_be_seen_is_found_all_the_same() -> None:
    nothing = anchors_of((), (NegativeAnchor(ROOT, "a test"),))
    assert Examined((), False, 4) == examined(honest, anchors=nothing)
    assert Fault.STRIPS is examined(bad_upstreams.strips, anchors=nothing).findings[0].fault


def test_one_that_does_not_answer_is_silent_and_one_that_stops_is_named_with_the_question() -> None:
    count = 0

    async def ask(key: bytes, flags: int) -> bytes:
        nonlocal count
        count += 1
        if count > given:
            raise UpstreamFailed(Why.TIMEOUT)
        return honest(tree(), query_for(key, flags)).to_wire(max_size=65_535)

    given = 0
    silent = asyncio.run(examine(ask, tree().anchors(), LETTERS)).findings
    given, count = 1, 0
    stopped = asyncio.run(examine(ask, tree().anchors(), LETTERS)).findings
    assert [(Fault.SILENT, "timeout")] == [(finding.fault, finding.detail) for finding in silent]
    assert [(Fault.NO_KEYS, ". DNSKEY: timeout")] == [(finding.fault, finding.detail) for finding in stopped]


def test_nonsense_is_found() -> None:
    async def ask(_key: bytes, _flags: int) -> bytes:
        return b"\xff" * 11

    (finding,) = asyncio.run(examine(ask, tree().anchors(), LETTERS)).findings
    assert Fault.NONSENSE is finding.fault


# The command.


def run(
    tmp_path: Path, servers: dict[str, int], *arguments: str, extra: str = "", option: str = "--upstreams"
) -> Result:
    record = tree().signed["."].signer.ds().to_text()
    groups = "".join(
        f'[upstreams.{name}]\nprofile = "opportunistic"\nservers = ["udp://127.0.0.1:{port}"]\n'
        for name, port in servers.items()
    )
    config = tmp_path / "anchorhold.toml"
    config.write_text(
        f'[listen]\naddresses = ["127.0.0.1:0"]\n[dnssec]\ntrust_anchors = [". DS {record}"]\n{groups}{extra}'
    )
    result = CliRunner().invoke(main, ["check", str(config), option, *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_says_what_it_asks_and_a_line_for_each_upstream(tmp_path: Path) -> None:
    with served(tree(), honest) as good, served(tree(), bad_upstreams.rewrites) as bad:
        result = run(tmp_path, {"default": good, "other": bad})
    assert 1 == result.exit_code
    fit, unfit = result.stdout.splitlines()
    assert (f"udp://127.0.0.1:{good} (127.0.0.1; group default): fit") == fit
    assert f"udp://127.0.0.1:{bad} (127.0.0.1; group other): answers for names that do not exist" in unfit
    assert ("It means: " in unfit, "To do: " in unfit) == (True, True)
    first, *progress, last = result.stderr.splitlines()
    assert "asking 2 of 2 upstreams directly, by this command and now: the root's SOA and DNSKEY" in first
    assert [f"[1/2] udp://127.0.0.1:{good} …", f"[2/2] udp://127.0.0.1:{bad} …"] == progress
    assert "Error: 1 of 2 upstreams are not fit" == last


def test_the_command_is_content_with_fit_upstreams_and_speaks_json(tmp_path: Path) -> None:
    with served(tree(), honest) as good:
        result = run(tmp_path, {"default": good}, "--json")
    assert 0 == result.exit_code
    (row,) = json.loads(result.stdout)["upstreams"]
    assert (True, True, [], ["default"], 4) == tuple(
        row[key] for key in ("fit", "verified", "findings", "groups", "asked")
    )


def test_servers_of_private_zones_only_are_not_asked(tmp_path: Path) -> None:
    routes = '[[route]]\ndomains = ["corp.example"]\nupstreams = "office"\n'
    with served(tree(), honest) as good, served(tree(), bad_upstreams.refuses) as office:
        result = run(tmp_path, {"default": good, "office": office}, extra=routes)
    assert 0 == result.exit_code
    assert "not asked: only private zones go there" in result.stdout.splitlines()[1]


def test_nothing_is_asked_without_the_option(tmp_path: Path) -> None:
    asked: list[str] = []

    def tells(tree: Tree, query: dns.message.QueryMessage) -> dns.message.Message:
        asked.append(query.question[0].to_text())
        return honest(tree, query)

    with served(tree(), tells) as port:
        assert 0 == run(tmp_path, {"default": port}, option="--json").exit_code
        assert [] == asked


@pytest.mark.parametrize("scheme", ["quic", "h3"])
def test_servers_over_quic_are_examined_like_any_other(tmp_path: Path, scheme: str) -> None:
    def answers(data: bytes, over_udp: bool) -> bytes:
        return honest(tree(), dns.message.from_wire(data)).to_wire(max_size=65_535)

    (tmp_path / "ca.pem").write_text(authority().pem)
    with liar_at(scheme, answers=answers) as liar:
        path = "/dns-query" if scheme == "h3" else ""
        server = f'{{ url = "{scheme}://{NAME}@127.0.0.1:{liar.port}{path}", ca_file = "ca.pem" }}'
        result = run(tmp_path, {}, "--json", extra=f"[upstreams.default]\nservers = [{server}]\n")
    (row,) = json.loads(result.stdout)["upstreams"]
    assert (0, True, True, 4) == (result.exit_code, row["fit"], row["verified"], row["asked"])
    assert len(liar.queries) == 4
