"""How the models in `lambdas/inspection/models` are made. Never deployed."""
