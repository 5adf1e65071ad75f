"""Evaluates the Pulumi program without an engine: the graph of a stage, plans and their differences.

Start with `evaluate` (any program) or `kit.evaluation.stages.evaluate_stage` (a stage of this project).
"""

from kit.evaluation.backends import Backend, PlanBackend
from kit.evaluation.engine import evaluate
from kit.evaluation.errors import EvaluationCancelled, EvaluationError
from kit.evaluation.graph import Graph, Resource, ResourceState
from kit.evaluation.prediction import Account, predict

__all__ = [
    "Account",
    "Backend",
    "EvaluationCancelled",
    "EvaluationError",
    "Graph",
    "PlanBackend",
    "Resource",
    "ResourceState",
    "evaluate",
    "predict",
]
