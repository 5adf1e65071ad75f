"""The REQUEST authorizer: keeps the unauthenticated away from the function that holds provider access."""
