"""Emergency access: asked for, approved and opened under identities that AWS proves."""
