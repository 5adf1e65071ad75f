"""Who requests and who decides: an identity that a third party asserts, not a name that was typed (G.2,
G.4).

On AWS it is the name of the caller's role session: IAM Identity Center and SAML federation set it, and the
trust policy of a department's roles accepts only a session of that name (`kit-person`, docs/reviewers.md).
In the embedded deployment it is the person of `kit login`; if nobody is signed in, `--by` is accepted and
marked as not verified.
"""

from kit.errors import ExitCode, KitError
from kit.target import Target
from lambdas.workflow.proof import UNVERIFIED, person_of, session_of


def acting_person(target: Target, by: str | None) -> str:
    """Return the identity of the person who runs the command. `by` is what was typed, if anything.

    Raises KitError (2) if nobody can be identified or `by` contradicts the identity.
    """
    person = _signed_in(target) if target.local else _session_name(target)
    if person is not None:
        if by is not None and by.strip().casefold() != person.casefold():
            raise KitError(
                f"you are {person}", hint="leave --by out: it is for nobody else", exit_code=ExitCode.USAGE
            )
        return person_of(session_of(person))
    if by is None:
        raise KitError("nobody is signed in", hint="kit login, or --by for a trial", exit_code=ExitCode.USAGE)
    from kit.identity.operator import plain

    return person_of(session_of(plain(by, "--by", most=100) + UNVERIFIED))


def looking_person(target: Target) -> str:
    """Return the identity of a person who only reads; the embedded deployment needs no sign-in for that."""
    return (_signed_in(target) or "somebody") if target.local else _session_name(target)


def _session_name(target: Target) -> str:
    """Return the name of the caller's session, as the identity provider set it."""
    arn = str(target.client("sts").get_caller_identity()["Arn"])
    if ":assumed-role/" not in arn:
        raise KitError(
            "your AWS credentials are not those of a person's role session",
            hint="sign in through your identity provider: aws sso login",
            exit_code=ExitCode.USAGE,
        )
    return arn.rsplit("/", 1)[1]


def _signed_in(target: Target) -> str | None:
    """Return the person of `kit login`, or None if nobody is signed in."""
    from kit.identity.session import fresh, load

    try:
        session = load()
    except KitError:
        return None
    if session.client_id != target.outputs.get("user_pool_client_id"):
        return None  # signed in to another deployment
    person = fresh().claims().get("kit_person")
    return str(person) if person else None
