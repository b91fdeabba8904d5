"""The FastAPI application, given what it works with."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from functions.api import problems, routes
from functions.api.answer_headers import AnswerHeaders
from functions.api.body_limit import BodyLimit
from functions.api.caller import Auth, caller_by
from functions.api.head_requests import HeadRequests
from functions.api.models import Problem
from functions.submission.submission import Submission

# The same path on every host: behind CloudFront, at the API's own address and in the local cloud.
API_PREFIX = "/api"

_DESCRIPTION = f"""
Runs a script over your file on a virtual machine that lives only for that job.

1. `POST /uploads` with the file's name and size.
2. POST the file to the URL in the answer, as a form: all `fields` first, then the file as `file`.
3. `POST /jobs` with the job's id and the text.
4. `GET /jobs/{{id}}` until the status is `succeeded`, then `GET /jobs/{{id}}/output`.

A large file is better uploaded in parts: `POST /uploads` with `multipart`, PUT each part to its URL, then
`POST /uploads/{{id}}/complete` and go on with step 3. What broke off goes on with `POST /uploads/{{id}}/parts`.

Every `GET` answers `HEAD` as well: the same status and headers, no body.

Errors are problem documents (RFC 9457); `code` is stable, `detail` says what to do. Each operation lists its codes.
On any other path or method:

{problems.listed(problems.NO_OPERATION)}

When there are too many requests at once, API Gateway answers 429, or 503 when the service takes too long, with a
`message` alone; try again in a moment.
"""

# Everything it loads comes from the page's own origin (frontend/vendor), and nothing is inline.
DOCS_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mayfly API</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/vendor/swagger-ui/swagger-ui.css">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<div id="docs"></div>
<script src="/vendor/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/docs.js" type="module"></script>
</body>
</html>
"""
# The widget embeds its icons as data: URLs.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# For the documentation alone: functions/api/caller.py goes by what API Gateway found. FastAPI's HTTPBearer would be one
# more dependency of each request.
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The access token that signing in gave; an ID token does not do.",
}


def create_app(submission: Submission, auth: Auth = Auth.NONE) -> FastAPI:
    app = FastAPI(
        title="Mayfly",
        version="1",
        description=_DESCRIPTION,
        servers=[{"url": API_PREFIX}],
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        swagger_ui_oauth2_redirect_url=None,
        # Starlette's redirects name neither the prefix nor the host that the caller used (Mangum strips both).
        redirect_slashes=False,
        separate_input_output_schemas=False,
        # Nothing here exports any; FastAPI would look for an exporter at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.submission = submission
    app.state.caller_of = caller_by(auth)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(HeadRequests)
    app.add_middleware(AnswerHeaders)  # the last one added is the outermost
    app.include_router(routes.signed_in, responses=problems.UNAUTHORIZED if auth is Auth.COGNITO else None)
    app.include_router(routes.for_all)
    app.add_api_route("/docs", _docs_page, include_in_schema=False, response_class=HTMLResponse)
    _extend_documentation(app, auth)
    return app


async def _docs_page() -> HTMLResponse:
    return HTMLResponse(DOCS_PAGE, headers={"content-security-policy": _DOCS_POLICY})


def _extend_documentation(app: FastAPI, auth: Auth) -> None:
    """Adds what routes refer to and no route brings along: the schema of problems, and how to sign in."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        schema = generate()
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema(
            ref_template="#/components/schemas/{model}"
        ) | {"title": "Problem"}
        definitions = schema["components"]["schemas"]["Problem"].pop("$defs", {})
        schema["components"]["schemas"].update(definitions)
        if auth is Auth.COGNITO:
            schema["components"]["securitySchemes"] = {"bearer": _BEARER}
            for operation in (each for methods in schema["paths"].values() for each in methods.values()):
                if "401" in operation["responses"]:
                    operation["security"] = [{"bearer": []}]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema
