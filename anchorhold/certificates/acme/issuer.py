"""One order with an ACME directory (RFC 8555 §7): account, order, proofs, certificate."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import josepy
import requests
from acme import challenges, client, errors, messages
from acme.crypto_util import make_csr
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from anchorhold.certificates.acme.proofs import Presenter, Proof
from anchorhold.certificates.authority import key_pem, new_key
from anchorhold.certificates.folder import CertificateFolder
from anchorhold.certificates.renewal import Failed
from anchorhold.certificates.settings import ACCOUNT_KEY, AcmeSettings, Challenge
from anchorhold.certificates.subjects import Subjects
from net import clock
from net.tls import BUNDLES
from wire.units import Epoch

REQUEST_PATIENCE = 30
"""Seconds for one request to the directory."""

ORDER_PATIENCE = timedelta(seconds=180)
"""For the authority to look at our proofs and to sign."""

AUTHORITIES = ".directory-authorities.pem"
"""In the folder, during the run."""

LAZY = ("dns.rdtypes.ANY.TSIG", "dns.rdtypes.ANY.TXT", "dns.rdtypes.ANY.SOA", "idna", "dns.rdtypes.ANY.OPT")
"""What the libraries import at first use."""

_KINDS = {Challenge.DNS: challenges.DNS01, Challenge.HTTP: challenges.HTTP01}


class AcmeIssuer:
    """Asks one directory. The account's key is made once and kept in the folder."""

    authority: x509.Certificate | None = None

    def __init__(
        self,
        folder: CertificateFolder,
        settings: AcmeSettings,
        presenter: Presenter,
        authorities: bytes,
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._presenter = presenter
        self._authorities = authorities
        self._say = say

    def issue(self, key: ec.EllipticCurvePrivateKey, subjects: Subjects, now: Epoch) -> bytes:
        """The chain for `key` and the names of `subjects`. Raises Failed."""
        with self._trusted() as bundle, _as_failed(self._settings.directory):
            acme = self._client(bundle)
            order = acme.new_order(make_csr(key_pem(key), list(subjects.names)))
            self._prove(acme, order)
            return acme.poll_and_finalize(order, _deadline()).fullchain_pem.encode("ascii")

    @contextmanager
    def _trusted(self) -> Iterator[str]:
        """A path with the authorities that the directory's own certificate is checked by, for as long as this lasts."""
        if self._authorities:
            # The library takes a path only; the folder is the working directory of the run.
            with self._folder.lent(AUTHORITIES, self._authorities) as path:
                yield path
            return
        found = next((one for one in BUNDLES if os.path.exists(one)), "")
        if not found:
            raise Failed("this system has no authorities to trust; name a PEM file: authorities in [secure.acme]")
        yield found

    def _client(self, bundle: str) -> client.ClientV2:
        account_key = JWKEC(key=ComparableECKey(self._account_key()))
        net = client.ClientNetwork(
            account_key, alg=ES256, user_agent="anchorhold", timeout=REQUEST_PATIENCE, verify_ssl=True
        )
        # The environment names no proxy and no bundle of certificates to us.
        net.session.trust_env = False
        net.verify_ssl = bundle  # type: ignore[assignment] # requests takes a path too
        acme = client.ClientV2(client.ClientV2.get_directory(self._settings.directory, net), net)
        self._register(acme)
        return acme

    def _account_key(self) -> ec.EllipticCurvePrivateKey:
        key = self._folder.secret(ACCOUNT_KEY, "anchorhold certs renew")
        if key is None:
            key = new_key()
            self._folder.put_secret(ACCOUNT_KEY, key)
        return key

    def _register(self, acme: client.ClientV2) -> None:
        """The account of our key, made if there is none (RFC 8555 §7.3)."""
        terms = getattr(getattr(acme.directory, "meta", None), "terms_of_service", None)
        if terms and not self._settings.terms_agreed:
            raise Failed(f"the authority has terms: read {terms} and write terms_agreed = true in [secure.acme]")
        if acme.external_account_required():
            raise Failed("the authority takes known customers only (external account binding), which is not supported")
        wanted = messages.NewRegistration(
            contact=tuple(self._settings.contact), terms_of_service_agreed=self._settings.terms_agreed or None
        )
        try:
            acme.new_account(wanted)
        except errors.ConflictError as known:
            acme.net.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())

    def _prove(self, acme: client.ClientV2, order: messages.OrderResource) -> None:
        """Show that each name is ours; what the authority knows from before is not asked again."""
        pending = [one for one in order.authorizations if one.body.status != messages.STATUS_VALID]
        chosen = [(_name_of(one), self._challenge(one)) for one in pending]
        account_key = acme.net.key
        proofs = [Proof(name, body.chall.encode("token"), body.chall.validation(account_key)) for name, body in chosen]
        try:
            self._presenter.present(proofs)
            for _, body in chosen:
                acme.answer_challenge(body, body.chall.response(account_key))
            acme.poll_authorizations(order, _deadline())
        finally:
            self._clean(proofs)

    def _clean(self, proofs: list[Proof]) -> None:
        try:
            self._presenter.clean(proofs)
        except Failed as error:
            # The certificate does not depend on it, and what is left behind is worth nothing to anybody.
            self._say(f"the proofs could not be taken away: {error}")

    def _challenge(self, authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
        wanted = _KINDS[self._presenter.challenge]
        for body in authorization.body.challenges:
            if isinstance(body.chall, wanted):
                return body
        offered = ", ".join(body.chall.typ for body in authorization.body.challenges)
        raise Failed(
            f"the authority does not take {self._presenter.challenge.value} for {_name_of(authorization)}, "
            f"only {offered}; change challenge in [secure.acme] (a name with * needs dns-01)"
        )


def _deadline() -> datetime:
    """The library compares it with the local time, without a zone."""
    return datetime.fromtimestamp(clock.date()) + ORDER_PATIENCE  # noqa: DTZ006


def _name_of(authorization: messages.AuthorizationResource) -> str:
    return str(authorization.body.identifier.value)


@contextmanager
def _as_failed(directory: str) -> Iterator[None]:
    """Whatever the library raises is one more reason why there is no certificate now."""
    try:
        yield
    except errors.ValidationError as error:
        raise Failed(f"the authority did not find our proof: {_details(error)}") from None
    except messages.Error as error:
        raise Failed(f"the authority refused: {_clean_text(error.detail or error.typ or 'without a reason')}") from None
    except errors.TimeoutError:
        raise Failed("the authority took too long; nothing is lost") from None
    except requests.RequestException as error:
        raise Failed(f"no connection to {directory}: {_clean_text(str(error))}") from None
    except (errors.Error, josepy.errors.Error, KeyError, ValueError, AttributeError, TypeError) as error:
        raise Failed(f"{directory} does not speak ACME as it should: {_clean_text(str(error))}") from None


def _details(error: errors.ValidationError) -> str:
    found = [
        f"{_name_of(one)}: {body.error.detail}"
        for one in error.failed_authzrs
        for body in one.body.challenges
        if body.error
    ]
    return _clean_text("; ".join(found))


def _clean_text(text: str) -> str:
    """A stranger's words on one line of the log."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
