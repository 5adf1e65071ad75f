"""What AWS would return, and which changes replace a resource, without an account. All it knows of the
evaluation is the shape of a resource.
"""
