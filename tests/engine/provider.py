"""A resource provider for tests with the real Pulumi engine: a world of its own that answers as AWS would.

The engine reads its port from PULUMI_DEBUG_PROVIDERS, for `aws` and for `kubernetes`, and talks gRPC. What
is made is kept in a folder, so that a refresh finds what changed behind the engine's back and an import finds
what was there before. What a resource gets comes from the kit's own predictions, what replaces it from its
list of inputs that do (`kit/aws_facts/replacement.py`). What fails on purpose is `Faults`.
"""
# ruff: noqa: N802 - the names are the protocol's

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from kit.aws_facts.lookups import answer
from kit.aws_facts.prediction import Account, predict
from kit.aws_facts.replacement import FORCES_NEW
from kit.evaluation.graph import Resource
from kit.evaluation.wire import plain, to_struct

ACCOUNT = Account("111122223333", "eu-central-1")
_EVERY_SECONDS = 0.2
# AWS gives each another id. Whatever else is made while the one before is still there has the same id:
# it is gone with it, and a refresh finds that.
_NEW_EACH_TIME = ("aws:apigateway/deployment:Deployment", "aws:lambda/layerVersion:LayerVersion")
# AWS gives another id where this input is another one, and the same where it is the same (SNS, `Subscribe`).
_NEW_WITH = {"aws:sns/topicSubscription:TopicSubscription": "endpoint"}
_MOST_BYTES = 64 * 1024 * 1024


class World:
    """What exists, one file a resource."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, kind: str, id_: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{kind} {id_}'.encode()).hexdigest()}.json"

    def put(self, kind: str, id_: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        kept = {"type": kind, "id": id_, "inputs": dict(inputs), "outputs": dict(outputs)}
        self._file(kind, id_).write_text(json.dumps(kept), "utf-8")

    def get(self, kind: str, id_: str) -> Mapping[str, Any] | None:
        file = self._file(kind, id_)
        return json.loads(file.read_text("utf-8")) if file.exists() else None

    def remove(self, kind: str, id_: str) -> None:
        self._file(kind, id_).unlink(missing_ok=True)

    def all(self) -> list[Mapping[str, Any]]:
        return [json.loads(file.read_text("utf-8")) for file in sorted(self._folder.glob("*.json"))]


class Fault(NamedTuple):
    """How the creation of a resource fails, and how often."""

    kind: Literal["throttled", "unfinished", "slow"]  # made, but not ready in time; not ready while it is set
    times: int = 1


class Faults:
    """What fails on purpose, by a part of the URN, and how often still."""

    def __init__(self) -> None:
        self._left: dict[str, Fault] = {}
        self._lock = Lock()

    def set(self, faults: Mapping[str, Fault]) -> None:
        with self._lock:
            self._left = dict(faults)

    def next(self, urn: str) -> str:
        """The kind of fault that the creation of a resource meets now; empty if none."""
        with self._lock:
            for part, fault in self._left.items():
                if part in urn and fault.times:
                    self._left[part] = fault._replace(times=fault.times - 1)
                    return fault.kind
        return ""

    def any(self) -> bool:
        return bool(self._left)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """What the engine asks of a provider; what is not here is answered with "unimplemented"."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version="7.51.1")

    def GetSchema(self, request: Any, context: Any) -> Any:
        del request, context
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Handshake(self, request: Any, context: Any) -> Any:
        del request, context
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return self.Diff(request, context)

    def Configure(self, request: Any, context: Any) -> Any:
        del request, context
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        del context
        old, new = plain(request.old_inputs), plain(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        forcing = FORCES_NEW.get(_kind(request.urn), ())
        replacing = [key for key in changed if key in forcing or "*" in forcing]
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=replacing)

    def Create(self, request: Any, context: Any) -> Any:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        fault = self._faults.next(request.urn)
        if fault == "throttled":
            context.abort(grpc.StatusCode.UNKNOWN, "ThrottlingException: Rate exceeded")
        if fault == "slow":
            while self._faults.any() and context.is_active():
                time.sleep(_EVERY_SECONDS)
            context.abort(grpc.StatusCode.CANCELLED, "its engine is gone")
        inputs = plain(request.properties)
        id_, outputs = _made(request.urn, inputs)
        kind = _kind(request.urn)
        while self._is_other(kind, id_, inputs):
            id_ = f"{id_}x"
        self._world.put(kind, id_, inputs, outputs)
        if fault == "unfinished":
            self._unfinished(context, id_, inputs, outputs)
        return provider_pb2.CreateResponse(id=id_, properties=to_struct(outputs))

    def _is_other(self, kind: str, id_: str, inputs: Mapping[str, Any]) -> bool:
        """Whether what has this id is something else than what is created."""
        there = self._world.get(kind, id_)
        if there is None:
            return False
        name = _NEW_WITH.get(kind)
        return kind in _NEW_EACH_TIME or (name is not None and there["inputs"].get(name) != inputs.get(name))

    def _unfinished(
        self, context: Any, id_: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> None:
        """It is there, and did not become ready in time: the engine keeps it and goes on from it."""
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=id_,
                properties=to_struct(outputs),
                inputs=to_struct(inputs),
                reasons=["timeout while waiting for state to become 'ACTIVE'"],
            )
        )
        message = "creation timed out"
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(grpc.StatusCode.UNKNOWN, message)

    def Read(self, request: Any, context: Any) -> Any:
        """What exists now, whatever the engine remembers; nothing where it is gone."""
        del context
        found = self._world.get(_kind(request.urn), request.id)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_struct(found["outputs"]), inputs=to_struct(found["inputs"])
        )

    def Update(self, request: Any, context: Any) -> Any:
        del context
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        inputs = plain(request.news)
        _, outputs = _made(request.urn, inputs)
        self._world.put(_kind(request.urn), request.id, inputs, outputs)
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        del context
        self._world.remove(_kind(request.urn), request.id)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        del context
        answered = answer(request.tok, plain(request.args), ACCOUNT)
        return provider_pb2.InvokeResponse(**{"return": to_struct(answered)})  # pyright: ignore[reportArgumentType]

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()


def _kind(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _made(urn: str, inputs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    name = urn.rpartition("::")[2]
    state = predict(Resource(urn, _kind(urn), name, None, True, inputs), ACCOUNT)
    return state.id or name, state.outputs


@contextmanager
def serving(world: World, faults: Faults) -> Iterator[int]:
    """A provider in this process; its port on loopback."""
    server = grpc.server(
        futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", _MOST_BYTES)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(world, faults), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        faults.set({})
        server.stop(0).wait()
