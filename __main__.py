"""The Pulumi entry: run the stage that the stack's configuration names."""

from stacks.program import run

run()
