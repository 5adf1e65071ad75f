"""Sessions of people in Cognito: ended when somebody leaves or moves, so that no token outlives that."""

from collections.abc import Iterable
from typing import Any


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
        """The users of the pool who go by one of the names, as their username or their address."""
        found: dict[str, None] = {}
        for name in names:
            for attribute in ("username", "email") if "@" in name else ("username",):
                answer = self._client.list_users(
                    UserPoolId=self._pool, Filter=f'{attribute} = "{_quoted(name)}"', Limit=10
                )
                found |= dict.fromkeys(user["Username"] for user in answer["Users"])
        return list(found)


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
