"""The command `claude-kit-token`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from claude_kit_token.config import configured
from claude_kit_token.device import by_device
from claude_kit_token.errors import TokenError
from claude_kit_token.session import Session, forget, fresh, load, revoke, save
from claude_kit_token.sign_in import PORTS, attempt, by_browser, complete
from claude_kit_token.tools import refusal
from claude_kit_token.warning import hook_answer

_DESCRIPTION = """Sign in to Claude with your organisation's account, and print tokens for Claude Code.

Without a command: print a fresh access token and nothing else, as Claude Code's apiKeyHelper expects."""
_CODES = (
    "Exit codes: 0 done; 2 refused, or nobody is signed in; 4 a service or the key store does not answer."
)


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except TokenError as error:
        _say(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _token(_: argparse.Namespace) -> None:
    print(fresh().access_token)  # noqa: T201 - it is the command's answer


def _login(given: argparse.Namespace) -> None:
    known = configured(**{name: getattr(given, name) for name in _ADDRESSES})
    session = Session(known["gateway_url"], known["sign_in_url"], known["client_id"], "", "", 0)
    if given.device:
        session = by_device(session, known["portal_url"], show=_say)
    elif given.browser:
        session = by_browser(session, seconds=given.wait, show=lambda url: _say(f"sign in at: {url}"))
    else:
        under_way = attempt(PORTS[0])
        _say(f"open on any device: {under_way.url(session)}")
        _say("the browser ends at an address that it cannot open: paste that address here")
        session = complete(session, under_way, _asked())
    _say(f"signed in; the session is in {save(session)}")


def _asked() -> str:
    try:
        return input()
    except EOFError:
        raise TokenError("no address was pasted", hint="begin the sign-in again") from None


def _logout(_: argparse.Namespace) -> None:
    try:
        session = load()
    except TokenError as error:
        if error.exit_code != 2:
            raise
        _say("nobody was signed in")
        return
    unreached = revoke(session)
    forget()
    _say("signed out")
    if unreached:
        _say(f"{' and '.join(unreached)} could not be notified: a copy of a token works until it expires")


def _status(_: argparse.Namespace) -> None:
    session = load()
    left = int(session.expires_at - time.time())
    person = session.claims().get("kit_person", "somebody")
    state = f"good for {left // 60} minutes" if left > 0 else "renewed at the next use"
    print(f"{person} at {session.gateway_url}; the token is {state}")  # noqa: T201 - it is the command's answer


def _warn(_: argparse.Namespace) -> None:
    hook = "" if sys.stdin.isatty() else sys.stdin.read(1 << 20)
    try:
        answer = hook_answer(fresh(), hook)
    except TokenError:
        return  # Claude Code says so itself where it asks for a token
    if answer:
        print(answer)  # noqa: T201 - it is the command's answer


def _tools(given: argparse.Namespace) -> None:
    try:
        refused = refusal(given.permitted, b"" if sys.stdin.isatty() else sys.stdin.buffer.read())
    except Exception as error:  # whatever it is, the call is not checked
        refused = f"the call could not be checked ({type(error).__name__})"
    if refused:  # with exit code 2, the one that makes Claude Code stop the call
        raise TokenError(refused, hint="ask your administrator to permit it (mcp_servers of your department)")


_ADDRESSES = ("gateway_url", "sign_in_url", "client_id", "portal_url")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="claude-kit-token",
        description=_DESCRIPTION,
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_token)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: "Callable[[argparse.Namespace], None]", text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=_CODES)
        made.set_defaults(run=run)
        return made

    command("token", _token, "Print a fresh access token and nothing else.")
    login = command("login", _login, "Sign in; the session is kept in the key store of this machine.")
    for name, text in (
        ("gateway-url", "Base URL of the gateway."),
        ("sign-in-url", "Address of the sign-in service."),
        ("client-id", "What the sign-in service calls this program."),
        ("portal-url", "Address of the portal, for --device."),
    ):
        login.add_argument(f"--{name}", help=f"{text} Default: what this machine is configured with.")
    how = login.add_mutually_exclusive_group()
    how.add_argument(
        "--no-browser", dest="browser", action="store_false", help="Open the address on another device."
    )
    how.add_argument("--device", action="store_true", help="Enter a short code in the portal, on any device.")
    login.add_argument("--wait", type=float, default=300, help="Seconds to wait for the browser.")
    command("logout", _logout, "End the session here, at the sign-in service and at the gateway.")
    command("status", _status, "Say who is signed in, and until when.")
    command("warn", _warn, "As a hook of Claude Code: say when a budget is used to 75 or 90 percent.")
    tools = command(
        "tools", _tools, "As a hook of Claude Code: refuse tools of MCP servers that are not permitted."
    )
    tools.add_argument(
        "permitted", nargs="*", metavar="ORIGIN[#TOOL]", help="A server, or one tool of a server."
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - standard output is for the token
