"""Builds what the functions carry in addition to their sources: dependency layers, the same bytes on every
machine.
"""
