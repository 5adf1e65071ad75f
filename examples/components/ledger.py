"""The three tables, kept as a small organisation keeps them."""

import pulumi

from components.api.ledger import Ledger, LedgerArgs
from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from contract.sizes import sizing

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

Ledger("ledger", LedgerArgs(names, keys.arns["ledger"], sizing("small")), options)
