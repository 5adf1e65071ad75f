"""Provisioning with SCIM 2.0: the identity provider defines who exists, and access follows (G.4)."""
