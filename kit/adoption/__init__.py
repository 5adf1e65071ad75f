"""Rollout: measurements for the gates, and training records (S.2, S.3, L4.1)."""
