"""Deploying to a real account: what it must have, the engine's runs, what is filled in between, drift."""
