"""People who can sign in, for tests and the curious: how they do it, and the tokens that it gives them."""

from __future__ import annotations

from ministack.core.responses import request_scope
from ministack.services import cognito

from localcloud.emulator.settings import Scope

Users = dict[str, dict[str, str]]


class SignInFailedError(RuntimeError):
    """The emulated Cognito did not let a known user in; the message is its answer."""


class LocalUsers:
    """`{username, password}` by short names, such as `alice`; empty until `let_in` has set them."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._client_id = ""
        self.by_name: Users = {}

    @property
    def has_sign_in(self) -> bool:
        return bool(self._client_id)

    def let_in(self, client_id: str, users: Users) -> None:
        """Sets them, and the app client that they sign in with."""
        self._client_id, self.by_name = client_id, users

    def access_token(self, name: str) -> str | None:
        """A new token, with all scopes of the app client, as its sign-in pages lead to; None for an unknown name.

        Raises:
            SignInFailedError: the password does not do any more, for instance.
        """
        if name not in self.by_name:
            return None
        with request_scope(*self._scope):
            pool_id, pool, client = cognito._find_pool_by_client_id(self._client_id)
            user, refusal = cognito._authenticate_hosted_ui_user(pool, **self.by_name[name])
            if refusal:
                raise SignInFailedError(refusal)
            scope = cognito._granted_scopes(client, None)
            result = cognito._build_auth_result(pool_id, self._client_id, user, scope=scope)
            return str(result["AccessToken"])
