"""What the commands of measurement need of a client's configuration."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import Settings


def read_client_settings(
    client: str | None, size: str | None = None, folder: Path | None = None
) -> "Settings":
    """The settings of the rollout stack, as `pulumi up` reads them. Raises KitError, exit code 2, when they
    are wrong.
    """
    from kit.errors import ExitCode, KitError
    from kit.evaluation.stages import stack_configuration
    from stacks.settings import RawConfig, SettingsError, read_settings

    config = {"config_folder": str(folder)} if folder else None
    full = stack_configuration("rollout", client=client, size=size, config=config)
    try:
        return read_settings(RawConfig({key.partition(":")[2]: value for key, value in full.items()}))
    except SettingsError as error:
        raise KitError(str(error), hint="fix the keys named above", exit_code=ExitCode.USAGE) from None
