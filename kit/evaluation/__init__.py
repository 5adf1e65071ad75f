"""Evaluation of Pulumi programs without an engine or an account: the resource graph of a stage."""
