"""What runs after the plan is applied: the attendant, Claude or its stand-in, every web function, the
demonstration key, the first request.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from kit.embedded import Access, keep_access, read_access
from kit.errors import ExitCode, KitError
from kit.home import PROJECT_ROOT, Home
from kit.identity.claude_code import model_environment, models_of_department
from kit.identity.keys import Scope, create_key
from kit.identity.operator import access_records, pepper, policy
from kit.local.attendant import token_key_of
from kit.local.demonstration_people import demonstrated, federate, provision, write_people
from kit.local.deployment import Deployment, Plan
from kit.local.functions import LocalFunctionContext, PlannedFunction, planned_functions, web_process
from kit.local.ports import port_of
from kit.local.processes import Process, base_environment, converge, fingerprint
from kit.reviews.credentials import give_missing
from kit.reviews.places import departments_with_workflows
from kit.target import Target, find_target
from lambdas.common.virtual_keys import key_record_pk

APPLICATION = "demonstration, made by kit up"
ATTENDANT, STAND_IN, IDENTITY_STAND_IN = "attendant", "claude-stand-in", "identity-stand-in"
PORTAL = "portal"
_QUESTION = "In one sentence: what are you?"
_NOT_INSPECTED = (
    "could not be inspected in time",
    "the inspection failed",
)  # as lambdas/inspection/policy.py says
_PAUSES = (0.5, 1.0, 2.0)  # seconds before each retry
_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class FirstRequest:
    """The first request: the answer's text, its model, and its duration."""

    request_id: str
    model: str
    text: str
    seconds: float


def start_processes(deployment: Deployment, plan: Plan) -> list[str]:
    """Converge every process to the plan; return the names of those restarted.

    Raises KitError for a port in use, or a process that does not start.
    """
    home, choice, base = deployment.home, deployment.choice, deployment.choice.port_base
    functions = planned_functions(plan.graphs.values(), deployment.prefix)
    web = [function for function in functions if function.web]
    names = [function.name for function in web]
    attendant = _attendant(deployment, port_of(ATTENDANT, base, names))
    stand_in = _stand_in(home, port_of(STAND_IN, base, names))
    services = [attendant] if choice.anthropic_api_key else [attendant, stand_in]
    if PORTAL in names:
        services.append(_identity_stand_in(deployment, port_of(IDENTITY_STAND_IN, base, names)))
    context = LocalFunctionContext(
        home=home,
        emulator=deployment.emulator,
        attendant_url=attendant.url,
        token_key=token_key_of(home),
        upstream_url=None if choice.anthropic_api_key else stand_in.url,
    )
    wanted = [web_process(function, context, port_of(function.name, base, names)) for function in web]
    return converge(home, [*services, *wanted])


def _attendant(deployment: Deployment, port: int) -> Process:
    command = [sys.executable, "-m", "kit.local.attendant", "--port", str(port)]
    environment = base_environment(deployment.home) | {"KIT_HOME": str(deployment.home.path)}
    started_for = environment | {"emulator": str(deployment.emulator.pid)}
    return Process(
        name=ATTENDANT,
        title="hands each function the credentials of its role",
        command=command,
        environment=environment,
        port=port,
        health_path="/healthz",
        fingerprint=fingerprint(command, started_for, [PROJECT_ROOT / "kit" / "local" / "attendant.py"]),
    )


def _stand_in(home: Home, port: int) -> Process:
    command = [sys.executable, "-m", "kit.local.claude_stand_in", "--port", str(port)]
    environment = base_environment(home)
    return Process(
        name=STAND_IN,
        title="stands in for Claude; set ANTHROPIC_API_KEY to reach the real one",
        command=command,
        environment=environment,
        port=port,
        health_path="/v1/models",
        fingerprint=fingerprint(
            command, environment, [PROJECT_ROOT / "kit" / "local" / "claude_stand_in.py"]
        ),
    )


def _identity_stand_in(deployment: Deployment, port: int) -> Process:
    people = write_people(deployment.home, demonstrated(deployment.settings))
    module = "kit.local.identity_stand_in"
    command = [sys.executable, "-m", module, "--port", str(port), "--people", people]
    command += ["--emulator", deployment.emulator.endpoint_url]
    environment = base_environment(deployment.home)
    started_for = environment | {"people": Path(people).read_text(encoding="utf-8")}
    return Process(
        name=IDENTITY_STAND_IN,
        title="stands in for the identity provider; anybody of its list may sign in",
        command=command,
        environment=environment,
        port=port,
        health_path="/healthz",
        fingerprint=fingerprint(
            command, started_for, [PROJECT_ROOT / "kit" / "local" / "identity_stand_in.py"]
        ),
    )


def open_portal(deployment: Deployment, access: Access) -> None:
    """Provision the demonstration's people and let them sign in through the stand-in. Raises KitError."""
    provision(access.scim_url, access.scim_token, demonstrated(deployment.settings))
    port = port_of(IDENTITY_STAND_IN, deployment.choice.port_base, [])
    federate(find_target(deployment.choice.client), f"http://127.0.0.1:{port}", token_key_of(deployment.home))


def give_access(deployment: Deployment, plan: Plan) -> Access:
    """Create a demonstration key, or keep the last run's while the gateway still accepts it; give the
    departments' workflows theirs.
    """
    target = find_target(deployment.choice.client)
    department, model = _demonstrated(deployment)
    functions = planned_functions(plan.graphs.values(), deployment.prefix)
    access = Access(
        gateway_url=deployment.gateway_url,
        application_key=_application_key(target, deployment.home, department),
        department=department,
        model=model,
        portal_url=_portal_url(deployment, functions),
        claude_models=tuple(models_of_department(policy(target), department)),
        **_provisioning(deployment, target, functions),
    )
    keep_access(deployment.home, access)
    if access.portal_url and access.scim_url:
        open_portal(deployment, access)
    give_missing(target, departments_with_workflows(target))
    return access


def _demonstrated(deployment: Deployment) -> tuple[str, str]:
    """Return a department that may write its own prompts, and the first model that it may use."""
    departments = [*deployment.settings.pilots, *deployment.settings.followers]
    free = [one for one in departments if not one.registered_prompts_only] or departments
    return free[0].id, free[0].models[0]


def _application_key(target: Target, home: Home, department: str) -> str:
    known = read_access(home)
    if known and known.department == department:
        record = access_records(target).get(key_record_pk(known.application_key, pepper(target)))
        if record and record.active_at(datetime.now(UTC)):
            return known.application_key
    return create_key(target, Scope(label=APPLICATION, department=department)).key


def _portal_url(deployment: Deployment, functions: Sequence[PlannedFunction]) -> str:
    """Return the portal's address; empty if the plan has none."""
    if PORTAL not in {function.name for function in functions if function.web}:
        return ""
    return f"http://localhost:{port_of(PORTAL, deployment.choice.port_base, [])}/portal/"


def _provisioning(
    deployment: Deployment, target: Target, functions: Sequence[PlannedFunction]
) -> dict[str, str]:
    """Return the SCIM endpoint and its token; nothing without SCIM."""
    names = [function.name for function in functions if function.web]
    if "scim" not in names:
        return {}
    secret = target.client("secretsmanager").get_secret_value(
        SecretId=target.require("scim_token_secret_arn")
    )
    port = port_of("scim", deployment.choice.port_base, names)
    return {"scim_url": f"http://127.0.0.1:{port}/scim/v2", "scim_token": secret["SecretString"]}


def first_request(access: Access) -> FirstRequest:
    """Send one message through the gateway. Raises KitError with the gateway's own error.

    It does not use the SDK, whose import takes a third of a `kit up` that changes nothing.
    """
    started = time.perf_counter()
    try:
        answer = _message(access)
        for pause in _PAUSES:
            if not _failed_inspection(answer):
                break
            time.sleep(pause)
            answer = _message(access)
    except urllib3.exceptions.HTTPError as error:
        raise _first_request_failed(f"failed: {type(error).__name__}") from None
    if answer.status != 200:
        raise _first_request_failed(f"was refused with {answer.status}: {_error_message(answer)}")
    message = answer.json()
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    request_id = answer.headers.get("request-id", "")
    return FirstRequest(request_id, message["model"], text, time.perf_counter() - started)


def _message(access: Access) -> urllib3.BaseHTTPResponse:
    """Return the response; transient errors are retried as the SDKs do."""
    return urllib3.request(
        "POST",
        f"{access.gateway_url}/v1/messages",
        json={
            "model": access.model,
            "max_tokens": 100,
            "messages": [{"role": "user", "content": _QUESTION}],
        },
        headers={
            "authorization": f"Bearer {access.application_key}",
            "anthropic-version": "2023-06-01",
        },
        timeout=60,
        retries=urllib3.Retry(
            2, status_forcelist=_TRANSIENT, allowed_methods=None, backoff_factor=0.5, raise_on_status=False
        ),
    )


def _failed_inspection(answer: urllib3.BaseHTTPResponse) -> bool:
    """Return whether inspection did not complete, as on a busy machine; a retry may succeed."""
    return answer.status != 200 and any(sign in _error_message(answer) for sign in _NOT_INSPECTED)


def _error_message(answer: urllib3.BaseHTTPResponse) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "no message"


def _first_request_failed(how: str) -> KitError:
    return KitError(f"the first request {how}", hint="kit logs gateway", exit_code=ExitCode.ENVIRONMENT)


def exported_environment(home: Home) -> dict[str, str]:
    """Return what `kit env` exports. Raises KitError if nothing is up."""
    from kit import embedded

    running, access = embedded.remembered(home), read_access(home)
    if running is None or access is None:
        raise KitError("nothing is up", hint="run `kit up`", exit_code=ExitCode.ENVIRONMENT)
    variables = {
        "ANTHROPIC_BASE_URL": access.gateway_url,
        "ANTHROPIC_AUTH_TOKEN": access.application_key,
        **model_environment(access.claude_models),
        **{name: value for name, value in running.environment().items() if name.startswith("AWS_")},
    }
    if access.scim_url:
        variables |= {"SCIM_BASE_URL": access.scim_url, "SCIM_TOKEN": access.scim_token}
    if os.environ.get("KIT_HOME"):
        variables["KIT_HOME"] = str(home.path)
    return variables
