"""Evaluates Pulumi programs without an engine and without an account: the resource graph of a stage."""
