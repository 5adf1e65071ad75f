"""A client's settings, and the stage being evaluated."""

from functools import cached_property

from contract.client import Client, Department
from contract.keys import declared, key
from contract.kinds import Stage
from contract.sizes import Sizing, resolve


@declared
class Settings(Client):
    """All settings of a client, and how this evaluation is run."""

    stage: Stage = key("stage to evaluate", changes="command")
    # Set by `kit up` and by tests through stack configuration, never in a client file.
    emulated: bool = key("whether the deployment runs on the emulated AWS", default=False, changes="command")
    portal_url: str = key("the portal's URL on the emulated AWS", default="", changes="command")
    client_folder: str = key("the client's own library", default="", changes="command")
    evidence_file: str = key("evidence file of the gates", default="", changes="command")
    demonstration_evidence: str | None = key(
        "evidence file of a demonstration", default=None, changes="command"
    )

    @property
    def production(self) -> bool:
        """Return whether this is production. Any other environment is non-production."""
        return self.environment == "production"

    @cached_property
    def sizing(self) -> Sizing:
        """Return the values of the size with the overrides applied (Z.1)."""
        return resolve(self.size, self.sizing_overrides, floors=self.production)[0]

    @property
    def pilots(self) -> tuple[Department, ...]:
        """Return the departments of the integration stage (S.2)."""
        return tuple(department for department in self.departments if department.pilot)

    @property
    def followers(self) -> tuple[Department, ...]:
        """Return the departments of the rollout stage (S.3)."""
        return tuple(department for department in self.departments if not department.pilot)
