"""The people's side of workflows: ask for one, review what it drafted, queue a night's work (L3.1, L3.4)."""
