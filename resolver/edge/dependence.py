"""What in settings the answers depend on that are remembered: where that changes, they are forgotten. Pure."""

from resolver.cache.answers import AnswerMemory
from resolver.policy_settings import Action
from resolver.routes import EVERYBODY
from resolver.settings import ResolverSettings


def memory_for(settings: ResolverSettings) -> AnswerMemory:
    """Apart are the client groups whose aliases may lead elsewhere than everybody's."""
    apart = {route.client_group for route in settings.routes}
    apart |= {group for rule in settings.policy.rules if rule.action is Action.ROUTE for group in rule.groups}
    apart |= {group for zone in settings.policy.local for group in zone.groups}
    return AnswerMemory(settings.cache, frozenset(apart) - {EVERYBODY})


def places_in(settings: ResolverSettings) -> tuple[object, ...]:
    """What an answer's place in the memory, and its form, depend on."""
    policy = settings.policy
    elsewhere = tuple(rule for rule in policy.rules if rule.action is Action.ROUTE), policy.local, policy.schedules
    return settings.upstream_groups, settings.iterations, settings.cache, settings.routes, settings.dnssec, elsewhere
