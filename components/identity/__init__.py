"""Identity: sign-in, provisioning, authorisation at the edge."""
