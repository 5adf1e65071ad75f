"""The manifests of the pods against the schemas that Kubernetes publishes, strictly: a key that does not
exist is an error too (Z.1).
"""

import kubernetes_validate
import pytest

from components.api.cluster import KUBERNETES_VERSION
from tests.plans.made import made

# Types of EKS Auto Mode: Kubernetes itself has no schema for them. What they hold is in test_doors.py and
# test_cluster.py.
WITHOUT_SCHEMA = {"NodePool", "TargetGroupBinding"}


def test_every_manifest_is_one_that_kubernetes_takes() -> None:
    held, left = set(), set()
    for one in made("enterprise", "direct door"):
        if not one.resource.type.startswith("kubernetes:"):
            continue
        manifest = dict(one.inputs)
        if manifest["kind"] in WITHOUT_SCHEMA:
            left.add(manifest["kind"])
            continue
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
        held.add(manifest["kind"])
    assert left == WITHOUT_SCHEMA
    assert len(held) >= 8, held


def test_a_key_that_does_not_exist_is_found() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)
