"""Reminds people by mail of what they have left to accept or learn (L3.5, L4.1)."""
