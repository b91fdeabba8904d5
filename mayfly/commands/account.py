"""Commands about who you are."""

from __future__ import annotations

import webbrowser
from typing import Annotated
from urllib.parse import urlsplit

import typer

from mayfly.commands.options import AsJson, Url
from mayfly.context import Context
from mayfly.display import emit, note, say
from mayfly.errors import SignInProblem
from mayfly.program_token import COMMAND_VARIABLE, TOKEN_VARIABLE
from mayfly.session import signed_out_text
from mayfly.user_pool import claims_of

_Stack = Annotated[
    str | None, typer.Argument(metavar="URL", envvar="MAYFLY_URL", help="The stack's address, kept from now on.")
]
_NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address to open, and open nothing.")]


def login(context: typer.Context, url: _Stack = None, no_browser: _NoBrowser = False, as_json: AsJson = False) -> None:
    """Sign in through the browser, and keep the stack's address. JSON: {"url", "auth", "owner", "email"}."""
    here = Context.of(context)
    session, stack = here.session(url), here.address(url)

    def show(address: str, redirect_uri: str) -> None:
        if no_browser or not _opened(here, address):
            port = urlsplit(redirect_uri).port
            note("Open this in a browser to sign in:")
            note(address)
            note(f"It redirects to port {port} of this computer; from another one: ssh -L {port}:127.0.0.1:{port} ...")
        else:
            note("Sign in in the browser that has opened. If none has, open this:")
            note(address)

    settings = session.settings()
    person = session.sign_in(settings, show)
    if as_json:
        who = {"owner": person.owner, "email": person.email} if person else {"owner": None, "email": None}
        emit({"url": stack, "auth": "cognito" if settings else "none", **who})
    elif person:
        say(f"Signed in at {stack} as {person.email or person.owner}.")
    else:
        say(f"{stack} has no sign-in. Commands use this stack from now on.")


def _opened(here: Context, address: str) -> bool:
    try:
        return here.open_browser(address)
    except (webbrowser.Error, OSError, ValueError, IndexError):  # what the variable BROWSER names may be anything
        return False


def logout(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """Forget who is signed in, and have the token revoked. JSON: {"url", "signed_out"}."""
    here = Context.of(context)
    stack, was_in = here.address(url), here.session(url).sign_out()
    if as_json:
        emit({"url": stack, "signed_out": was_in})
    else:
        say(f"Signed out at {stack}." if was_in else f"You were not signed in at {stack}.")


def whoami(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """Show who is signed in, and where. JSON: {"url", "auth", "owner", "email"}."""
    here = Context.of(context)
    session, stack = here.session(url), here.address(url)
    with here.client(url) as client:
        client.page(limit=1)  # the API decides whether the token is valid
    if token := here.token:
        variable = COMMAND_VARIABLE if here.environ.get(COMMAND_VARIABLE, "").strip() else TOKEN_VARIABLE
        owner = claims_of(token()).get("sub")
        found = {"url": stack, "auth": variable, "owner": None if owner is None else str(owner), "email": None}
    elif person := session.person:
        found = {"url": stack, "auth": "cognito", "owner": person.owner, "email": person.email}
    elif session.settings() is None:
        found = {"url": stack, "auth": "none", "owner": None, "email": None}
    else:
        raise SignInProblem(signed_out_text(stack))
    if as_json:
        emit(found)
    else:
        who = found["email"] or found["owner"]
        say(f"{who} at {stack}" if who else f"{stack} has no sign-in, so all users are the same owner.")
