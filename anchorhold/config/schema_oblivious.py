"""The tables of `[secure.odoh]`: oblivious DNS over HTTPS as it is served. See `schema.py` for how such a file is read."""

from dataclasses import dataclass

from anchorhold.config.kinds import CLOSED, Flag, Text


@dataclass(frozen=True, slots=True)
class CarriedTable:
    """A target of the relay. A string is short for `{ url = … }`."""

    __pydantic_config__ = CLOSED

    url: Text
    """`https://NAME@ADDRESS[,ADDRESS…][:PORT]/PATH`. Name, port and path are what clients say as `targethost` and
    `targetpath`."""
    pins: tuple[Text, ...] = ()
    """As in a server of an upstream group."""
    ca_file: Text = ""
    """As in a server of an upstream group."""
    bootstrap: Text = ""
    """The upstream group that looks the name up, for a URL without an address. Only public addresses are used then."""
    private: Flag = False
    """true: the name may lead to private addresses. One that stands in the URL is used in any case."""


@dataclass(frozen=True, slots=True)
class OdohTable:
    """Oblivious DNS over HTTPS (RFC 9230) at the `https` and `h3` addresses of `[secure]`."""

    __pydantic_config__ = CLOSED

    target: Flag = False
    """true: open and answer questions that a relay brings. Limits are those of the relay's address, which must be allowed in
    `[access]`. Keys are new every day and shown at `/.well-known/odohconfigs`."""
    target_path: Text = "/odoh"
    """Where sealed questions are posted."""
    relay: Flag = False
    """true: carry sealed questions to `targets`, unread. Name servers run by others: between your clients and your own target,
    a relay hides nothing."""
    relay_path: Text = "/relay"
    """Where bodies to carry are posted, with `?targethost=…&targetpath=…`."""
    targets: tuple[CarriedTable, ...] = ()
    """Whom the relay carries to; nobody else."""
