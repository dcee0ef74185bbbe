"""A certificate as people and programs are shown it."""

from datetime import datetime

from cryptography import x509

from anchorhold.certificates.authority import fingerprint_of, pin_of
from anchorhold.certificates.pair import left_of
from anchorhold.certificates.subjects import subjects_of
from wire.units import Epoch


def shown_certificate(certificate: x509.Certificate, now: Epoch) -> dict[str, object]:
    """Whose it is, for whom, until when, and by what it is told from others; what is empty is left out."""
    subjects = subjects_of(certificate)
    shown: dict[str, object] = {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "names": list(subjects.names),
        "addresses": [str(one) for one in subjects.addresses],
        "permitted": permitted_by(certificate),
        "from": _time(certificate.not_valid_before_utc),
        "until": _time(certificate.not_valid_after_utc),
        "days_left": max(left_of(certificate, now).days, 0),
        "pin": pin_of(certificate.public_key()),
        "fingerprint": fingerprint_of(certificate),
    }
    return {key: value for key, value in shown.items() if value not in ([], "")}


def permitted_by(authority: x509.Certificate) -> list[str]:
    """What an authority may sign for, as text; nothing for a leaf."""
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return []
    return [str(one.value) for one in constraints.permitted_subtrees or ()]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
