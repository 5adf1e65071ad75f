"""Builds what functions need in addition to their sources: dependency layers that are byte for byte the
same on every machine.
"""
