"""Who is who: sign-in, provisioning, authorisation at the edge."""
