"""What AWS would answer, and which changes replace a resource, without an account. Of the evaluation it knows
only what a resource is.
"""
