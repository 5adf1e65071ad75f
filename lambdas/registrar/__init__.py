"""The registrar: records what people accepted and passed, and grants access when nothing is left (L4.1,
L4.4).
"""
