"""The gateway policy derived from the client's settings (L1.2, C.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from contract.policy import policy_document
from contract.rights import Issuer, Organization
from contract.writing import published
from stacks.portal_address import help_page
from stacks.settings import Settings


def gateway_policy(settings: Settings, issuers: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the policy as plain data, with the `issuers` of the stage's user pool before the client's."""
    return policy_document(
        client=settings.client,
        environment=settings.environment,
        organization=Organization(
            monthly_budget_microusd=settings.budget.organization_monthly_microusd,
            budget_model=settings.budget.model,
            budget_shards=settings.sizing.capacity.budget_shards,
        ),
        departments=settings.departments,
        models=settings.claude.models,
        embeddings_model=settings.claude.embeddings_model,
        embeddings_url=settings.claude.embeddings_url,
        providers=[provider.route for provider in settings.claude.providers],
        issuers=[*issuers, *(published(one, Issuer) for one in settings.trusted_issuers)],
        dictionary=settings.dictionary,
        inspection=settings.inspection,
        role_limits=settings.role_limits,
        role_sign_in=settings.role_sign_in,
        help_url=settings.contacts.help_url or help_page(settings),
    )
