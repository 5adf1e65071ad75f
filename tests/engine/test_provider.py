"""The test provider speaks the engine's protocol: `make test-engine` tests the stages, not itself (Z.1)."""

from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kit.evaluation.wire import plain, to_struct
from tests.engine.provider import Faults, World, serving

URN = "urn:pulumi:foundation::claude-enterprise-kit::kit:index:Keys$aws:kms/key:Key::keys-audit"


def test_it_answers_as_the_engine_asks(tmp_path: Path) -> None:
    with serving(World(tmp_path), Faults()) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        inputs = to_struct({"description": "x", "enableKeyRotation": True})
        checked = stub.Check(provider_pb2.CheckRequest(urn=URN, news=inputs)).inputs
        made = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=checked))
        assert plain(made.properties)["arn"].startswith("arn:aws:kms:eu-central-1:111122223333:key/")
        same = stub.Diff(provider_pb2.DiffRequest(urn=URN, id=made.id, old_inputs=checked, news=checked))
        assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
        other = to_struct({"description": "y", "enableKeyRotation": True})
        changed = stub.Diff(provider_pb2.DiffRequest(urn=URN, id=made.id, old_inputs=checked, news=other))
        assert list(changed.diffs) == ["description"]
        foreseen = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=checked, preview=True))
        assert foreseen.id == ""
        identity = provider_pb2.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity")
        assert plain(getattr(stub.Invoke(identity), "return"))["accountId"] == "111122223333"
