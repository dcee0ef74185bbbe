"""`anchorhold certs`: the certificate that devices see, and the private authority behind it."""

import os
import pwd
from dataclasses import dataclass, replace
from pathlib import Path

import click
from cryptography import x509

from anchorhold.accounts import usual_user
from anchorhold.cell_environment import cell_environment
from anchorhold.certificates.authority import pin_of
from anchorhold.certificates.folder import CertificateFolder, CertificatesRefused
from anchorhold.certificates.handout import Served, files_for
from anchorhold.certificates.pair import Unusable, is_signed_by, read_chain
from anchorhold.certificates.progress import NEVER_FAILED, Progress, read_progress
from anchorhold.certificates.request import start_renewal
from anchorhold.certificates.settings import DEFAULT_NAME, FOLDER_NAME, Action, Kind, RenewSettings
from anchorhold.certificates.shown import shown_certificate
from anchorhold.certificates.subjects import read_subjects, subjects_of
from anchorhold.commands.key import prepare_state
from anchorhold.control_path import default_state_directory
from anchorhold.sandbox import SandboxRefused, find_user
from anchorhold.settings_file import SettingsRefused, read_settings
from anchorhold.state import StateRefused, open_folder
from anchorhold.terminal import Command, CommandFailed, Exit, json_option, print_json, read_file, show_time
from net import clock
from resolver.settings import Served as Web

MOST_OCTETS = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where the folder is; whose it is to be if we are root ("": as it is); what the configuration wants (None: not asked)."""

    state: Path
    user: str = ""
    wanted: RenewSettings | None = None
    tls_port: int = 853
    https_url: str | None = None
    """None: the usual one."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is there: the chain, the private authority that signed it (None: it is from elsewhere), how the last runs ended."""

    chain: tuple[x509.Certificate, ...]
    authority: x509.Certificate | None = None
    progress: Progress = NEVER_FAILED


@click.group(
    epilog="""\b
Examples:
  anchorhold certs init --name dns.home.arpa --address 192.168.1.1
  anchorhold certs show
  anchorhold certs page /var/www/dns --url http://192.168.1.1/dns/"""
)
def command() -> None:
    """The certificate that devices see, and the private authority behind it.

    They are in the folder `certificates` of the state directory (0700, files 0600). The running service renews what is due by
    itself.
    """


def place_options(command: Command) -> Command:
    """`--config` and `--state`."""
    command = click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="State directory.  [default: the configuration's, else $STATE_DIRECTORY, else the place the service uses]",
    )(command)
    return click.option(
        "--config", type=click.Path(path_type=Path), help="Configuration, whose [secure] says names and addresses."
    )(command)


@command.command(
    epilog="""\b
Examples:
  anchorhold certs init --config anchorhold.toml
  anchorhold certs init --name dns.home.arpa --address 192.168.1.1 --address fd00::1

Exit codes: 0 made, 1 not made, 2 there is one already, or the folder cannot be used."""
)
@click.option(
    "--name", "names", multiple=True, help=f"Name of the resolver; may be repeated.  [default: {DEFAULT_NAME}]"
)
@click.option("--address", "addresses", multiple=True, help="Address that devices use it by; may be repeated.")
@click.option("--replace", "again", is_flag=True, help="Make a new one; every device has to be given it again.")
@place_options
def init(
    names: tuple[str, ...], addresses: tuple[str, ...], again: bool, config: Path | None, state: Path | None
) -> None:
    """Make a private authority, and the first certificate that it signs.

    The authority can sign for the names given and what is below them, and for the private networks of the addresses; for
    nothing else, even if its key is stolen. Its key never leaves the folder.
    """
    place = find_place(config, state)
    wanted = place.wanted or RenewSettings(Kind.PRIVATE)
    if wanted.kind is not Kind.PRIVATE:
        raise CommandFailed(Exit.USAGE, f'the configuration says certificate = "{wanted.kind.value}"; write "private"')
    wanted = replace(
        wanted,
        names=names or wanted.names or (DEFAULT_NAME,),
        addresses=addresses or wanted.addresses,
        action=Action.REPLACE if again else Action.INIT,
    )
    _run(place, wanted)
    click.echo(f"certificates for {', '.join((*wanted.names, *wanted.addresses))} are in {place.state / FOLDER_NAME}")
    click.echo("give the authority to your devices: anchorhold certs page DIRECTORY")


@command.command(
    epilog="""\b
Examples:
  anchorhold certs renew
  anchorhold certs renew --new-key --config anchorhold.toml

Exit codes: 0 renewed, 1 not renewed (the old one stays), 2 the folder cannot be used."""
)
@click.option("--new-key", is_flag=True, help="With a new key: pins of the old one no longer hold.")
@place_options
def renew(new_key: bool, config: Path | None, state: Path | None) -> None:
    """Renew the certificate now, due or not. The service does so by itself when a third of its life is left.

    Without --config the names and addresses stay as they are.
    """
    place = find_place(config, state)
    wanted = place.wanted or _as_it_is(place)
    if wanted.kind is Kind.FILES:
        raise CommandFailed(Exit.USAGE, 'with certificate = "files" whoever made them renews them')
    _run(place, replace(wanted, action=Action.NEW_KEY if new_key else Action.NOW))
    click.echo("renewed; the running service takes it over within seconds")


@command.command(epilog="Exit codes: 0 shown, 1 there is none yet, 2 a file cannot be used.")
@place_options
@json_option
def show(config: Path | None, state: Path | None, as_json: bool) -> None:
    """What the certificate is for, until when, its pin, and the fingerprint of the authority that devices show."""
    place = find_place(config, state)
    found = _contents(place)
    progress = found.progress
    shown = {
        "certificate": shown_certificate(found.chain[0], clock.date()),
        "authority": shown_certificate(found.authority, clock.date()) if found.authority else None,
        "failures": progress.failures,
        "next_attempt": show_time(int(progress.next_attempt)) if progress.failures else None,
        "reason": progress.reason or None,
    }
    if as_json:
        print_json(shown)
        return
    for title in ("certificate", "authority"):
        _print_part(title, shown[title])
    if progress.failures:
        click.echo(
            f"{progress.failures} attempts to renew failed, the next is at {shown['next_attempt']}: {progress.reason}"
        )


@command.command(epilog="Exit codes: 0 shown, 1 there is none yet, 2 a file cannot be used.")
@place_options
def pin(config: Path | None, state: Path | None) -> None:
    """Print the SHA-256 digest of the public key, base64: for `pins` of another resolver. Renewals do not change it."""
    click.echo(pin_of(_contents(find_place(config, state)).chain[0].public_key()))


@command.command(
    epilog="""\b
Examples:
  anchorhold certs page ./dns-page
  anchorhold certs page /var/www/dns --url http://192.168.1.1/dns/

Exit codes: 0 written, 1 there is no certificate yet, 2 a file cannot be used or written."""
)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--url", default="", help="Where the page will be; drawn as a code to scan.")
@place_options
def page(directory: Path, url: str, config: Path | None, state: Path | None) -> None:
    """Write a page for your devices into DIRECTORY: the authority, profiles for Apple's systems, codes to scan, what to do.

    No secret is in it. Give it to devices by a way that nobody else can change, or compare the fingerprint.
    """
    place = find_place(config, state)
    found = _contents(place)
    subjects = subjects_of(found.chain[0])
    if not subjects.names:
        raise CommandFailed(Exit.USAGE, "the certificate is for no name, and profiles need one; write name in [secure]")
    name = subjects.names[0]
    served = Served(
        name,
        tuple(map(str, subjects.addresses)) or (place.wanted.addresses if place.wanted else ()),
        place.tls_port,
        f"https://{name}/dns-query" if place.https_url is None else place.https_url,
        found.authority,
        url,
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, data in files_for(served).items():
            (directory / file).write_bytes(data)
            click.echo(f"{directory / file}")
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {error.filename or directory}: {error.strerror}") from None


def _print_part(title: str, part: object) -> None:
    if not isinstance(part, dict):
        return
    click.echo(f"{title}:")
    for key, value in part.items():
        click.echo(f"  {key.replace('_', ' '):<12} {', '.join(value) if isinstance(value, list) else value}")


def find_place(config: Path | None, state: Path | None) -> Place:
    """Where the folder is. Raises CommandFailed."""
    if config is None:
        return Place(state or default_state_directory())
    try:
        loaded = read_settings(config)
    except SettingsRefused as refused:
        raise CommandFailed(Exit.USAGE, f"{config} is not usable:\n{refused}") from None
    configured = Path(loaded.service.state) if loaded.service.state else default_state_directory()
    secure, settings = loaded.service.secure, loaded.secure
    if secure is None or settings is None:
        return Place(state or configured, loaded.service.user)
    ports = {one.served: one.address.port for one in secure.listen}
    url = ""
    if web := [ports[one] for one in (Web.HTTPS, Web.H3) if one in ports]:
        port = "" if web[0] == Web.HTTPS.port else f":{web[0]}"
        url = f"https://{secure.renewal.names[0] if secure.renewal.names else settings.name}{port}{settings.path}"
    return Place(state or configured, loaded.service.user, secure.renewal, ports.get(Web.TLS, 0), url)


def _run(place: Place, settings: RenewSettings) -> None:
    """One run, as the service's user; what it says stands on standard error. Raises CommandFailed unless all is well."""
    try:
        read_subjects(settings.names, settings.addresses)
        user, owner = _owner(place)
        folder = open_folder(place.state, owner, FOLDER_NAME)
    except (ValueError, StateRefused, SandboxRefused) as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    try:
        code = start_renewal(settings, folder, cell_environment(os.environ, user)).wait()
    finally:
        os.close(folder)
    if code == 1:
        raise CommandFailed(Exit.NEGATIVE, "there is no new certificate; the reason stands above")
    if code:
        raise CommandFailed(Exit.USAGE, "nothing was changed; the reason stands above")


def _owner(place: Place) -> tuple[str, tuple[int, int] | None]:
    """Whom the run becomes and whose the folder is. A folder that is there stays whose it is."""
    found = prepare_state(place.state)
    if os.geteuid() != 0:
        return "", None
    folder = place.state / FOLDER_NAME
    if not place.user and folder.is_dir() and folder.stat().st_uid != 0:
        found = (folder.stat().st_uid, folder.stat().st_gid)
    if found is None:
        entry = find_user(place.user or usual_user())
        return entry.pw_name, (entry.pw_uid, entry.pw_gid)
    try:
        return pwd.getpwuid(found[0]).pw_name, found
    except KeyError:
        raise StateRefused(f"{folder} belongs to user {found[0]}, who has no name; start the service first") from None


def _contents(place: Place) -> Contents:
    """What there is. Raises CommandFailed."""
    if place.wanted is not None and place.wanted.kind is Kind.FILES:
        try:
            return Contents(read_chain(read_file(Path(place.wanted.chain), MOST_OCTETS)))
        except Unusable as error:
            raise CommandFailed(Exit.USAGE, f"{place.wanted.chain}: {error}") from None
    path = place.state / FOLDER_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CommandFailed(Exit.NEGATIVE, f"there is no {path}; make one: anchorhold certs init") from None
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{path}: {error.strerror}; are you the service's user, or root?") from None
    try:
        return _contents_of(CertificateFolder(descriptor))
    except CertificatesRefused as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    finally:
        os.close(descriptor)


def _contents_of(folder: CertificateFolder) -> Contents:
    pair = folder.pair()
    if pair is None:
        raise CommandFailed(Exit.NEGATIVE, "there is no certificate yet; make one: anchorhold certs init")
    authority = folder.authority()
    if authority is not None and not is_signed_by(pair.leaf, authority):
        # Left over from before a public one was used.
        authority = None
    return Contents(pair.chain, authority, read_progress(folder.progress()))


def _as_it_is(place: Place) -> RenewSettings:
    """The same names and addresses again."""
    found = _contents(place)
    if found.authority is None:
        raise CommandFailed(Exit.USAGE, "this certificate is not from the private authority; name the file: --config")
    subjects = subjects_of(found.chain[0])
    return RenewSettings(Kind.PRIVATE, subjects.names, tuple(map(str, subjects.addresses)))
