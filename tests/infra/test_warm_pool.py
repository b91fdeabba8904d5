"""What a stack with a pool has that others have not."""

from __future__ import annotations

import base64
import re

import pytest

from functions.orchestrator.settings import PoolSettings
from localcloud.emulator.ec2.user_data import read_user_data
from localcloud.engine.deployment import Deployment
from tests.infra.resources import environment, functions
from tests.policy_statements import allowing

pytestmark = pytest.mark.thorough

ONLY_WITH_A_POOL = {"ec2:StartInstances", "ec2:StopInstances", "ssm:DescribeInstanceInformation"}


def test_a_stack_without_a_pool_can_neither_start_nor_stop_machines_and_has_no_keeper(open_to_all: Deployment) -> None:
    assert [action for action in ONLY_WITH_A_POOL if allowing(open_to_all, action)] == []
    assert "pool" not in functions(open_to_all)


def test_only_the_stacks_own_machines_are_started_and_none_that_has_a_job_is_stopped(pooled: Deployment) -> None:
    own = {"StringEquals": {"aws:ResourceTag/mayfly:stack": "local"}}
    assert [row.conditions for _, row in allowing(pooled, "ec2:StartInstances")] == [own]
    of_no_job = {**own, "Null": {"aws:ResourceTag/mayfly:job-id": "true"}}
    assert [row.conditions for _, row in allowing(pooled, "ec2:StopInstances")] == [of_no_job]


def test_the_reconciler_has_every_setting_that_it_reads_and_ends_before_a_stop_has_settled(pooled: Deployment) -> None:
    settings = PoolSettings.from_env(environment(pooled, "pool"))
    assert settings.settle_seconds > functions(pooled)["pool"].inputs["timeout"]


def test_every_machine_has_its_deadline_at_every_boot_and_its_image_keeps_its_own_scripts(
    pooled: Deployment, open_to_all: Deployment
) -> None:
    # cloud-init's guide, "User-data formats": a plain script runs once per instance; a list of modules in cloud-config
    # replaces the image's. judges/cloud_init runs this user data by cloud-init itself.
    for deployment in (pooled, open_to_all):
        (template,) = deployment.of_type("aws:ec2/launchTemplate:LaunchTemplate")
        user_data = base64.b64decode(template.inputs["userData"])
        (script,) = read_user_data(user_data)
        assert script.every_boot
        assert script.name == "00-mayfly-deadline"
        assert re.fullmatch(rb"#!/bin/sh\n# .*\nshutdown -h \+[0-9]+\n*", script.body)
        assert b"cloud-config" not in user_data
