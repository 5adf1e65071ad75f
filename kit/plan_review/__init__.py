"""What a reviewer must know of a change of plans: findings with their severity, grants, overrides."""
