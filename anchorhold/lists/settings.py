"""What the `lists` cell may know: where lists come from. No client, no upstream, no key of a zone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListSource:
    """One list. `url` is `https://…`, or empty: then `text` is what was in its file. `private`: the user wrote an address or a
    name at home, so it may be at an address that is not public. `format` is one of `privacy.lists.formats.FORMATS`, or `auto`.
    `refresh` is in seconds, `max_size` in octets. `public_key`: minisign's, 42 octets (algorithm, key id, key), or nothing; then
    a signature at `signature_url` must hold. `fuse`: a change of more than this share of the entries has to be confirmed."""

    name: str
    url: str = ""
    private: bool = False
    text: bytes = b""
    format: str = "auto"
    refresh: int = 86_400
    max_size: int = 64 * 1024 * 1024
    public_key: bytes = b""
    signature_url: str = ""
    fuse: float = 0.5


@dataclass(frozen=True, slots=True)
class ListsSettings:
    """All of them. `protected` as in `resolver.policy_settings.Policy`."""

    generation: int
    sources: tuple[ListSource, ...]
    protected: tuple[bytes, ...] = ()
