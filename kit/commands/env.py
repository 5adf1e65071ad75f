"""`kit env`: environment variables for SDKs, `claude` and the AWS CLI to use the embedded deployment."""

import shlex

from kit.commands.options import Json
from kit.commands.output import print_json


def env(
    as_json: Json = False,
) -> None:
    """Print `export` lines: eval "$(kit env)".

    They set the gateway and, for each model role of Claude Code, a model that the key may use. They contain
    the demonstration key, the emulator's root credentials and, if people are provisioned, the SCIM token:
    all of this machine's emulated AWS, and worthless elsewhere.

    Exit codes: 0 done; 4 nothing is up.
    """
    from kit.home import find_home
    from kit.local.running import exported_environment

    variables = exported_environment(find_home())
    if as_json:
        print_json(variables)
        return
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
