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
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs

from localcloud.emulator.cognito.local_users import LocalUsers
from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.ec2.machine_view import machine_json
from localcloud.emulator.faults import FaultPlan, Faults, InvalidFaultError
from localcloud.emulator.functions.warm_up import warm_up
from localcloud.emulator.functions.worker_pool import WorkerPool
from localcloud.emulator.iam.used_rights import UsedRights
from localcloud.emulator.settings import Scope
from localcloud.emulator.site.asgi import Answer, Request, json_answer, problem
from localcloud.emulator.site.job_debug import known_of_job


@dataclass(frozen=True)
class Control:
    """Answers the requests of the table above."""

    scope: Scope
    instances: InstanceRegistry
    faults: Faults
    workers: WorkerPool
    rights: UsedRights
    users: LocalUsers

    async def answer(self, request: Request) -> Answer:  # noqa: C901, PLR0911 - a case for each row of the table
        match (request.method, *request.path.strip("/").split("/")[1:]):
            case ("GET", "machines"):
                return json_answer(200, [machine_json(machine) for machine in self.instances.all()])
            case ("POST", "machines", instance_id, "kill"):
                return self._kill(instance_id)
            case ("GET", "faults"):
                return json_answer(200, self.faults.to_json())
            case ("PUT", "faults"):
                return self._set_faults(request.body)
            case ("DELETE", "faults"):
                self.faults.clear()
                return Answer(204)
            case ("GET", "rights"):
                return json_answer(200, {role: sorted(actions) for role, actions in sorted(self.rights.items())})
            case ("POST", "warm"):
                threading.Thread(target=warm_up, args=(self.workers, self.scope), name="warm-up", daemon=True).start()
                return Answer(202)
            case ("GET", "token"):
                return await self._token(parse_qs(request.raw_query).get("user", [""])[0])
            case ("GET", "users"):
                return json_answer(200, self.users.by_name)
            case ("PUT", "users"):
                self.users.let_in(**json.loads(request.body))
                return Answer(204)
            case ("GET", "jobs", job_id, "debug"):
                return json_answer(200, await asyncio.to_thread(known_of_job, job_id, self.instances, self.scope))
            case _:
                return problem(404, "not_found", f"There is no {request.method} {request.path} here.")

    def _kill(self, instance_id: str) -> Answer:
        machine = self.instances.get(instance_id)
        if machine is None:
            return problem(404, "machine_not_found", f"No machine {instance_id} was ever launched.")
        machine.terminate("Server.SpotInstanceTermination: Spot instance termination")
        return json_answer(202, machine_json(machine))

    async def _token(self, name: str) -> Answer:
        if not self.users.has_sign_in:
            return problem(404, "no_sign_in", "There is no sign-in: mayfly:auth is none, and the API wants no token.")
        token = await asyncio.to_thread(self.users.access_token, name)
        if token is None:
            return problem(404, "user_not_found", f"There is no user {name!r}, but {', '.join(self.users.by_name)}.")
        return json_answer(200, {"access_token": token})

    def _set_faults(self, body: bytes) -> Answer:
        try:
            plan = FaultPlan.from_json(json.loads(body))
        except InvalidFaultError as error:
            return problem(400, "invalid_fault", str(error), key=error.key)
        except ValueError:
            return problem(400, "invalid_json", "The body must be a JSON object.")
        self.faults.replace(plan)
        return json_answer(200, self.faults.to_json())
