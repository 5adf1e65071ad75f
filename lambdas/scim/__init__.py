"""Provisioning by SCIM 2.0: the identity provider says who exists, and access follows (G.4)."""
