"""Assumes the roles of departments for people in the portal: workflows and reviews (L3.1, L3.4)."""
