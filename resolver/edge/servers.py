"""The servers of an upstream group, opened."""

from dataclasses import dataclass

from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.port import Prompt, Tools, Upstream
from resolver.forward import Candidate
from resolver.servers import Health
from resolver.settings import Profile, UpstreamGroup, UpstreamSpec


class Server:
    """One upstream with its record and its operator's share."""

    __slots__ = ("_upstream", "health", "profile", "prompt", "queries", "shown", "spec")

    def __init__(self, spec: UpstreamSpec, profile: Profile, tools: Tools) -> None:
        self.spec = spec
        self.shown = f"operator:{spec.operator}"
        """The counter of questions that its operator was shown."""
        self.profile = profile
        self.upstream = open_upstream(spec, profile, tools)
        self.health = Health()
        self.queries = 0

    @property
    def upstream(self) -> Upstream:
        """How it is asked; `prompt` is the same if it can be asked at once."""
        return self._upstream

    @upstream.setter
    def upstream(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.prompt = upstream if isinstance(upstream, Prompt) else None

    def renew(self, tools: Tools) -> Upstream:
        """Begin again as if it had never been spoken to; gives what was, for whoever closes it."""
        former, self.upstream = self.upstream, open_upstream(self.spec, self.profile, tools)
        self.health.forget()
        return former


@dataclass(frozen=True, slots=True)
class Group:
    """An upstream group with its servers opened."""

    settings: UpstreamGroup
    servers: tuple[Server, ...]
    candidates: tuple[Candidate, ...]
