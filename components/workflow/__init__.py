"""Departments, their workflows, and the review desk (L3.1, L3.2, L3.4)."""
