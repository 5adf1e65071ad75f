"""The rollout as people live it: what is measured for the gates, and who was trained (S.2, S.3, L4.1)."""
