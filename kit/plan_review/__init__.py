"""What a reviewer must know about a change of plans: findings with severity, grants, overrides."""
