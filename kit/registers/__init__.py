"""Registers that governance keeps: incidents, exceptions, and the inventory of uses of AI."""
