"""Steps of the departments' workflows: draft, validate, review, release, record (L3.1, L3.4, G.3, G.6)."""
