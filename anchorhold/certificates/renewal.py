"""What one run does: is a certificate due, who makes it, and what is said if that fails."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from anchorhold.certificates.authority import NotPermitted, chain_pem, issue, make_authority, new_key
from anchorhold.certificates.folder import CertificateFolder, CertificatesRefused
from anchorhold.certificates.pair import (
    WARN_BEFORE,
    Pair,
    Unusable,
    fits,
    is_signed_by,
    left_of,
    read_chain,
    show_date,
    show_left,
)
from anchorhold.certificates.progress import (
    Progress,
    build_progress,
    failed,
    may_try,
    may_warn,
    read_progress,
)
from anchorhold.certificates.settings import LEAF_DAYS, Action, Kind, RenewSettings
from anchorhold.certificates.subjects import Address, Subjects, lacking, permitted, read_subjects, subjects_of
from wire.units import Epoch

Say = Callable[[str], None]


class Failed(Exception):
    """No certificate this time; the text says why and what to do."""


class Issuer(Protocol):
    """Somebody who signs: the private authority, or one that is asked by ACME."""

    @property
    def authority(self) -> x509.Certificate | None:
        """Whom the leaf must be from; None: whoever it is."""

    def issue(self, key: ec.EllipticCurvePrivateKey, subjects: Subjects, now: Epoch) -> bytes:
        """The chain in PEM for `key`. Raises Failed, NotPermitted."""


@dataclass(frozen=True, slots=True)
class PrivateIssuer:
    """Our own authority."""

    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, key: ec.EllipticCurvePrivateKey, subjects: Subjects, now: Epoch) -> bytes:
        """One certificate; the authority's own is on the devices already."""
        if left_of(self.authority, now) <= timedelta(0):
            ended = show_date(self.authority.not_valid_after_utc)
            raise Failed(f"the private authority ended on {ended}; make a new one: anchorhold certs init --replace")
        return chain_pem([issue(self.authority, self.key, key.public_key(), subjects, (now, LEAF_DAYS))])


def why_due(pair: Pair | None, wanted: Subjects, authority: x509.Certificate | None, now: Epoch) -> str:
    """Why a certificate is to be made; "" if the one that is there is good for more than a third of its life."""
    if pair is None:
        return "there is none yet"
    leaf, left = pair.leaf, left_of(pair.leaf, now)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if left > life:
        return "it was made by a clock that was ahead"
    if left <= timedelta(0):
        return "it has ended"
    if authority is not None and not is_signed_by(leaf, authority):
        return "the authority is a new one"
    if lacking(wanted, subjects_of(leaf)) or lacking(subjects_of(leaf), wanted):
        return "names or addresses have changed"
    return "a third of its life is left" if left <= life / 3 else ""


def run(
    folder: CertificateFolder,
    settings: RenewSettings,
    acme: Callable[[], Issuer],
    now: Epoch,
    say: Say,
    own: tuple[Address, ...] = (),
) -> bool:
    """One run of PRIVATE or ACME; false if a certificate was due and there is none. `acme` is called if it is needed. `own` are
    addresses that a private authority puts in as well, if it may.

    Raises CertificatesRefused if the folder needs somebody's hand.
    """
    wanted, issuer = wanted_of(settings), None
    if settings.kind is Kind.PRIVATE:
        issuer = _private(folder, settings, wanted.plus(own), now, say)
        wanted = wanted.plus(permitted(issuer.authority, own))
    progress = read_progress(folder.progress())
    pair = None if settings.action is Action.NEW_KEY else folder.pair()
    reason = why_due(pair, wanted, issuer.authority if issuer else None, now)
    if not reason and settings.kind is Kind.ACME and progress.source != _source(settings):
        reason = "it is of another authority"
    if settings.action is not Action.DUE:
        reason = reason or "it was asked for"
    elif not reason or not may_try(progress, _wish(settings), now):
        return not reason
    try:
        leaf = _renew(folder, issuer or acme(), wanted, settings.action is Action.NEW_KEY, now)
    except (Failed, NotPermitted) as error:
        _note_failure(folder, failed(progress, _wish(settings), str(error), now), pair, now, say)
        return False
    folder.put_progress(build_progress(Progress(source=_source(settings))))
    say(f"a new certificate ({reason}), good until {show_date(leaf.not_valid_after_utc)}")
    return True


def _source(settings: RenewSettings) -> str:
    return "" if settings.acme is None else settings.acme.directory


def _wish(settings: RenewSettings) -> str:
    """What one attempt is for, as far as another wish may succeed where this one failed."""
    way = settings.acme.challenge.value if settings.acme is not None else ""
    return " ".join((settings.kind.value, _source(settings), way, *settings.names, *settings.addresses))


def look(data: bytes, folder: CertificateFolder, now: Epoch, say: Say) -> None:
    """For FILES: a warning a day while the chain's end is near or behind us."""
    try:
        left = left_of(read_chain(data)[0], now)
    except Unusable as error:
        say(f"the certificate's file is no use: {error}")
        return
    progress = read_progress(folder.progress())
    if left <= WARN_BEFORE and may_warn(progress, now):
        say(f"the certificate {_ending(left)}; put a new one in its place")
        folder.put_progress(build_progress(replace(progress, warned=now)))


def wanted_of(settings: RenewSettings) -> Subjects:
    """Public authorities sign for names only, in practice. Raises CertificatesRefused."""
    try:
        return read_subjects(settings.names, settings.addresses if settings.kind is Kind.PRIVATE else ())
    except ValueError as error:
        raise CertificatesRefused(str(error)) from None


def _private(
    folder: CertificateFolder, settings: RenewSettings, wanted: Subjects, now: Epoch, say: Say
) -> PrivateIssuer:
    key, found = folder.authority_key(), folder.authority()
    if settings.action is Action.INIT and found is not None:
        raise CertificatesRefused(
            "there is a private authority already; look at it: anchorhold certs show; a new one, which every device has "
            "to be given again: anchorhold certs init --replace"
        )
    again = settings.action is Action.REPLACE
    if found is not None and not again:
        if key is not None:
            return PrivateIssuer(found, key)
        raise CertificatesRefused(
            "certificates/authority.pem is there and its key is not; put authority-key.pem back from your backup, or make a "
            "new authority, which every device has to be given again: anchorhold certs init --replace"
        )
    if key is None or again:
        key = new_key()
    made = make_authority(key, wanted, now)
    folder.put_authority(made, key)
    say("a new private authority; hand it to your devices: anchorhold certs page DIRECTORY")
    return PrivateIssuer(made, key)


def _renew(folder: CertificateFolder, issuer: Issuer, wanted: Subjects, new: bool, now: Epoch) -> x509.Certificate:
    kept = None if new else folder.key()
    key = kept or new_key()
    pair = _checked(issuer.issue(key, wanted, now), key, wanted)
    # The bytes are ours again, without what stood around them.
    pem = chain_pem(list(pair.chain))
    if kept is None:
        folder.put_pair(key, pem)
    else:
        folder.put_chain(pem)
    return pair.leaf


def _checked(pem: bytes, key: ec.EllipticCurvePrivateKey, wanted: Subjects) -> Pair:
    """What came is what was asked for. Raises Failed."""
    try:
        pair = Pair(read_chain(pem), key)
    except Unusable as error:
        raise Failed(f"the authority gave something else than a certificate: {error}") from None
    if not fits(pair) or lacking(wanted, subjects_of(pair.leaf)):
        raise Failed("the authority gave a certificate for another key or other names; ask its operator")
    return pair


def _note_failure(folder: CertificateFolder, after: Progress, pair: Pair | None, now: Epoch, say: Say) -> None:
    folder.put_progress(build_progress(after))
    hours = (after.next_attempt - now) / 3_600
    state = "there is none to serve with"
    if pair is not None:
        left = left_of(pair.leaf, now)
        state = f"the one in use {_ending(left)}"
        if left <= WARN_BEFORE:
            state = f"WARNING: {state}"
    say(f"no new certificate: {after.reason}")
    say(f"{after.failures} failed in a row, the next attempt is in {hours:.0f} h; {state}")


def _ending(left: timedelta) -> str:
    return f"ends {show_left(left)}" if left > timedelta(0) else "has ended"
