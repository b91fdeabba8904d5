"""`/_local/…`: what the machines are doing, losing one on purpose, faults, and what is known of a job.

| request | answer |
|---|---|
| GET /_local/machines | list of machines ever launched |
| POST /_local/machines/{id}/kill | 202 the machine, being lost as a spot instance is, without warning |
| GET, PUT, DELETE /_local/faults | the faults in force |
| GET /_local/rights | role name → the actions that it has used |
| POST /_local/warm | 202; starts one worker of every function in the background |
| GET /_local/token?user=NAME | `{access_token}` of alice, bob or admin, where there is sign-in |
| GET, PUT /_local/users | who can sign in, name → `{username, password}`; `LocalCloud` puts them |
| GET /_local/jobs/{job_id}/debug | execution history, function logs, commands and machines of a job |
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

from localcloud.emulator.cognito.local_users import AppClient, LocalUsers, User
from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.ec2.machine_view import machine_json
from localcloud.emulator.faults import FaultPlan, Faults, InvalidFaultError
from localcloud.emulator.functions.warm_up import Warmer
from localcloud.emulator.iam.used_rights import UsedRights
from localcloud.emulator.site.asgi import Answer, Request, json_answer, problem
from localcloud.emulator.site.job_debug import JobDebug


class Control:
    """Answers the requests of the table above."""

    def __init__(
        self,
        instances: InstanceRegistry,
        faults: Faults,
        debug: JobDebug,
        warmer: Warmer,
        rights: UsedRights,
        users: LocalUsers,
    ) -> None:
        self._instances = instances
        self._faults = faults
        self._debug = debug
        self._warmer = warmer
        self._rights = rights
        self._users = users

    async def answer(self, request: Request) -> Answer:  # noqa: C901, PLR0911 - a case for each row of the table
        match (request.method, *request.path.strip("/").split("/")[1:]):
            case ("GET", "machines"):
                return json_answer(200, [machine_json(machine) for machine in self._instances.all()])
            case ("POST", "machines", instance_id, "kill"):
                return self._kill(instance_id)
            case ("GET", "faults"):
                return json_answer(200, self._faults.to_json())
            case ("PUT", "faults"):
                return self._set_faults(request.body)
            case ("DELETE", "faults"):
                self._faults.clear()
                return Answer(204)
            case ("GET", "rights"):
                return json_answer(200, self._rights.to_json())
            case ("POST", "warm"):
                self._warmer.begin()
                return Answer(202)
            case ("GET", "token"):
                return await self._token(parse_qs(request.raw_query).get("user", [""])[0])
            case ("GET", "users"):
                return json_answer(200, self._users.to_json())
            case ("PUT", "users"):
                return self._let_in(request.body)
            case ("GET", "jobs", job_id, "debug"):
                return json_answer(200, await asyncio.to_thread(self._debug.collect, job_id))
            case _:
                return problem(404, "not_found", f"There is no {request.method} {request.path} here.")

    def _kill(self, instance_id: str) -> Answer:
        machine = self._instances.get(instance_id)
        if machine is None:
            return problem(404, "machine_not_found", f"No machine {instance_id} was ever launched.")
        machine.terminate("Server.SpotInstanceTermination: Spot instance termination")
        return json_answer(202, machine_json(machine))

    async def _token(self, name: str) -> Answer:
        if not self._users.has_sign_in:
            return problem(404, "no_sign_in", "There is no sign-in: mayfly:auth is none, and the API wants no token.")
        token = await self._users.access_token(name)
        if token is None:
            return problem(404, "user_not_found", f"There is no user {name!r}, but {', '.join(self._users.to_json())}.")
        return json_answer(200, {"access_token": token})

    def _let_in(self, body: bytes) -> Answer:
        told = json.loads(body)
        users = {name: User(**user) for name, user in told["users"].items()}
        self._users.let_in(AppClient(**told["client"]), users)
        return Answer(204)

    def _set_faults(self, body: bytes) -> Answer:
        try:
            plan = FaultPlan.from_json(json.loads(body))
        except InvalidFaultError as error:
            return problem(400, "invalid_fault", str(error), key=error.key)
        except ValueError:
            return problem(400, "invalid_json", "The body must be a JSON object.")
        self._faults.replace(plan)
        return json_answer(200, self._faults.to_json())
