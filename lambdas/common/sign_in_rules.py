"""Requirements on the strength and age of a person's sign-in, by department and role (G.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contract.rights import SignInRule

_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """What a token says about its sign-in. `at` is in seconds since the epoch, or 0 if not stated."""

    methods: tuple[str, ...] = ()
    context: str = ""
    at: float = 0.0


def unmet(rules: Iterable[SignInRule], facts: SignInFacts, now: datetime) -> str:
    """Return what the person has to do, in one sentence, or an empty text if every rule is met.

    Whatever a token does not state is not met.
    """
    for rule in rules:
        if rule.methods and not set(rule.methods) & set(facts.methods):
            return f"This needs a sign-in with one of: {', '.join(rule.methods)}. Sign in again that way."
        if rule.contexts and facts.context not in rule.contexts:
            wanted = ", ".join(rule.contexts)
            return f"This needs a sign-in in one of the contexts: {wanted}. Sign in again that way."
        most = rule.max_age_minutes
        if most is not None and now.timestamp() - facts.at > most * 60 + _LEEWAY_SECONDS:
            return f"This needs a sign-in of the last {most} minutes. Sign in again."
    return ""
