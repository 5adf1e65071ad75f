"""Emergency access: requested, approved and opened under identities proved by AWS."""
