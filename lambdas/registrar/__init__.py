"""The registrar: writes down what people accepted and passed, and lets them in when nothing is left (L4.1,
L4.4).
"""
