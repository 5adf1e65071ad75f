"""The human side of workflows: request one, review its draft, queue work overnight (L3.1, L3.4)."""
