"""What the resolver cell makes of what it was given."""

from anchorhold import snapshot
from anchorhold.facts import log
from privacy.lists.matcher import ListImage
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.settings import ResolverSettings
from wire.errors import Malformed


def mapped(descriptor: int) -> ListImage | None:
    """The image of the lists; None if it is of no use, which is said: then no list counts until the next comes."""
    try:
        return ListImage(snapshot.map_sealed(descriptor))
    except Malformed as error:
        log("resolver", f"the image of the lists is of no use: {error}")
        return None


def bootstrap_of(name: str, settings: ResolverSettings) -> int:
    """The place of the group that looks up `name`. Raises UpstreamFailed."""
    asked = [server for group in settings.upstream_groups for server in group.servers]
    asked += [target.spec for target in settings.carried]
    wanted = {server.bootstrap for server in asked if server.name == name and server.bootstrap}
    for place, group in enumerate(settings.upstream_groups):
        if group.name in wanted:
            return place
    raise UpstreamFailed(Why.NO_ADDRESS, "no bootstrap group")
