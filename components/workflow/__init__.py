"""Departments, their workflows and the desk where people review (L3.1, L3.2, L3.4)."""
