"""Builds the models in `lambdas/inspection/models`. Never deployed."""
