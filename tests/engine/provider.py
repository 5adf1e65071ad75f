"""A resource provider for tests with the real Pulumi engine: it makes nothing and answers as AWS would.

The engine starts it as `pulumi-resource-aws` or `pulumi-resource-kubernetes` from the PATH, reads its port
from the first line and talks gRPC. Answers come from the kit's own predictions, so stages can be chained.
"""
# ruff: noqa: N802 - the names are the protocol's

import sys
from collections.abc import Mapping
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from kit.evaluation import Account, Resource, predict
from kit.evaluation.lookups import answer
from kit.evaluation.wire import plain, to_struct

ACCOUNT = Account("111122223333", "eu-central-1")


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """What the engine asks of a provider; what is not here is answered with "unimplemented"."""

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version="7.51.1")

    def GetSchema(self, request: Any, context: Any) -> Any:
        del request, context
        return provider_pb2.GetSchemaResponse(schema="{}")

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
        """Every change is an update in place: which ones replace is the provider's business, not ours."""
        del context
        old, new = plain(request.old_inputs), plain(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        del context
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        id_, outputs = _made(request.urn, plain(request.properties))
        return provider_pb2.CreateResponse(id=id_, properties=to_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:
        del context
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:
        del context
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        _, outputs = _made(request.urn, plain(request.news))
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        del context
        told = answer(request.tok, plain(request.args), ACCOUNT)
        return provider_pb2.InvokeResponse(**{"return": to_struct(told)})  # pyright: ignore[reportArgumentType]

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()


def _made(urn: str, inputs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    *_, kind, name = urn.split("::")
    state = predict(Resource(urn, kind.rpartition("$")[2], name, None, True, inputs), ACCOUNT)
    return state.id or name, state.outputs


def serve() -> tuple[grpc.Server, int]:
    """A server on a free loopback port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


if __name__ == "__main__":
    running, chosen = serve()
    sys.stdout.write(f"{chosen}\n")
    sys.stdout.flush()
    running.wait_for_termination()
