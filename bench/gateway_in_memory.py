"""The gateway as `bench/gateway.py` measures it: every control on, stores in memory."""

import json
import sys
from typing import Any

sys.path.insert(0, "tests")
from lambdas.common.identities import Principal
from lambdas.common.policy import PolicyWatch
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.app import create_app
from lambdas.gateway.composition import Gateway
from lambdas.gateway.inspection import InspectionStep
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.settings import read_settings
from lambdas.inspection import InspectionConfig, Inspector


def gateway_app(upstream: str) -> Any:
    from gateway.harness import MemoryPolicy, department, policy_document
    from gateway.stores import FlatPrices, MemoryAudit, MemoryLedger

    class Auth:
        p = Principal("application", "a", "marketing", "KEY#1", "keys")

        async def authenticate(self, headers):
            return self.p

    transport = HttpTransport()

    async def none(*a):
        return "k"

    ledger = MemoryLedger()
    audit = MemoryAudit()
    doc = policy_document(
        [upstream], departments=[department("marketing", monthly_budget_microusd=10**15, redact_output=True)]
    )

    class A:
        async def append(self, record, *, bodies):
            json.dumps(record)

    out = open("/dev/null", "w")
    return create_app(
        Gateway(
            read_settings({}),
            policy=PolicyWatch(MemoryPolicy(doc)),
            authenticator=Auth(),
            inspection=InspectionStep(Inspector(InspectionConfig(hash_key=b"k" * 32))),
            ledger=ledger,
            prices=FlatPrices(),
            audit=A(),
            providers=Providers(
                transport, read_secret=none, identity_token=none, aws_credentials=none, region="x"
            ),
            transport=transport,
            access_log=AccessLog("bench", lambda l: out.write(l)),
        )
    )
