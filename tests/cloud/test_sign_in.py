"""Sign-in in the local cloud: who gets in, whose jobs they see, and a job's whole way with a token."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from localcloud.cloud import LocalCloud
from mayfly.http_client import http_client
from operations.job_client import Job, JobApiError, JobClient
from tests import web
from tests.cloud.steps import expected, settled, until

pytestmark = pytest.mark.cloud

NO_JOB = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
OPEN = tuple(f"{method} {path}" for method in ("GET", "HEAD") for path in ("/health", "/docs", "/openapi.json"))
# What the API takes, `{job}` standing for a job's id.
ENDPOINTS = (
    "POST /uploads",
    "POST /uploads/{job}/parts",
    "POST /uploads/{job}/complete",
    "POST /uploads/{job}/abort",
    "POST /jobs",
    "GET /jobs",
    "GET /jobs/{job}",
    "GET /jobs/{job}/output",
    "GET /jobs/{job}/manifest",
    "GET /jobs/{job}/log",
    "POST /jobs/{job}/cancel",
    "POST /jobs/{job}/retry",
    "POST /jobs/{job}/copy",
    "DELETE /jobs/{job}",
    "GET /machines",
    "GET /owners",
    "GET /limits",
)
BODIES = {
    "POST /uploads": {"filename": "x.txt", "size": 1},
    "POST /uploads/{job}/parts": {"upload_id": "none", "filename": "x.txt", "size": 1},
    "POST /uploads/{job}/complete": {"upload_id": "none", "filename": "x.txt", "size": 1},
    "POST /uploads/{job}/abort": {"upload_id": "none", "filename": "x.txt"},
    "POST /jobs": {"job_id": "{job}", "input_text": "of alice"},
}


@pytest.fixture(scope="module")
def done(alice: JobClient) -> Job:
    """A job of alice's that has succeeded."""
    job = alice.wait(alice.submit(b"content", "letter.txt", "of alice")["id"])
    assert job["status"] == "succeeded", job
    settled(alice, job["id"])
    return job


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def send(cloud: LocalCloud, endpoint: str, token: str | None = None, job: str = NO_JOB, **query: str) -> httpx.Response:
    method, path = endpoint.replace("{job}", job).split(" ")
    body = json.loads(json.dumps(BODIES.get(endpoint)).replace("{job}", job))
    return web.request(
        method,
        f"{cloud.url}/api{path}",
        json=body,
        params=query,
        headers={"authorization": f"Bearer {token}".strip()} if token is not None else {},
        timeout=60,
    )


class SignIn:
    """A browser on the sign-in pages: authorization code grant with PKCE."""

    def __init__(self, cloud: LocalCloud, client_id: str | None = None) -> None:
        self.client_id = client_id or cloud.deployment.outputs["sign_in_client_id"]
        self.redirect_uri = cloud.url
        self.verifier = secrets.token_urlsafe(48)
        # Where config.json, as the page gets it, says that people sign in.
        settings = web.get(f"{cloud.url}/config.json").json()
        self._domain = settings["domain"]
        self._users = cloud.users

    def page(self) -> httpx.Response:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email",
            "state": "kept",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return web.get(f"{self._domain}/oauth2/authorize", params=query)

    def submit(self, user: str, password: str | None = None) -> httpx.Response:
        page = self.page()
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        who = self._users[user]
        form = {**hidden, **who, **({"password": password} if password else {})}
        return web.post(f"{self._domain}/login", data=form)

    def exchange(self, code: str, verifier: str | None = None) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": code,
            "code_verifier": verifier or self.verifier,
        }
        return web.post(f"{self._domain}/oauth2/token", data=form)

    def tokens(self, user: str) -> dict[str, str]:
        back = urlsplit(self.submit(user).headers["location"])
        query = parse_qs(back.query)
        assert (f"{back.scheme}://{back.netloc}", query["state"]) == (self.redirect_uri, ["kept"])
        answer = self.exchange(query["code"][0])
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


def no_token(_: LocalCloud) -> None:
    return None


def garbage(_: LocalCloud) -> str:
    return "not.a.token"


def nothing_in_it(_: LocalCloud) -> str:
    return ""


def unsigned(cloud: LocalCloud) -> str:
    """`alg: none`, with the claims of the real one."""
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{cloud.token('alice').split('.')[1]}."


def claims_changed(cloud: LocalCloud) -> str:
    """Alice's signature under claims that make her an admin."""
    header, _, signature = (token := cloud.token("alice")).split(".")
    return f"{header}.{segment({**claims_of(token), 'cognito:groups': ['admin']})}.{signature}"


def signed_by_another_pool(cloud: LocalCloud) -> str:
    """HMAC over the real claims, under the real key's id: a verifier must not go by the token's own `alg`."""
    header, claims, _ = cloud.token("alice").split(".")
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    content = f"{segment({'alg': 'HS256', 'kid': kid})}.{claims}"
    made_up = hashlib.sha256(content.encode()).digest()
    return f"{content}.{base64.urlsafe_b64encode(made_up).rstrip(b'=').decode()}"


def expired(cloud: LocalCloud) -> str:
    """A token of the page's own client, from a moment when they lived for a second, once it is over."""
    cognito, outputs = cloud.client("cognito-idp"), cloud.deployment.outputs
    which = {"UserPoolId": outputs["user_pool_id"], "ClientId": outputs["sign_in_client_id"]}
    client = cognito.describe_user_pool_client(**which)["UserPoolClient"]
    kept = {key: value for key, value in client.items() if value and key not in {"CreationDate", "LastModifiedDate"}}
    units = {**kept["TokenValidityUnits"], "AccessToken": "seconds"}
    cognito.update_user_pool_client(**{**kept, "AccessTokenValidity": 1, "TokenValidityUnits": units})
    try:
        token = cloud.token("alice")
    finally:
        cognito.update_user_pool_client(**kept)
    until(lambda: time.time() > claims_of(token)["exp"])
    return token


def wrong_audience(cloud: LocalCloud) -> str:
    """A token of alice's, from the same pool, for another app."""
    made = cloud.client("cognito-idp").create_user_pool_client(
        UserPoolId=cloud.deployment.outputs["user_pool_id"],
        ClientName="another-app",
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "email"],
        SupportedIdentityProviders=["COGNITO"],
        CallbackURLs=[cloud.url],
    )
    client_id = made["UserPoolClient"]["ClientId"]
    cloud.client("cognito-idp").create_managed_login_branding(
        UserPoolId=cloud.deployment.outputs["user_pool_id"], ClientId=client_id, UseCognitoProvidedValues=True
    )
    return SignIn(cloud, client_id).tokens("alice")["access_token"]


def id_token(cloud: LocalCloud) -> str:
    return SignIn(cloud).tokens("alice")["id_token"]


REFUSED: list[Callable[[LocalCloud], str | None]] = [
    no_token,
    nothing_in_it,
    garbage,
    unsigned,
    claims_changed,
    signed_by_another_pool,
    expired,
    wrong_audience,
    id_token,
]


@pytest.fixture(scope="module")
def refused(cloud: LocalCloud) -> dict[str, str | None]:
    return {make.__name__: make(cloud) for make in REFUSED}


def test_the_table_above_has_every_operation(cloud: LocalCloud) -> None:
    paths = send(cloud, "GET /openapi.json").json()["paths"]
    known = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {key.replace("{job}", "{job_id}") for key in (*ENDPOINTS, OPEN[0])} == known


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_endpoint_takes_it(cloud: LocalCloud, refused: dict[str, str | None], done: Job, endpoint: str) -> None:
    for which, token in refused.items():
        answer = send(cloud, endpoint, token, done["id"])
        assert answer.status_code == 401, f"{which}: {answer.text}"
        assert done["id"] not in answer.text


@pytest.mark.parametrize("endpoint", OPEN)
def test_what_is_open_needs_no_token(cloud: LocalCloud, endpoint: str) -> None:
    assert send(cloud, endpoint).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/health/", "/api/health/x", "/api/docs/../jobs", "/api/docs%2f..%2fjobs", "//api/jobs", "/api/x"]
)
def test_no_way_of_writing_a_path_gets_by(cloud: LocalCloud, done: Job, path: str) -> None:
    port = urlsplit(cloud.url).port
    with http_client(cloud.url, timeout=web.SECONDS) as http:
        answer = http.get(httpx.URL(scheme="http", host="127.0.0.1", port=port, raw_path=path.encode()))
    assert answer.status_code in {401, 403, 404}, answer.text
    assert done["id"] not in answer.text


def owners(client: JobClient) -> set[str]:
    return {job["owner"] for job in client.page(limit=50)["jobs"]}


def test_each_sees_their_own_jobs_and_an_admin_everybodys(
    cloud: LocalCloud, alice: JobClient, bob: JobClient, done: Job
) -> None:
    of_bob = bob.submit(b"x", "x.txt", "of bob")
    assert done["owner"] == claims_of(cloud.token("alice"))["sub"]
    assert (owners(alice), owners(bob)) == ({done["owner"]}, {of_bob["owner"]})
    with JobClient(cloud.url, user="admin") as admin:
        assert owners(admin).isdisjoint({done["owner"], of_bob["owner"]})
    with JobClient(cloud.url, user="admin", owner=of_bob["owner"]) as admin:
        assert owners(admin) == {of_bob["owner"]}
        assert admin.page(limit=1)["jobs"][0]["id"] == of_bob["id"]
        assert admin.wait(of_bob["id"])["status"] == "succeeded"
        assert admin.output(of_bob["id"]) == expected(b"x", "of bob")
        settled(admin, of_bob["id"])
        admin.delete(of_bob["id"])
    assert of_bob["id"] not in [job["id"] for job in bob.page(limit=50)["jobs"]]


def test_an_admin_finds_users_by_their_addresses(cloud: LocalCloud, done: Job) -> None:
    with JobClient(cloud.url, user="admin") as admin:
        for name in ("alice@example.com", done["owner"]):
            (found,) = admin._http.get("/api/owners", params={"user": name}).raise_for_status().json()["owners"]
            assert (found["owner"], found["email"]) == (done["owner"], "alice@example.com")
        recent = admin._http.get("/api/owners").raise_for_status().json()["owners"]
        assert "alice@example.com" in [each["email"] for each in recent]
        assert admin._http.get("/api/owners", params={"user": "eve@example.com"}).status_code == 404


def test_a_person_signs_in_on_the_pages(cloud: LocalCloud) -> None:
    tokens = SignIn(cloud).tokens("alice")
    claims = claims_of(tokens["access_token"])
    assert claims["exp"] - claims["iat"] <= 15 * 60
    assert set(claims["scope"].split()) == {"openid", "email"}
    assert "cognito:groups" not in claims
    assert claims_of(tokens["id_token"])["email"] == "alice@example.com"
    assert claims_of(cloud.token("admin"))["cognito:groups"] == ["admin"]
    assert send(cloud, "GET /jobs", tokens["access_token"]).status_code == 200


def test_a_wrong_password_or_verifier_gets_no_token(cloud: LocalCloud) -> None:
    browser = SignIn(cloud)
    assert "location" not in browser.submit("alice", "Not-Her-Passw0rd").headers
    code = parse_qs(urlsplit(browser.submit("alice").headers["location"]).query)["code"][0]
    assert browser.exchange(code, secrets.token_urlsafe(48)).status_code == 400


def test_no_code_is_sent_to_another_page(cloud: LocalCloud) -> None:
    browser = SignIn(cloud)
    browser.redirect_uri = "https://evil.example.org"
    assert browser.page().status_code == 400


def test_passwords_are_given_to_the_pages_alone(cloud: LocalCloud) -> None:
    cognito, outputs = cloud.client("cognito-idp"), cloud.deployment.outputs
    user = cloud.users["alice"]
    who = {"USERNAME": user["username"], "PASSWORD": user["password"]}
    for flow in ("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"):
        start = cognito.admin_initiate_auth if flow.startswith("ADMIN") else cognito.initiate_auth
        pool = {"UserPoolId": outputs["user_pool_id"]} if flow.startswith("ADMIN") else {}
        with pytest.raises(cognito.exceptions.InvalidParameterException):
            start(ClientId=outputs["sign_in_client_id"], AuthFlow=flow, AuthParameters=who, **pool)


def test_a_client_of_a_user_that_is_not_there_says_so(cloud: LocalCloud) -> None:
    with pytest.raises(JobApiError, match=r"user_not_found .*alice, bob, admin"):
        JobClient(cloud.url, user="eve")


def test_sign_up_is_refused(cloud: LocalCloud) -> None:
    cognito = cloud.client("cognito-idp")
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.sign_up(
            ClientId=cloud.deployment.outputs["sign_in_client_id"],
            Username="eve@example.org",
            Password=f"{secrets.token_urlsafe(12)}-Aa1",
        )


def test_the_page_may_talk_to_the_sign_in_pages(cloud: LocalCloud) -> None:
    settings = web.get(f"{cloud.url}/config.json")
    assert settings.headers["cache-control"] == "no-cache"
    told = settings.json()
    command_line = told.pop("command_line")
    assert command_line["client_id"] != told["client_id"]
    assert told == {
        "auth": "cognito",
        "domain": cloud.aws_endpoint,
        "client_id": cloud.deployment.outputs["sign_in_client_id"],
        "scope": "openid email",
    }
    policy = web.get(f"{cloud.url}/").headers["content-security-policy"]
    assert told["domain"] in re.search(r"connect-src ([^;]*)", policy)[1].split()  # type: ignore[index]  # no match is a failure too
    exchange = web.post(f"{told['domain']}/oauth2/token", data={"grant_type": "none"}, headers={"origin": cloud.url})
    assert exchange.headers["access-control-allow-origin"] in {"*", cloud.url}
