"""Input that means harm, sent the whole way: nothing of it is interpreted, and no other user is touched by it."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2 as httpx
import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobApiError, JobClient
from tests import web
from tests.cloud.conftest import Scripted
from tests.cloud.steps import expected, is_problem, machines_of, run, settled, until

pytestmark = pytest.mark.cloud

UNKNOWN = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
# Shows what the script was given, and whether any of it was run on the machine; HOME is a folder of the machine's own.
LOOK = """
printf 'name: %s\\n' "$MAYFLY_FILENAME"
find "$HOME/.." -name 'pwned*' -exec echo 'interpreted: {}' ';'
cp "$1" "$3"; cat "$2" >> "$3"
"""


def post_form(upload: dict[str, Any], content: bytes, **changes: str) -> httpx.Response:
    """Sends an upload's form with some fields changed or added."""
    form = upload["upload"]
    fields = {**form["fields"], **changes}
    return web.post(form["url"], data=fields, files={"file": ("file", content)})


def test_nothing_that_a_user_writes_is_run_by_a_shell(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, tmp_path: Path
) -> None:
    marker = tmp_path / "pwned"
    text = (
        f"$(touch {marker}) `touch {marker}` ; touch {marker} #\n'; touch {marker} #\"; touch {marker}\n%s ${{IFS}} \\"
    )
    name = "$(touch pwned-1);`touch pwned-2`;'\"|touch pwned-3;&& touch pwned-4 #${IFS}.txt"
    subprocess.run(["/bin/sh", "-c", text], check=False, capture_output=True)
    assert marker.exists(), "these words do harm where they are interpreted"
    marker.unlink()
    with scripted("sh", "-c", LOOK, "sh"):
        job = client.wait(client.submit(b"$(id)\n", name, text, "text/plain")["id"])
        assert job["status"] == "succeeded", job
    assert (job["filename"], job["input_text"]) == (name, text)
    assert client.output(job["id"]) == expected(b"$(id)\n", text)
    until(lambda: any(line["text"].startswith("name: ") for line in client.log(job["id"])["lines"]))
    lines = [line["text"] for line in client.log(job["id"])["lines"]]
    assert [line for line in lines if line.startswith("name: ")] == [f"name: {name}"]
    assert [line for line in lines if line.startswith("interpreted: ")] == []
    assert not marker.exists()
    story = client._http.get(f"/_local/jobs/{job['id']}/debug").json()
    (command,) = (json.dumps(each["Parameters"]) for each in story["commands"])
    assert "bootstrap" in command or "http" in command
    assert "pwned" not in command, "the command carries nothing that a user wrote"


def test_what_a_browser_would_run_comes_back_as_an_attachment_from_another_origin(
    client: JobClient, cloud: LocalCloud
) -> None:
    name, content = '<img src=x onerror=alert(1)>".html', b"<script>alert(document.domain)</script>"
    job = client.wait(client.submit(content, name, "x", "text/html")["id"])
    url = client.output_url(job["id"])
    answer = web.get(url)
    assert answer.content == expected(content, "x")
    assert answer.headers["content-type"] == "application/octet-stream"
    disposition, _, parameter = answer.headers["content-disposition"].partition("; ")
    assert (disposition, unquote(parameter)) == ("attachment", f"filename*=UTF-8''{name}")
    assert urlsplit(url).netloc != urlsplit(cloud.url).netloc
    for unsigned in (url.partition("?")[0], f"{cloud.aws_endpoint}/{job['input_file_path']}"):
        assert web.get(unsigned).status_code == 403
    for change in (("application%2Foctet-stream", "text%2Fhtml"), ("=attachment", "=inline"), ("/1/", "/2/")):
        assert change[0] in url
        assert web.get(url.replace(*change)).status_code == 403


def test_an_upload_form_takes_nothing_but_what_it_was_made_for(client: JobClient, cloud: LocalCloud) -> None:
    upload = client.request_upload("x.txt", 1, "text/plain")
    key = upload["upload"]["fields"]["key"]
    policy = json.loads(base64.b64decode(upload["upload"]["fields"]["policy"]))
    policy["conditions"] = [each for each in policy["conditions"] if "content-length-range" not in each]
    widened = base64.b64encode(json.dumps(policy).encode()).decode()
    for changes in (
        {"key": key.replace("x.txt", "y.txt")},
        {"key": key.replace(upload["job_id"], UNKNOWN)},
        {"key": f"{key}/../y"},
        {"Content-Type": "text/html"},
        {"policy": widened},
        {"acl": "public-read"},
        {"x-amz-meta-note": "x"},
        {"success_action_redirect": "https://evil.example.org/"},
    ):
        assert post_form(upload, b"x", **changes).status_code in {400, 403}, changes
    uploads, outputs = (cloud.deployment.outputs[f"{name}_bucket"] for name in ("uploads", "outputs"))
    assert uploads in upload["upload"]["url"]
    elsewhere = json.loads(json.dumps(upload).replace(uploads, outputs))
    assert post_form(elsewhere, b"x").status_code in {400, 403}
    for content in (b"", b"xy", b"x" * 100_000):
        assert post_form(upload, content).status_code == 400
    assert is_problem(
        client._http.post("/api/jobs", json={"job_id": upload["job_id"], "input_text": "y"}), 409, "upload_missing"
    )
    assert post_form(upload, b"x").status_code == 204


def test_an_upload_form_used_again_cannot_reach_the_result(client: JobClient) -> None:
    """It stays good for an hour, for the same key, size and type: owners can replace their own input, nothing else."""
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"1")
    job = client.wait(client.create(upload["job_id"], "y")["id"])
    settled(client, job["id"])
    before = client.get(job["id"])
    assert post_form(upload, b"12").status_code == 400
    assert post_form(upload, b"2").status_code == 204
    assert client.output(job["id"]) == b"1\ny"
    assert client.create(upload["job_id"], "y") == client.get(job["id"]) == before
    assert len(machines_of(client, job)) == 1


def test_a_job_over_another_owners_file_is_refused(client: JobClient, bob: JobClient) -> None:
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    with pytest.raises(JobApiError) as refused:
        bob.create(upload["job_id"], "mine now")
    assert (refused.value.status, refused.value.code) == (409, "upload_missing")
    assert client.create(upload["job_id"], "y")["input_text"] == "y"
    assert upload["job_id"] not in json.dumps(bob.page())


def test_a_forged_cursor_shows_nothing_of_other_owners(client: JobClient, bob: JobClient) -> None:
    job = client.submit(b"x", "x.txt", "of alice alone")
    later = f"f{job['id'][1:]}"
    for cursor in (job["id"], later, UNKNOWN):
        assert "of alice alone" not in json.dumps(bob.page(cursor=cursor))
    for cursor in (job["id"].upper(), f"{job['id']}\n", f"{job['owner']}/{job['id']}", "#slot", "{}", "0", "' OR 1=1"):
        answer = client._http.get("/api/jobs", params={"cursor": cursor})
        assert is_problem(answer, 422 if len(cursor) > 64 else 400, "invalid_request"), cursor
    assert client.wait(job["id"])["status"] == "succeeded"


def test_a_forged_log_position_shows_nothing_of_other_owners(client: JobClient, bob: JobClient) -> None:
    mine, other = run(client, b"x", "x.txt", "y"), run(bob, b"x", "bobs.txt", "y")
    until(lambda: client.log(mine["id"])["next"] is not None)
    position = client.log(mine["id"])["next"]
    for forged in (position[::-1], "f/0", "../x", "\x00", "x" * 2048):
        answer = client._http.get(f"/api/jobs/{mine['id']}/log", params={"after": forged})
        assert answer.status_code in {200, 400}, answer.text
        assert other["id"] not in answer.text
    answer = client._http.get(f"/api/jobs/{mine['id']}/log", params={"after": "x" * 2049})
    assert is_problem(answer, 422, "invalid_request")
    with pytest.raises(JobApiError) as hidden:
        bob.log(mine["id"], position)
    assert (hidden.value.status, hidden.value.code) == (404, "job_not_found")


def test_a_token_of_another_issuer_is_refused(client: JobClient, cloud: LocalCloud) -> None:
    """One that any AWS account can have made: a pool, an app and a user of their own."""
    cognito, password = cloud.client("cognito-idp"), "Correct-Horse-7"
    pool = cognito.create_user_pool(PoolName="elsewhere", UsernameAttributes=["email"])["UserPool"]["Id"]
    app = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="page", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="alice@example.com", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="alice@example.com", Password=password, Permanent=True)
    tokens = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=app,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "alice@example.com", "PASSWORD": password},
    )["AuthenticationResult"]
    for kind in ("AccessToken", "IdToken"):
        answer = web.get(f"{cloud.url}/api/jobs", headers={"authorization": f"Bearer {tokens[kind]}"})
        assert answer.status_code == 401, answer.text
    assert client.page(limit=1)


@pytest.mark.parametrize("path", ["/", "/api/docs", "/api/jobs", "/api/health", "/api/nothing", "/main.js"])
def test_everything_goes_out_with_the_sites_headers(client: JobClient, path: str) -> None:
    headers = client._http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert not path.startswith("/api/") or headers["cache-control"] == "no-store"


def test_only_the_sites_pages_may_upload(client: JobClient, cloud: LocalCloud) -> None:
    url = client.request_upload("x.txt", 1)["upload"]["url"]

    def allowed(origin: str, method: str = "POST", header: str = "content-type") -> bool:
        asked = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": header,
        }
        answer = web.options(url, headers=asked)
        return answer.headers.get("access-control-allow-origin") == origin

    for method in ("POST", "PUT"):
        assert allowed(cloud.url, method)
        assert not allowed("https://evil.example.org", method)
        assert not allowed("null", method)
    assert not allowed(cloud.url, method="GET")
    assert not allowed(cloud.url, method="DELETE")
    assert not allowed(cloud.url, header="x-amz-acl")
