"""Jobs live through an upgrade by the real engine, and through the way back (docs/operations.md, "Upgrade")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud, local_config
from localcloud.emulator.process import ROOT, EmulatorProcess
from localcloud.engine.records import Deployment, Target
from localcloud.plugins.cli import Workspace
from operations.job_client import JobClient
from tests.cloud.steps import until, without
from tests.infra.resources import longest_chain
from tests.pulumi.conftest import REGION
from tests.pulumi.crowd import SLOTS, SLOW_TYPE, Crowd, Story, events, script
from tests.pulumi.release import next_release

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

_UP = ("up", "--yes", "--skip-preview")
_RECORD = "mayfly-local-record"
_FAILED = ("failed",)
_CANCELLED = ("cancelled running", "cancelled waiting")
# A line of the engine: ` ~  aws:lambda:Function mayfly-local-api updated (2s) [diff: ~code]`.
_CHANGED = re.compile(r"~ +aws:\S+ (\S+) updat(?:ing|ed)")


@dataclass(frozen=True)
class Release:
    number: int
    program: Path
    settings: dict[str, str]


@dataclass(frozen=True)
class Stage:
    """A deployed stack, whose program and settings can be changed while jobs run."""

    cloud: LocalCloud
    workspace: Workspace
    gates: Path

    def release(self, number: int, program: Path, **settings: str) -> Release:
        # Machines boot for as long as an `up` takes on a slow computer.
        always = {"auth": "none", "bootTimeoutMinutes": "60", "allowedInstanceTypes": json.dumps([SLOW_TYPE])}
        return Release(number, program, {**always, "script": script(self.gates, number), **settings})

    def up(self, release: Release) -> str:
        self.workspace.check_out(release.program)
        self.workspace.configure("local", release.settings)
        return self.workspace.do(*_UP)

    def change(self, release: Release, name: str) -> Change:
        """The stack is changed while twenty jobs, and two that come meanwhile, are under way; all of them are done."""
        with JobClient(self.cloud.url) as client, ThreadPoolExecutor(1) as pool:
            crowd = Crowd(self.cloud, client, self.gates, name)
            crowd.gather()
            before, hashes = crowd.states(), self.code()
            with without(self.cloud, _RECORD, "dynamodb:UpdateItem"):  # a step that fails is tried again, for a minute
                crowd.open(recording=True)
                crowd.until("recording", lambda job: crowd.state(job["id"]) == "Record")
                before["recording"] = crowd.states_of("recording")
                running = pool.submit(self.up, release)
            until(lambda: self.code() != hashes or running.done(), 600)
            crowd.set_faults()
            crowd.add("meanwhile", 2)
            output = running.result()
            crowd.add("afterwards", 2)
            crowd.open()
            crowd.until_done()
            return Change(before, output, {state: crowd.stories(state) for state in crowd.jobs})

    def code(self) -> str:
        """Which code the function that records has."""
        functions = self.cloud.client("lambda")
        return str(functions.get_function_configuration(FunctionName=_RECORD)["CodeSha256"])


@dataclass(frozen=True)
class Change:
    """What an `up` found, what it printed, and what became of the jobs."""

    before: dict[str, set[tuple[str, str]]]
    output: str
    stories: dict[str, list[Story]]

    def lines(self, name: str) -> list[int]:
        """In which lines the engine began with a resource, and was done."""
        return [
            number
            for number, line in enumerate(self.output.splitlines())
            if (found := _CHANGED.search(line)) and found[1] == name
        ]


@pytest.fixture(scope="module")
def stage(cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        emulator = EmulatorProcess.start(region=REGION)
        stack.callback(emulator.stop)
        root = emulator.root
        target = Target(emulator.aws_endpoint, REGION, root.access_key_id, root.secret_access_key)
        workspace = stack.enter_context(Workspace(cli, ROOT, target))
        workspace.select("local", local_config(emulator.site_url))
        stage = Stage(
            LocalCloud(Deployment([], {}, 0.0, REGION), emulator), workspace, tmp_path_factory.mktemp("gates")
        )
        stage.up(first(stage))
        yield replace(stage, cloud=LocalCloud(workspace.deployment(), emulator))


def first(stage: Stage) -> Release:
    return stage.release(1, ROOT, maxConcurrentJobs=str(SLOTS), machineDiskGib="16", jobTimeoutMinutes="60")


@pytest.fixture(scope="module")
def upgrade(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Change:
    program = next_release(tmp_path_factory.mktemp("release"))
    settings = {"maxConcurrentJobs": str(SLOTS + 1), "machineDiskGib": "20", "jobTimeoutMinutes": "90"}
    return stage.change(stage.release(2, program, **settings), "upgrade")


@pytest.fixture(scope="module")
def rollback(stage: Stage, upgrade: Change) -> Change:
    return stage.change(first(stage), "rollback")


@pytest.fixture(params=["upgrade", "rollback"])
def change(request: pytest.FixtureRequest) -> Change:
    found: Change = request.getfixturevalue(request.param)
    return found


def test_there_were_twenty_jobs_in_every_state(change: Change) -> None:
    expected = {
        "succeeded": {("succeeded", "Release")},
        "failed": {("failed", "Release")},
        "cancelled running": {("cancelled", "Release")},
        "running": {("running", "AwaitCompletion")},
        "recording": {("running", "Record")},
        "launching": {("queued", "Launch")},
        "waiting": {("queued", "Launch")},
    }
    assert {state: change.before[state] for state in expected} == expected
    assert change.before["booting"] <= {("launching", "Boot"), ("launching", "Dispatch")}
    assert sum(len(change.stories[state]) for state in change.before) == 20


def test_every_job_ends_as_it_should_by_one_workflow_one_machine_and_one_command(change: Change) -> None:
    for state, stories in change.stories.items():
        wanted = "failed" if state in _FAILED else "cancelled" if state in _CANCELLED else "succeeded"
        for story in stories:
            assert story.job["status"] == wanted, (state, story.job)
            assert [execution["status"] for execution in story.told["executions"]] == ["SUCCEEDED"]
            machines = 0 if state == "cancelled waiting" else 1
            assert len(story.told["machines"]) == len(story.told["commands"]) == machines, (state, story.job)
            assert {machine["state"] for machine in story.told["machines"]} <= {"terminated"}
            if wanted == "succeeded":
                assert story.job["attempts"] == 1
                assert events(story.job).count("running") == events(story.job).count("succeeded") == 1


def test_no_job_has_a_machine_left(stage: Stage, rollback: Change) -> None:
    with JobClient(stage.cloud.url) as client:
        assert {machine["state"] for machine in client.machines()} == {"terminated"}
        assert client._http.get("/api/machines").json()["alive"] == []


@pytest.mark.parametrize(("name", "old", "new"), [("upgrade", 1, 2), ("rollback", 2, 1)])
def test_a_machine_that_has_its_command_keeps_its_script_and_later_ones_have_the_new_one(
    name: str, old: int, new: int, request: pytest.FixtureRequest
) -> None:
    change: Change = request.getfixturevalue(name)
    gates = {"running": name, "recording": f"{name}-recording"}
    for state in ("succeeded", "running", "recording", "booting", "launching", "waiting", "meanwhile", "afterwards"):
        numbers = (
            {old} if state in ("succeeded", "running", "recording") else {new} if state == "afterwards" else {1, 2}
        )
        results = {f"{gates.get(state, 'open')} text by script {number}" for number in numbers}
        assert {story.output for story in change.stories[state]} <= results


def test_an_execution_keeps_its_definition_and_later_ones_have_the_new_one(upgrade: Change, rollback: Change) -> None:
    for state in ("running", "recording", "booting", "launching", "waiting"):
        assert not any("Recorded" in story.states for story in upgrade.stories[state])
        assert all("Recorded" in story.states for story in rollback.stories[state])
    assert all("Recorded" in story.states for story in upgrade.stories["afterwards"])
    assert not any("Recorded" in story.states for story in rollback.stories["afterwards"])


def test_an_execution_calls_the_new_functions_at_once(upgrade: Change, rollback: Change) -> None:
    for change, old, new in ((upgrade, 1, 2), (rollback, 2, 1)):
        for story in change.stories["running"]:
            assert story.releases("launch")[0] == old
            assert {*story.releases("record"), *story.releases("release")} == {new}


def test_the_steps_are_changed_before_the_workflow(stage: Stage, change: Change) -> None:
    [workflow] = stage.cloud.deployment.of_type("aws:sfn/stateMachine:StateMachine")
    began, _ = change.lines(workflow.name)
    steps = {arn.rpartition(":")[2] for arn in re.findall(r"arn:aws:lambda:[\w:-]+", workflow.inputs["definition"])}
    assert len(steps) == 7
    for step in steps:
        assert max(change.lines(step)) < began


def test_no_resource_waits_for_more_than_six_others_in_a_row(stage: Stage) -> None:
    assert len(longest_chain(stage.cloud.deployment)) == 7, longest_chain(stage.cloud.deployment)


def test_payloads_of_both_releases_stay(stage: Stage, rollback: Change) -> None:
    deployed = stage.cloud.deployment.of_type("aws:s3/bucketObjectv2:BucketObjectv2")
    [payload] = [each for each in deployed if each.name == "mayfly-local-payload"]
    kept = stage.cloud.client("s3").list_objects_v2(Bucket=payload.outputs["bucket"], Prefix="payload/")
    assert len(kept["Contents"]) == 2


def test_machines_come_from_the_newest_version_of_the_launch_template(stage: Stage, upgrade: Change) -> None:
    [template] = stage.cloud.deployment.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    found = stage.cloud.client("ec2").describe_launch_template_versions(LaunchTemplateId=template.id)
    disks = {
        version["VersionNumber"]: version["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]
        for version in found["LaunchTemplateVersions"]
    }
    assert list(dict(sorted(disks.items())).values())[:2] == [16, 20]


def test_after_the_rollback_the_stack_is_as_it_was(stage: Stage, rollback: Change) -> None:
    before = {each.urn: each.inputs for each in stage.cloud.deployment.resources}
    assert {each.urn: each.inputs for each in stage.workspace.deployment().resources} == before
