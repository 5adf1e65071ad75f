"""Sessions of people in Cognito: ended when somebody leaves or moves, so that no token outlives that."""

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
        """End every session of the people of these names, and shut them out if asked; how many they were."""
        usernames = self._usernames(names)
        for username in usernames:
            if disable:
                self._client.admin_disable_user(UserPoolId=self._pool, Username=username)
            self._client.admin_user_global_sign_out(UserPoolId=self._pool, Username=username)
        return len(usernames)

    def allow(self, names: Iterable[str]) -> int:
        """Let people sign in again who were shut out before; how many they are."""
        usernames = self._usernames(names)
        for username in usernames:
            self._client.admin_enable_user(UserPoolId=self._pool, Username=username)
        return len(usernames)

    def _usernames(self, names: Iterable[str]) -> list[str]:
        """The users of the pool who go by one of the names.

        The pool writes names as the identity provider did at the last sign-in, which may be in another case
        than it provisions them in.
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
