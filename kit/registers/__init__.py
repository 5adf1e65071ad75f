"""The registers of governance: incidents, exceptions and the inventory of AI uses."""
