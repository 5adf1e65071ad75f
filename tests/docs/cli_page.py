"""docs/cli.md: every command of `kit` with its arguments and options, computed from what `--help` shows.

`python -m tests.docs.cli_page` writes it; a test fails where the page differs from the commands.
"""

import inspect
from collections import defaultdict
from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from kit.cli import app
from kit.errors import ExitCode
from tests.docs.readme_tables import CLI as PAGE

HEAD = """# The command

Computed from `kit --help`; do not edit. Before a command stand `kit --quiet` (results and errors only),
`kit --verbose` (what caused an error) or `kit --version`.

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 a gate is closed, 4 something outside
is missing (port, network, emulator), 5 a check found something, 130 interrupted.
"""
assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 130}


def page() -> str:
    """The whole page, ending in a newline."""
    groups: dict[str, list[TyperCommand | TyperGroup]] = defaultdict(list)
    for command in _commands(typer.main.get_command(app)):
        groups[str(command.rich_help_panel)].append(command)
    parts = [HEAD]
    for title, commands in groups.items():
        parts.append(f"## {title}\n")
        for command in commands:
            parts += _sections(command, f"kit {command.name}")
    return "\n".join(parts)


def _commands(group: object) -> list[TyperCommand | TyperGroup]:
    assert isinstance(group, TyperGroup)
    return [one for one in group.commands.values() if isinstance(one, TyperCommand | TyperGroup)]


def _sections(command: TyperCommand | TyperGroup, path: str) -> Iterator[str]:
    help_text = inspect.cleandoc(command.help or "").strip()
    if isinstance(command, TyperGroup):
        yield f"### {path}\n\n{help_text}\n"
        for inner in _commands(command):
            yield from _sections(inner, f"{path} {inner.name}")
        return
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
    usage = " ".join([path, *map(_metavar, arguments)])
    rows = [f"- `{_metavar(one)}`: {_text(one)}" for one in arguments]
    rows += [f"- `{_names(one)}`: {_text(one)}" for one in options if one.name != "help"]
    yield f"### {path}\n\n    {usage}\n\n{help_text}\n" + ("\n" + "\n".join(rows) + "\n" if rows else "")


def _metavar(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def _names(option: TyperOption) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or (option.name or '').upper()}"


def _text(parameter: TyperArgument | TyperOption) -> str:
    text = " ".join((parameter.help or "").split())
    return f"{text} Required." if parameter.required and isinstance(parameter, TyperOption) else text


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
