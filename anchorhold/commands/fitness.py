"""`anchorhold check --upstreams`: is each upstream fit for a resolver that validates?"""

from pathlib import Path

import click

from anchorhold.config.service import Loaded
from anchorhold.examination import ASKED, Examined, Finding
from anchorhold.terminal import CommandFailed, Exit, print_json, printable
from anchorhold.upstreams import Examinee, examine_one, examinees

NOT_ASKED = "not asked: only private zones go there, and those are not validated"


def check_upstreams(file: Path, loaded: Loaded, as_json: bool) -> None:
    """A line for each upstream: what was found, what it means, what to do. Raises CommandFailed (1) if one is unfit."""
    every = examinees(loaded.resolver)
    if not every:
        click.echo("no upstreams in this configuration: everything is asked of the authoritative servers themselves")
        return
    asked = [one for one in every if one.asked]
    _say(f"asking {len(asked)} of {len(every)} upstreams directly, by this command and now: {ASKED}")
    found: list[tuple[Examinee, Examined | None]] = []
    for one in every:
        if one.asked:
            _say(f"[{asked.index(one) + 1}/{len(asked)}] {one.spec.label} …")
        examined = examine_one(loaded.resolver, one) if one.asked else None
        found.append((one, examined))
        if not as_json:
            click.echo(_line(one, examined))
    if as_json:
        print_json({"file": str(file), "asked": ASKED, "upstreams": [_row(*pair) for pair in found]})
    unfit = sum(examined is not None and bool(examined.findings) for _, examined in found)
    if unfit:
        raise CommandFailed(Exit.NEGATIVE, f"{unfit} of {len(asked)} upstreams are not fit")


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _line(one: Examinee, examined: Examined | None) -> str:
    label = f"{one.spec.label} ({one.spec.operator}; group {', '.join(one.groups)})"
    if examined is None:
        return printable(f"{label}: {NOT_ASKED}")
    if not examined.findings:
        proof = "" if examined.verified else "; its answers were not verified, for the root is not validated here"
        return printable(f"{label}: fit{proof}")
    return printable(f"{label}: {'; also '.join(map(_words, examined.findings))}")


def _words(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.fault.what}{detail}. It means: {finding.fault.means}. To do: {finding.fault.remedy}"


def _row(one: Examinee, examined: Examined | None) -> dict[str, object]:
    findings = () if examined is None else examined.findings
    return {
        "upstream": one.spec.label,
        "operator": one.spec.operator,
        "groups": list(one.groups),
        "asked": 0 if examined is None else examined.asked,
        "fit": None if examined is None else not findings,
        "verified": examined is not None and examined.verified,
        "findings": [_finding(finding) for finding in findings],
    }


def _finding(finding: Finding) -> dict[str, object]:
    fault = finding.fault
    return {
        "fault": fault.name.lower().replace("_", "-"),
        "found": fault.what,
        "detail": finding.detail,
        "means": fault.means,
        "to_do": fault.remedy,
    }
