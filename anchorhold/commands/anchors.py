"""`anchorhold anchors`: the keys that trust begins with."""

import os
from dataclasses import replace
from pathlib import Path

import click

from anchorhold.commands.exceptions import command as except_command
from anchorhold.commands.exceptions import print_exceptions
from anchorhold.commands.key import prepare_state
from anchorhold.control_client import Answer
from anchorhold.control_path import default_state_directory
from anchorhold.keeper.files import ANCHORS, GIVEN, Damaged, GivenAnchors, GivenKey, as_time, read_points, show_record
from anchorhold.keeper.files import write_given as as_file
from anchorhold.keeper.folder import Folder, Unreadable
from anchorhold.keeper.packaged import packaged_root
from anchorhold.signed_document import SIGNER, SignatureRefused, packaged_authority, require_signature
from anchorhold.state import FOLDER_NAME, StateRefused, open_folder
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    by_cell,
    complain,
    control_option,
    json_option,
    print_json,
    print_table,
    read_file,
    rows_of,
    service_answer,
    show,
)
from anchorhold.together import together
from net.clock import date
from resolver.dnssec.algorithms import DIGESTS
from resolver.dnssec.iana import MAX_OCTETS, KeyDigest, NotAnchors, RootAnchors, read_root_anchors
from resolver.dnssec.rollover import IN_FORCE, Change, TrustPoint, changes, plant, replant
from wire.dns.names import ROOT
from wire.units import Epoch

NEXT = (
    "the service takes it over at its next start, or now: kill -HUP PID-OF-anchorhold-run (systemctl reload anchorhold)"
)

FileOption = click.Path(path_type=Path, dir_okay=False)


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  anchorhold anchors
  anchorhold anchors --json
  anchorhold anchors check --xml root-anchors.xml --signature root-anchors.p7s
  anchorhold anchors update --xml root-anchors.xml --signature root-anchors.p7s
  anchorhold anchors except broken.example --for 2h --reason "their keys expired"

Exit codes: 0 shown or done, 1 a zone has a problem or no key in force, or not confirmed, 2 the files are no use, 4 no service
answers.""",
)
@control_option
@json_option
@click.pass_context
def command(ctx: click.Context, control: Path | None, as_json: bool) -> None:
    """The keys that trust begins with, as the running service has them: of the root, and of zones in [dnssec].

    They follow their zones by themselves (RFC 5011): a new key is believed once it was seen for 30 days, a revoked one never
    again. What is not validated is shown too, and by whose will.
    """
    if ctx.invoked_subcommand is not None:
        return
    cells = by_cell(service_answer(control, {"verb": "anchors"}))
    resolver = together(cells)
    if as_json:
        print_json(resolver)
    else:
        _print_zones(resolver)
    complain(cells)
    _judge(rows_of(resolver, "zones"))


def _print_zones(resolver: Answer) -> None:
    rows = [
        [
            show(zone.get("zone")),
            show(key.get("tag")),
            show(key.get("algorithm_name") or key.get("algorithm")),
            _state(key),
            show(key.get("in_force")),
            show(key.get("since")),
            show(key.get("source")),
        ]
        for zone in rows_of(resolver, "zones")
        for key in rows_of(zone, "keys")
    ]
    print_table("trust anchors", ["zone", "key tag", "algorithm", "state", "in force", "since", "source"], rows)
    looks = [
        [show(zone.get(column)) for column in ("zone", "last_look", "next_look", "problem")]
        for zone in rows_of(resolver, "zones")
    ]
    print_table("looks at their keys", ["zone", "last", "next", "problem"], looks)
    print_exceptions(resolver)
    keeper = resolver.get("keeper")
    if isinstance(keeper, dict) and not keeper.get("kept"):
        why = show(keeper.get("why_not_kept") or "the keeper says nothing yet")
        click.echo(f"warning: nothing is kept ({why}): after a restart all begins with what is packaged", err=True)


def _state(key: Answer) -> str:
    left = key.get("left")
    return (
        f"{show(key.get('state'))}, {left / 86_400:.1f} days left" if isinstance(left, int) else show(key.get("state"))
    )


def _judge(zones: list[Answer]) -> None:
    """What is not as it should be goes into the exit code."""
    if not zones:
        raise CommandFailed(
            Exit.NEGATIVE, "the keeper has not said anything yet; the anchors of the configuration count"
        )
    for zone in zones:
        if not any(key.get("in_force") for key in rows_of(zone, "keys")):
            name = show(zone.get("zone"))
            raise CommandFailed(Exit.NEGATIVE, f"no key of {name} is in force; for the root: anchorhold anchors update")
        if zone.get("problem"):
            raise CommandFailed(Exit.NEGATIVE, f"the last look at {show(zone.get('zone'))}: {show(zone['problem'])}")


command.add_command(except_command)


def document_options(function: click.decorators.FC) -> click.decorators.FC:
    """`--xml`, `--signature`, `--ca` and `--state`."""
    for decorate in (
        click.option(
            "--state",
            type=click.Path(path_type=Path, file_okay=False),
            help="State directory.  [default: $STATE_DIRECTORY, else the place the service uses]",
        ),
        click.option(
            "--ca", type=FileOption, help="Authorities that may vouch for the signer, PEM.  [default: ICANN's]"
        ),
        click.option("--signature", type=FileOption, required=True, help="root-anchors.p7s beside it."),
        click.option("--xml", type=FileOption, required=True, help="root-anchors.xml, as IANA publishes it."),
    ):
        function = decorate(function)
    return function


@command.command(
    epilog="""\b
Example:
  anchorhold anchors check --xml root-anchors.xml --signature root-anchors.p7s

Exit codes: 0 genuine, 2 not genuine or no use."""
)
@document_options
@json_option
def check(xml: Path, signature: Path, ca: Path | None, state: Path | None, as_json: bool) -> None:
    """Verify IANA's file and show what it would change. Nothing is written, nothing is fetched."""
    now = date()
    document = _genuine(xml, signature, ca, now)
    point = _present(state or default_state_directory(), now)
    _show(document, point, now, as_json)


@command.command(
    epilog=f"""\b
Examples:
  anchorhold anchors update --xml root-anchors.xml --signature root-anchors.p7s
  sudo anchorhold anchors update --xml FILE --signature FILE --state /var/lib/anchorhold --yes

Exit codes: 0 done, 1 not confirmed, 2 not genuine, no use or cannot be written.

Needs the program openssl. The signer must be {SIGNER}."""
)
@document_options
@click.option("--yes", is_flag=True, help="Do not ask, even if a key goes.")
@json_option
def update(xml: Path, signature: Path, ca: Path | None, state: Path | None, yes: bool, as_json: bool) -> None:
    """Take over the root's keys from IANA's file, after its signature was verified. Nothing is fetched.

    Needed only where following by itself does not do: a machine that was off while the root changed its key, or an emergency. The
    keys in the file stand in the place of those that come with the program; those learned meanwhile stay.
    """
    now = date()
    document = _genuine(xml, signature, ca, now)
    directory = state or default_state_directory()
    differences = _show(document, _present(directory, now), now, as_json)
    lost = any(change.before in IN_FORCE and change.after not in IN_FORCE for change in differences)
    if lost and not yes and not click.confirm("A key that is believed today goes. Take it over?", err=True):
        raise CommandFailed(Exit.NEGATIVE, "nothing was changed")
    _write(directory, _given(document, xml, now))
    click.echo(f"written to {directory / FOLDER_NAME / GIVEN}; {NEXT}", err=True)


def _genuine(xml: Path, signature: Path, ca: Path | None, now: Epoch) -> RootAnchors:
    """The document as far as we can use it, its signature verified before a word of it is read. Raises CommandFailed."""
    data = read_file(xml, MAX_OCTETS)
    try:
        require_signature(
            data, read_file(signature, MAX_OCTETS), packaged_authority() if ca is None else read_file(ca, MAX_OCTETS)
        )
        document = read_root_anchors(data)
    except SignatureRefused as refused:
        raise CommandFailed(
            Exit.USAGE, f"{xml} is not proved to be IANA's: {refused}; fetch both files again"
        ) from None
    except NotAnchors as wrong:
        raise CommandFailed(Exit.USAGE, f"{xml}: {wrong}") from None
    usable = replace(document, digests=tuple(d for d in document.digests if d.record.digest_type in DIGESTS))
    if not usable.valid_at(now):
        raise CommandFailed(Exit.USAGE, f"{xml} has no key for today ({as_time(now).date()}); is the clock right?")
    return usable


def _present(directory: Path, now: Epoch) -> TrustPoint:
    """The root as the service has kept it, or at its beginning."""
    begun = plant(ROOT, packaged_root(), now)
    try:
        descriptor = os.open(directory / FOLDER_NAME, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return begun
    except OSError as error:
        raise CommandFailed(
            Exit.USAGE, f"{directory / FOLDER_NAME}: {error.strerror}; try again as the service's user"
        ) from None
    try:
        data = Folder(descriptor).read(ANCHORS)
        points = {} if data is None else {point.zone: point for point in read_points(data)}
    except (Unreadable, Damaged) as error:
        click.echo(f"warning: {directory / FOLDER_NAME}: {error}; compared with what is packaged", err=True)
        return begun
    finally:
        os.close(descriptor)
    return points.get(ROOT, begun)


def _show(document: RootAnchors, point: TrustPoint, now: Epoch, as_json: bool) -> tuple[Change, ...]:
    """Print the keys of the document and what taking it over would change; gives that."""
    valid = document.valid_at(now)
    differences = changes(point, replant(point, tuple(digest.record for digest in valid), now))
    if as_json:
        keys = [_key(digest) | {"for_today": digest in valid} for digest in document.digests]
        print_json(
            {"id": document.id, "source": document.source, "keys": keys, "changes": [_change(c) for c in differences]}
        )
        return differences
    rows = [[show(field) for field in (*_key(digest).values(), digest in valid)] for digest in document.digests]
    print_table(
        f"genuine, signed by {SIGNER}", ["key tag", "algorithm", "digest type", "from", "until", "for today"], rows
    )
    changed = [[show(field) for field in _change(change).values()] for change in differences]
    print_table("what it changes", ["key tag", "now", "then"], changed)
    if not changed:
        click.echo("it changes nothing: these keys are believed already")
    return differences


def _key(digest: KeyDigest) -> dict[str, object]:
    record = digest.record
    until = None if digest.until is None else as_time(digest.until).isoformat()
    return {
        "tag": record.tag,
        "algorithm": record.algorithm,
        "digest_type": record.digest_type,
        "from": as_time(digest.since).isoformat(),
        "until": until,
    }


def _change(change: Change) -> dict[str, object]:
    return {"tag": change.record.tag, "now": _word(change.before.value), "then": _word(change.after.value)}


def _word(state: str) -> str:
    return "not known" if state == "start" else state


def _given(document: RootAnchors, xml: Path, now: Epoch) -> GivenAnchors:
    keys = tuple(
        GivenKey(
            show_record(digest.record), as_time(digest.since), None if digest.until is None else as_time(digest.until)
        )
        for digest in document.digests
    )
    return GivenAnchors(f"{xml.name}, id {document.id}, source {document.source}", as_time(now), keys)


def _write(directory: Path, given: GivenAnchors) -> None:
    try:
        owner = prepare_state(directory)
        # A folder that is there has its owner already: whom the keeper becomes.
        descriptor = open_folder(directory, None if (directory / FOLDER_NAME).is_dir() else owner)
    except StateRefused as refused:
        raise CommandFailed(Exit.USAGE, str(refused)) from None
    try:
        # For the keeper, who may be another user; what is in it is public.
        Folder(descriptor).write(GIVEN, as_file(given), 0o644)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {directory / FOLDER_NAME / GIVEN}: {error.strerror}") from None
    finally:
        os.close(descriptor)
