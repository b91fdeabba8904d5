"""A workflow's tasks as Step Functions runs them: with the state machine's role, and failing when the function fails.

Upstream MiniStack invokes any function and publishes to any topic, whatever the role says; with `.waitForTaskToken` it
ignores that the function failed and waits until the state's timeout; it authorizes SendTaskSuccess on nothing in
particular, where AWS checks the state machine (as in CDK's `grantTaskResponse`); and a token whose task has ended is
unknown to it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc, stepfunctions

from localcloud.emulator.iam.request_context import ApiCall, Check
from localcloud.emulator.iam.roles import role_allows
from localcloud.emulator.settings import Scope
from localcloud.emulator.workflows.workflow_history import note_submitted

_PUBLISH = "arn:aws:states:::sns:publish"
RESPONSES = ("states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat")


@dataclass(frozen=True)
class RunningTask:
    """The execution whose task is being run, and the token it waits for, if any."""

    execution: dict[str, Any]
    token: str | None = None

    @property
    def state_machine_arn(self) -> str:
        return str(self.execution["stateMachineArn"])


_running: ContextVar[RunningTask | None] = ContextVar("localcloud_running_task", default=None)
# The state machine that gave out each task token. Tokens of ended tasks stay: an answer to them is no refusal.
state_machines_by_token: dict[str, str] = {}


def install() -> None:
    stepfunctions._execute_task = _with_running_task(stepfunctions._execute_task)
    stepfunctions._invoke_with_callback = _with_token(stepfunctions._invoke_with_callback)
    stepfunctions._call_lambda = _with_role(stepfunctions._call_lambda)
    stepfunctions._SERVICE_DISPATCH[_PUBLISH] = _publishing_with_role(stepfunctions._SERVICE_DISPATCH[_PUBLISH])
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(stepfunctions, name, _knowing_ended_tasks(getattr(stepfunctions, name)))


def checks_for_task_response(action: str, call: ApiCall) -> list[Check] | None:
    """The state machine that gave out the token; a token that none gave out is left to MiniStack."""
    state_machine_arn = state_machines_by_token.get(call.document.get("taskToken", ""))
    return [Check(action, state_machine_arn)] if state_machine_arn else None


def _with_running_task(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        token = _running.set(RunningTask(execution) if execution else None)
        try:
            return upstream(state, raw_input, execution, context)
        finally:
            _running.reset(token)

    return execute_task


def _with_token(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def invoke_with_callback(resource: str, input_data: Any, task_token: str, state: dict[str, Any]) -> Any:
        running = _running.get()
        if running is None:
            return upstream(resource, input_data, task_token, state)
        state_machines_by_token[task_token] = running.state_machine_arn
        reset = _running.set(RunningTask(running.execution, task_token))
        try:
            return upstream(resource, input_data, task_token, state)
        finally:
            _running.reset(reset)

    return invoke_with_callback


def _with_role(upstream: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def call_lambda(function: str, event: Any) -> Any:
        running = _running.get()
        if running is None:
            return upstream(function, event)
        try:
            _check_role(running.state_machine_arn, function)
            answer = upstream(function, event)
        except stepfunctions._ExecutionError as error:
            _fail_waiting_task(running.token, error)
            raise
        if running.token is not None:
            note_submitted(running.execution)
        return answer

    return call_lambda


def _publishing_with_role(upstream: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def publish(resource: str, arguments: dict[str, Any]) -> Any:
        running = _running.get()
        if running is not None:
            # The error is the SDK's exception (developer guide, "Handling errors in Step Functions workflows").
            refusal = "SNS.AuthorizationErrorException"
            _check_right(running.state_machine_arn, "sns:Publish", arguments["TopicArn"], refusal)
        return upstream(resource, arguments)

    return publish


def _check_role(state_machine_arn: str, function: str) -> None:
    _, config, _ = lambda_svc._get_func_record_for_ref(function)
    arn = config["FunctionArn"] if config else function
    _check_right(state_machine_arn, "lambda:InvokeFunction", arn, "Lambda.AWSLambdaException")


def _check_right(state_machine_arn: str, action: str, arn: str, refusal: str) -> None:
    role_arn = stepfunctions._state_machines[state_machine_arn]["roleArn"]
    if not role_allows(Scope(get_account_id(), get_region()), role_arn, action, arn):
        cause = (
            f"User: {role_arn} is not authorized to perform: {action} on resource: {arn} because no "
            f"identity-based policy allows the {action} action (Status Code: 403)"
        )
        raise stepfunctions._ExecutionError(refusal, cause)


def _fail_waiting_task(token: str | None, error: Any) -> None:
    """Ends a task that waits for its token with the invocation's error, unless an answer was faster."""
    waiting = stepfunctions._task_tokens.get(token) if token else None
    if waiting and not waiting["event"].is_set():
        waiting["error"] = {"Error": error.error, "Cause": error.cause}
        waiting["event"].set()


def _knowing_ended_tasks(upstream: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def send_task_response(data: dict[str, Any]) -> Any:
        token = data.get("taskToken", "")
        if token in state_machines_by_token and token not in stepfunctions._task_tokens:
            message = "Task Timed Out: 'Provided task does not exist anymore'"
            return error_response_json("TaskTimedOut", message, 400)
        return upstream(data)

    return send_task_response
