"""The REQUEST authorizer, which keeps unauthenticated requests away from provider access."""
