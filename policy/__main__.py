"""The pack for `pulumi preview --policy-pack policy` and `pulumi up --policy-pack policy`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

# The engine starts this file from the folder of the pack; the package lies beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.policies import POLICIES

PolicyPack(name="claude-enterprise-kit", policies=list(POLICIES))
