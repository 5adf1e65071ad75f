"""Builds what the functions carry besides their sources: dependency layers, the same bytes on every
machine.
"""
