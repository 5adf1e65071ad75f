"""Current clients, unmodified, against the gateway with the shipped defaults: each feature works or is
refused clearly; there is no third state (L1.1, L1.9, L1.11, L1.12).

`make test-clients` installs the clients and runs `python -m tests.clients.matrix`, which prints the table and
writes `docs/clients.md`. The provider is scripted, because what is tested is the way to it and back.
"""
