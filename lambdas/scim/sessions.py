"""Sessions of people in Cognito, revoked when somebody leaves or moves, so that no token survives that."""

from collections.abc import Iterable
from typing import Any

from lambdas.common.access import folded_name

# What the pre-token trigger knows people by, and the pool's own name of them.
_NAMES = ("preferred_username", "username", "email")


class Sessions:
    """Signs people out. `client` is a botocore client of cognito-idp; calls block and raise its errors.

    Idempotent: a person who is not in the pool has no session there.
    """

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._pool = user_pool_id

    def end(self, names: Iterable[str], *, disable: bool) -> int:
        """Revoke every session of the people with these names, and disable them if asked. Return their
        number.
        """
        usernames = self._usernames(names)
        for username in usernames:
            if disable:
                self._client.admin_disable_user(UserPoolId=self._pool, Username=username)
            self._client.admin_user_global_sign_out(UserPoolId=self._pool, Username=username)
        return len(usernames)

    def allow(self, names: Iterable[str]) -> int:
        """Enable disabled people again. Return their number."""
        usernames = self._usernames(names)
        for username in usernames:
            self._client.admin_enable_user(UserPoolId=self._pool, Username=username)
        return len(usernames)

    def _usernames(self, names: Iterable[str]) -> list[str]:
        """Return the pool's users with one of the names.

        The pool stores names as sent at the last sign-in, which may differ in case from provisioning.
        """
        found: dict[str, None] = {}
        spellings = dict.fromkeys(one for given in names for one in (given, folded_name(given)))
        for name in spellings:
            for attribute in _NAMES if "@" in name else _NAMES[:2]:
                answer = self._client.list_users(
                    UserPoolId=self._pool, Filter=f'{attribute} = "{_quoted(name)}"', Limit=10
                )
                found |= dict.fromkeys(user["Username"] for user in answer["Users"])
        return list(found)


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
