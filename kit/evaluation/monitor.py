"""The two services that a Pulumi program talks to, as ours: the resource monitor and the engine's log.

The methods are the remote procedures of Pulumi's protocol, so one object serves the SDK in-process and,
behind a gRPC server, a child process (`language_host`). Unlike the SDK's own mock monitor it keeps every
option, builds URNs as the engine does (whole chain of parent types, stack type left out), refuses a URN
that occurs twice, and runs transforms.
"""

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc
from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, engine_pb2, resource_pb2

from kit.errors import KitError
from kit.evaluation.backends import Backend
from kit.evaluation.errors import EvaluationCancelled, EvaluationError
from kit.evaluation.graph import STACK_TYPE, Graph, Resource, ResourceState
from kit.evaluation.wire import plain, to_struct

_FEATURES = (
    # OUTPUT_VALUES is left out: inputs then arrive as plain values, dependencies in propertyDependencies.
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
)
_NOT_OPTIONS = {
    # the resource itself, or how the SDK and the engine talk to each other
    "type", "name", "parent", "custom", "object", "properties", "sourcePosition", "stackTrace",
    "parentStackTraceHandle", "acceptSecrets", "acceptResources", "supportsPartialValues",
    "supportsResultReporting", "accepts_byte_string", "deleteBeforeReplaceDefined",
}  # fmt: skip
_RENAMED = {"importId": "import", "replace_with": "replaceWith", "replacement_trigger": "replacementTrigger",
            "state_migrations": "stateMigrations"}  # fmt: skip
_SORTED = {"dependencies", "additionalSecretOutputs"}
_CALLBACK_SECONDS = 60.0  # a callback computes; one that does not answer must not keep the evaluation
NOT_THE_PROGRAM = frozenset({".venv", "kit", "tests"})  # what surrounds the program in the stack trace
# A transform sees and may set these: name in the request, name in the transform's options.
_TRANSFORMED = (
    ("dependencies", "depends_on"),
    ("protect", "protect"),
    ("ignoreChanges", "ignore_changes"),
    ("replaceOnChanges", "replace_on_changes"),
    ("version", "version"),
    ("aliases", "aliases"),
    ("provider", "provider"),
    ("customTimeouts", "custom_timeouts"),
    ("pluginDownloadURL", "plugin_download_url"),
    ("retainOnDelete", "retain_on_delete"),
    ("deletedWith", "deleted_with"),
    ("deleteBeforeReplace", "delete_before_replace"),
    ("additionalSecretOutputs", "additional_secret_outputs"),
    ("providers", "providers"),
    ("pluginChecksums", "plugin_checksums"),
    ("hooks", "hooks"),
    ("importId", "import"),
    ("hideDiffs", "hide_diff"),
    ("replace_with", "replace_with"),
    ("replacement_trigger", "replacement_trigger"),
)


def make_urn(stack: str, project: str, parent: str | None, token: str, name: str) -> str:
    """The URN that the engine gives: the types of all parents joined by `$`, without the stack's."""
    if parent:
        chain = parent.split("::", 3)[2]
        if chain != STACK_TYPE:
            token = f"{chain}${token}"
    return f"urn:pulumi:{stack}::{project}::{token}::{name}"


class Monitor:
    """The resource monitor of one evaluation; safe to call from many threads."""

    def __init__(
        self,
        backend: Backend,
        *,
        project: str,
        stack: str,
        preview: bool,
        root: Path,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.backend = backend
        self.project = project
        self.stack = stack
        self.preview = preview
        self.root = root
        self.cancelled = cancelled or threading.Event()
        self.failure: KitError | None = None
        self._lock = threading.Lock()
        self._resources: dict[str, Resource] = {}
        self._states: dict[str, ResourceState] = {}
        self._outputs: dict[str, dict[str, Any]] = {}
        self._invokes: list[dict[str, Any]] = []
        self._hooks: list[str] = []
        self._transforms: list[callback_pb2.Callback] = []
        self._invoke_transforms: list[callback_pb2.Callback] = []

    def graph(self, messages: tuple[tuple[str, str], ...] = ()) -> Graph:
        """What has been registered so far."""
        with self._lock:
            resources = {
                urn: _with_outputs(self._resources[urn], self._outputs.get(urn))
                for urn in sorted(self._resources)
            }
            states = {urn: self._states[urn] for urn in resources if urn in self._states}
            invokes = tuple(sorted(self._invokes, key=repr))
            hooks = tuple(sorted(self._hooks))
        return Graph(self.project, self.stack, self.preview, resources, states, invokes, hooks, messages)

    # -- registrations

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802
        """Record one resource and let the backend bring it about."""
        if request.type != STACK_TYPE:
            request = self._transformed(request)
        resource = self._resource(request, request.object, read=False)
        self._record(resource)
        if not resource.custom:
            return resource_pb2.RegisterResourceResponse(urn=resource.urn)
        state = self._answered(resource, self.backend.register)
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn, id=state.id or "", object=to_struct(state.outputs)
        )

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802
        """Look up an existing resource, a StackReference among them."""
        resource = self._resource(request, request.properties, read=True)
        self._record(resource)
        state = self._answered(resource, self.backend.read)
        return resource_pb2.ReadResourceResponse(
            urn=resource.urn, id=state.id or "", properties=to_struct(state.outputs)
        )

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        """The outputs of a component, or the exports of the stack."""
        with self._lock:
            self._outputs[request.urn] = plain(request.outputs, self.root)
        return empty_pb2.Empty()

    def ExistsResource(self, request: resource_pb2.ExistsResourceRequest) -> Any:  # noqa: N802
        """Whether this evaluation made a resource of that type and id."""
        with self._lock:
            exists = any(
                state.id == request.id and self._resources[urn].type == request.type
                for urn, state in self._states.items()
            )
        return resource_pb2.ExistsResourceResponse(exists=exists)

    def _resource(self, request: Any, properties: Any, *, read: bool) -> Resource:
        parent = request.parent or None
        return Resource(
            urn=make_urn(self.stack, self.project, parent, request.type, request.name),
            type=request.type,
            name=request.name,
            parent=parent,
            custom=read or request.custom,
            inputs=plain(properties, self.root),
            options=_options(request),
            source=_source(request, self.root),
            read=read,
        )

    def _record(self, resource: Resource) -> None:
        with self._lock:
            if self.cancelled.is_set():
                raise self._failed(EvaluationCancelled("stopped before this resource", urn=resource.urn))
            if self.failure is not None:  # as the engine: what is under way ends, nothing new begins
                raise EvaluationCancelled("not attempted, because another resource failed", urn=resource.urn)
            if resource.urn in self._resources:
                raise self._failed(
                    EvaluationError(
                        f"two resources have the URN {resource.urn}",
                        urn=resource.urn,
                        hint=f"rename one of them; the second is made at {resource.source}",
                    )
                )
            self._resources[resource.urn] = resource

    def _answered(self, resource: Resource, ask: Callable[[Resource], ResourceState]) -> ResourceState:
        try:
            state = ask(resource)
        except KitError as error:
            if isinstance(error, EvaluationError):
                error.urn = error.urn or resource.urn
            with self._lock:
                raise self._failed(error) from None
        except Exception as error:
            wrapped = EvaluationError(f"{resource.urn}: {type(error).__name__}: {error}", urn=resource.urn)
            with self._lock:
                raise self._failed(wrapped) from error
        with self._lock:
            self._states[resource.urn] = state
        return state

    def _failed(self, error: KitError) -> KitError:
        """Remember the first failure (with the lock held); later ones are its consequences."""
        if self.failure is None:
            self.failure = error
        return error

    # -- functions

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:  # noqa: N802
        """Answer a provider's function, or look up a registered resource."""
        request = self._transformed_invoke(request)
        args = plain(request.args, self.root)
        if request.tok == "pulumi:pulumi:getResource":
            found = self._registered(str(args["urn"]))
        else:
            with self._lock:
                self._invokes.append({"token": request.tok, "args": args})
            try:
                found = self.backend.invoke(request.tok, args)
            except KitError as error:
                with self._lock:
                    raise self._failed(error) from None
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(found)})  # type: ignore[arg-type]

    def _registered(self, urn: str) -> dict[str, Any]:
        with self._lock:
            if urn not in self._resources:
                raise EvaluationError(f"no resource has the URN {urn}", urn=urn)
            state = self._states.get(urn) or ResourceState(None, self._outputs.get(urn, {}))
        return {"urn": urn, "id": state.id or "", "state": dict(state.outputs)}

    def Call(self, request: resource_pb2.ResourceCallRequest) -> Any:  # noqa: N802
        """Methods of packaged components need their provider's process; this project uses none."""
        raise EvaluationError(
            f"{request.tok}: methods of packaged components cannot be evaluated without an engine"
        )

    # -- transforms and hooks

    def RegisterStackTransform(self, request: callback_pb2.Callback) -> Any:  # noqa: N802
        """A transform of every resource that is registered from now on."""
        with self._lock:
            self._transforms.append(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: callback_pb2.Callback) -> Any:  # noqa: N802
        """A transform of every function call that is made from now on."""
        with self._lock:
            self._invoke_transforms.append(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: resource_pb2.RegisterResourceHookRequest) -> Any:  # noqa: N802
        """Hooks are recorded, not run: nothing is deployed here."""
        with self._lock:
            self._hooks.append(request.name)
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: resource_pb2.RegisterErrorHookRequest) -> Any:  # noqa: N802
        """As other hooks."""
        with self._lock:
            self._hooks.append(request.name)
        return empty_pb2.Empty()

    def _transformed(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceRequest:
        with self._lock:
            callbacks = [*request.transforms, *reversed(self._transforms)]
        if not callbacks:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            asked = resource_pb2.TransformRequest(
                type=changed.type, name=changed.name, custom=changed.custom, parent=changed.parent,
                properties=changed.object, options=_transform_options(changed),
            )  # fmt: skip
            answer = resource_pb2.TransformResponse.FromString(_called_back(callback, asked))
            if answer.HasField("properties"):
                changed.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                _apply_transform_options(changed, answer.options)
        return changed

    def _transformed_invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeRequest:
        with self._lock:
            callbacks = list(reversed(self._invoke_transforms))
        if not callbacks:
            return request
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            asked = resource_pb2.TransformInvokeRequest(
                token=changed.tok, args=changed.args,
                options=resource_pb2.TransformInvokeOptions(
                    provider=changed.provider, version=changed.version
                ),
            )  # fmt: skip
            answer = resource_pb2.TransformInvokeResponse.FromString(_called_back(callback, asked))
            if answer.HasField("args"):
                changed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                changed.provider = answer.options.provider
                changed.version = answer.options.version
        return changed

    # -- the deployment

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: ARG002, N802
        """Which features of the protocol this monitor speaks."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SupportsFeature(self, request: resource_pb2.SupportsFeatureRequest) -> Any:  # noqa: N802
        """The older form of the same question."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id != "outputValues")

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> Any:  # noqa: N802
        """A reference for a parameterised package, derived from its name and version."""
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")

    def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: ARG002, N802
        """No hook runs after the program, so there is nothing to wait for."""
        return empty_pb2.Empty()


class EngineLog:
    """The engine service: keeps what the program logs."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, str]] = []
        self._root = ""

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """(severity, text) of everything above debug, in the order it was logged."""
        return tuple(self._messages)

    def Log(self, request: engine_pb2.LogRequest) -> Any:  # noqa: N802
        """Keep one message; debug noise is dropped."""
        if request.severity != engine_pb2.DEBUG:
            self._messages.append((engine_pb2.LogSeverity.Name(request.severity).lower(), request.message))
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any) -> Any:  # noqa: ARG002, N802
        """The URN of the stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: engine_pb2.SetRootResourceRequest) -> Any:  # noqa: N802
        """Remember the URN of the stack."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any) -> Any:  # noqa: ARG002, N802
        """There is no Pulumi CLI here whose version could be wrong."""
        return engine_pb2.RequirePulumiVersionResponse()


def _with_outputs(resource: Resource, outputs: Mapping[str, Any] | None) -> Resource:
    if not outputs:
        return resource
    return Resource(
        **{**{name: getattr(resource, name) for name in resource.__dataclass_fields__}, "outputs": outputs}
    )


def _options(request: Any) -> dict[str, Any]:
    """Every option that the program set, by its name on the wire, in a stable order."""
    found: dict[str, Any] = {}
    given = {field.name: value for field, value in request.ListFields() if field.name not in _NOT_OPTIONS}
    for key in sorted(given):
        value: Any = given[key]
        if key == "propertyDependencies":
            value = {name: sorted(value[name].urns) for name in sorted(value) if value[name].urns}
        elif key == "provider":
            value = _provider_urn(value)
        elif key == "providers":
            value = {name: _provider_urn(value[name]) for name in sorted(value)}
        elif key in ("transforms", "state_migrations"):
            value = len(value)  # their tokens are random
        elif key in _SORTED:
            value = sorted(value)
        else:
            value = _option(value)
        if value not in ({}, [], ""):
            found[_RENAMED.get(key, key)] = value
    if getattr(request, "deleteBeforeReplaceDefined", False):
        found["deleteBeforeReplace"] = request.deleteBeforeReplace
    return found


def _option(value: Any) -> Any:
    """The value of a field as JSON has it."""
    if isinstance(value, Message):
        return json_format.MessageToDict(value, preserving_proto_field_name=True)
    if isinstance(value, Mapping):
        return {key: _option(value[key]) for key in sorted(value)}
    if isinstance(value, str | bool | int | float):
        return value
    return [_option(one) for one in value]


def _provider_urn(reference: str) -> str:
    """A reference to a provider is `<urn>::<id>`; the id is made at deployment."""
    return reference.rsplit("::", 1)[0]


def _source(request: Any, root: Path) -> str | None:
    """`<file>#<line>` of the innermost line of the project's own code; None if there is none."""
    for frame in (request.sourcePosition, *(frame.pc for frame in request.stackTrace.frames)):
        file = _program_file(frame.uri, root)
        if file:
            return f"{file}#{frame.line}"
    return None


@lru_cache(maxsize=1024)
def _program_file(uri: str, root: Path) -> str | None:
    """The file as seen from the project's folder, if it is one of the program."""
    path = Path(unquote(urlsplit(uri).path))
    if not path.is_relative_to(root):
        return None
    relative = path.relative_to(root)
    return None if relative.parts[0] in NOT_THE_PROGRAM else relative.as_posix()


def _called_back(callback: callback_pb2.Callback, request: Any) -> bytes:
    """Run one of the program's callbacks through the SDK's own callback server."""
    with grpc.insecure_channel(callback.target) as channel:
        answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(
            callback_pb2.CallbackInvokeRequest(token=callback.token, request=request.SerializeToString()),
            timeout=_CALLBACK_SECONDS,
        )
    return answer.response


def _transform_options(
    request: resource_pb2.RegisterResourceRequest,
) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions()
    for source, target in _TRANSFORMED:
        if source == "deleteBeforeReplace" and not request.deleteBeforeReplaceDefined:
            continue
        _copy_field(request, source, options, target)
    return options


def _apply_transform_options(
    request: resource_pb2.RegisterResourceRequest, options: resource_pb2.TransformResourceOptions
) -> None:
    for target, source in _TRANSFORMED:
        request.ClearField(target)  # type: ignore[arg-type]
        _copy_field(options, source, request, target)
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")


def _copy_field(source: Any, name: str, target: Any, target_name: str) -> None:
    value = getattr(source, name)
    if isinstance(value, Message):
        if source.HasField(name):
            getattr(target, target_name).CopyFrom(value)
    elif hasattr(value, "MergeFrom"):  # lists and maps
        getattr(target, target_name).MergeFrom(value)
    elif not source.DESCRIPTOR.fields_by_name[name].has_presence or source.HasField(name):
        setattr(target, target_name, value)
