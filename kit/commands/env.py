"""`kit env`: variables with which SDKs, `claude` and the AWS CLI use the embedded deployment."""

import json
import shlex

from kit.commands.options import Json


def env(
    as_json: Json = False,
) -> None:
    """Print `export` lines: eval "$(kit env)".

    They name the gateway and, for each role of Claude Code, a model that the key may use. They hold the
    demonstration key, the emulator's root credentials and, where people are provisioned, the SCIM token: all
    of this machine's emulated AWS, worth nothing elsewhere.

    Exit codes: 0 done; 4 nothing is up.
    """
    from kit.home import find_home
    from kit.local.running import exported_environment

    variables = exported_environment(find_home())
    if as_json:
        print(json.dumps(variables, indent=2, sort_keys=True))
        return
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
