"""Deployment to a real account: preconditions, engine runs, secrets in between, drift."""
