"""Reminds people by email of courses and policies that they have yet to complete (L3.5, L4.1)."""
