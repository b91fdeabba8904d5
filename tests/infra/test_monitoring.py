"""What watches a stack: with everything on, and with nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from functions.aws.metrics import NAMESPACE
from functions.monitoring.metrics import FAULTS, METRICS
from infra.alarms import API_THROTTLED
from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource
from tests.infra.conftest import ROOT, WATCHED
from tests.infra.resources import only
from tests.policy_statements import allowing, policy_documents

pytestmark = pytest.mark.thorough

ALARM, TOPIC = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sns/topic:Topic"
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def alarms(deployment: Deployment) -> dict[str, Resource]:
    return {each.inputs["name"].removeprefix("mayfly-prod-"): each for each in deployment.of_type(ALARM)}


def alarm_topic(deployment: Deployment) -> Resource:
    return only(deployment, TOPIC, "-alarms")


def body(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(only(deployment, "aws:cloudwatch/dashboard:Dashboard").inputs["dashboardBody"])
    return found


def told(heading: str) -> list[str]:
    """The first cells, without their marks, of the table in docs/troubleshooting.md whose first column is headed so."""
    (table,) = re.findall(rf"\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TROUBLESHOOTING)
    return [row.split("|")[1].strip().strip("`") for row in table.splitlines()]


def test_every_alarm_is_in_the_document_and_the_other_way_round(production: Deployment) -> None:
    assert told("alarm") == list(dict.fromkeys(told("alarm")))
    assert set(told("alarm")) == set(alarms(production))
    for name, alarm in alarms(production).items():
        assert alarm.inputs["alarmDescription"].endswith(f'See docs/troubleshooting.md, "Alarms", {name}.')


def test_the_example_bill_has_every_alarm(production: Deployment) -> None:
    assert f"\n| alarms | {len(alarms(production))} |" in (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")


def test_every_metric_is_in_the_document_with_what_it_is_told_apart_by() -> None:
    expected = [f"{each.name}` by `{each.by}" if each.by else each.name for each in METRICS]
    assert sorted(told("metric")) == sorted([*expected, API_THROTTLED.name])


def test_every_metric_is_shown_and_this_stacks_alone(production: Deployment) -> None:
    own = [each.inputs for each in alarms(production).values() if each.inputs["namespace"] == NAMESPACE]
    assert own
    assert all(inputs["dimensions"] == {"stack": "prod"} for inputs in own)
    assert {inputs["metricName"] for inputs in own}.isdisjoint(each.name for each in METRICS if each.by)
    lines = [line for widget in body(production)["widgets"] for line in widget["properties"].get("metrics", [])]
    shown = {line[1]: line[2:-1] for line in lines if line[0] == NAMESPACE}
    assert all(dimensions == ["stack", "prod"] for dimensions in shown.values())
    searched = re.findall(r'\{Mayfly,stack,\w+\} MetricName=\\"(\w+)\\" stack=\\"prod\\"', json.dumps(lines))
    known = {each.name for each in (*METRICS, API_THROTTLED)}
    assert set(shown) | set(searched) | {FAULTS.name} == known, "a metric that is shown nowhere"


def test_alarms_on_aws_own_metrics_name_parts_of_the_stack(production: Deployment) -> None:
    parts = {
        "QueueName": {only(production, "aws:sqs/queue:Queue").outputs["name"]},
        "FunctionName": {each.inputs["name"] for each in production.of_type("aws:lambda/function:Function")},
        "ApiId": {only(production, "aws:apigatewayv2/api:Api").id},
        "StateMachineArn": {only(production, "aws:sfn/stateMachine:StateMachine").outputs["arn"]},
    }
    for name, alarm in alarms(production).items():
        if alarm.inputs["namespace"] != NAMESPACE:
            dimensions = alarm.inputs.get("dimensions", {})
            assert all(value in parts[key] for key, value in dimensions.items())
            assert dimensions or name == "functions-throttled"


def test_only_what_must_always_be_there_is_missed(production: Deployment) -> None:
    missed = {name for name, each in alarms(production).items() if each.inputs["treatMissingData"] == "breaching"}
    assert missed == {"sweeper-silent"}
    silent = alarms(production)["sweeper-silent"].inputs
    (schedule,) = [
        each.inputs["scheduleExpression"]
        for each in production.of_type("aws:cloudwatch/eventRule:EventRule")
        if each.inputs.get("scheduleExpression")
    ]
    minutes = re.fullmatch(r"rate\((\d+) minutes\)", schedule)
    assert minutes
    assert silent["period"] >= 3 * 60 * int(minutes[1]), "one sweep that is late is not yet silence"


def test_every_alarm_and_both_warnings_of_the_budget_go_to_the_topic(production: Deployment) -> None:
    topic = alarm_topic(production)
    (mail,) = production.of_type("aws:sns/topicSubscription:TopicSubscription")
    (budget,) = production.of_type("aws:budgets/budget:Budget")
    assert (mail.inputs["topic"], mail.inputs["endpoint"]) == (topic.id, WATCHED["mayfly:alarmEmail"])
    assert all(each.inputs["alarmActions"] == [topic.id] for each in alarms(production).values())
    warnings = {(each["notificationType"], each["threshold"]) for each in budget.inputs["notifications"]}
    assert warnings == {("FORECASTED", 80), ("ACTUAL", 100)}
    assert all(each["subscriberSnsTopicArns"] == [topic.id] for each in budget.inputs["notifications"])
    # As every resource of the stack is tagged (AWS Cost Management user guide, "Budget filters").
    assert budget.inputs["costFilters"] == [{"name": "TagKeyValue", "values": ["user:mayfly:stack$prod"]}]


def test_only_this_stacks_alarms_and_this_accounts_budgets_publish_to_the_topic(production: Deployment) -> None:
    topic = alarm_topic(production)
    (policy,) = [
        each for each in policy_documents(production) if each.resource.type == "aws:sns/topicPolicy:TopicPolicy"
    ]
    found = policy.statements
    assert {each.principals for each in found} == {
        ("Service:cloudwatch.amazonaws.com",),
        ("Service:budgets.amazonaws.com",),
    }
    for each in found:
        assert (each.effect, each.actions, each.resources) == ("Allow", ("sns:Publish",), (topic.id,))
        assert each.conditions["StringEquals"] == {"aws:SourceAccount": "123456789012"}
        (source,) = each.conditions["ArnLike"].values()
        assert source.split(":")[4:] in (
            ["123456789012", "alarm", "mayfly-prod-*"],
            ["123456789012", "*"],
        )


def test_the_dashboard_has_a_row_for_each_question(production: Deployment) -> None:
    widgets = body(production)["widgets"]
    questions = [each["properties"]["markdown"] for each in widgets if each["type"] == "text"]
    assert all(question.startswith("## ") and question.endswith("?") for question in questions)
    taken = {
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    }
    assert len(taken) == sum(each["width"] * each["height"] for each in widgets), "widgets lie over each other"
    assert max(x for x, _ in taken) == 23
    (alarm,) = [each for each in widgets if each["type"] == "alarm"]
    assert set(alarm["properties"]["alarms"]) == {each.outputs["arn"] for each in alarms(production).values()}


def test_a_stack_without_monitoring_has_nothing_that_costs(signed_in: Deployment) -> None:
    watching = {each.type for each in signed_in.resources if "mayfly:index:Monitoring" in each.urn}
    assert watching == {"mayfly:index:Monitoring"}
    assert "alarm_topic" not in signed_in.outputs
    for function in signed_in.of_type("aws:lambda/function:Function"):
        assert "tracingConfig" not in function.inputs
    assert allowing(signed_in, "xray:PutTraceSegments") == []


def test_a_watched_stack_measures_and_traces(production: Deployment) -> None:
    assert production.outputs["alarm_topic"]
    (machine,) = production.of_type("aws:sfn/stateMachine:StateMachine")
    assert machine.inputs["tracingConfiguration"] == {"enabled": True}
    functions = production.of_type("aws:lambda/function:Function")
    assert {each.inputs["tracingConfig"]["mode"] for each in functions} == {"Active"}
    assert {each.inputs["environment"]["variables"]["POWERTOOLS_METRICS_DISABLED"] for each in functions} == {"false"}
    traced = {role for role, _ in allowing(production, "xray:PutTraceSegments")}
    assert traced == {each.name for each in functions} | {machine.name}
