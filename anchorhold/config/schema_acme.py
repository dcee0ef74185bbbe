"""The tables of `[secure.acme]`: a certificate of a public authority. See `schema.py` for how such a file is read."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from anchorhold.certificates.settings import AcmeSettings, Challenge
from anchorhold.config.kinds import CLOSED, Count, Flag, Number, Text

_ACME = AcmeSettings("")


@dataclass(frozen=True, slots=True)
class UpdateTable:
    """Where the TXT record of dns-01 is put by dynamic update (RFC 2136)."""

    __pydantic_config__ = CLOSED

    server: Text
    """Address of the zone's primary server."""
    zone: Text
    """The zone that holds, or is above, `_acme-challenge` and our name."""
    key: Text
    """File with the TSIG key, as `tsig-keygen` writes it. Only the process that renews reads it. Relative to this file."""
    port: Annotated[Count, Field(ge=1, le=65_535)] = 53
    """Where the server takes updates, over TCP."""


@dataclass(frozen=True, slots=True)
class AcmeTable:
    """A certificate of an authority that speaks ACME (RFC 8555). It learns our name, and so does everybody who reads the public
    logs of certificates."""

    __pydantic_config__ = CLOSED

    directory: Text
    """The authority's directory, `https://…`. There is no default: nobody is asked whom you have not named."""
    contact: tuple[Text, ...] = ()
    """`mailto:` addresses that the authority may write to."""
    terms_agreed: Flag = _ACME.terms_agreed
    """true: you have read the authority's terms and agree to them."""
    challenge: Challenge = _ACME.challenge
    """How we show that the name is ours. `dns-01`: a TXT record, by `update` or `hook`; nothing needs to be reachable. `http-01`:
    the authority asks us at port 80 of that name."""
    authorities: Text = ""
    """PEM file of the authorities to trust for the directory itself instead of the system's. Relative to this file."""
    update: UpdateTable | None = None
    """For dns-01."""
    hook: tuple[Text, ...] = ()
    """For dns-01: a program and its first arguments; `present NAME VALUE` or `clean NAME VALUE` is added. No shell. The service's
    user runs it."""
    wait: Annotated[Number, Field(ge=0, le=300)] = _ACME.wait
    """Seconds between setting the TXT record and telling the authority: until every server of the zone has it."""
