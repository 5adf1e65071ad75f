"""The portal: a web application for people (L4.1-L4.6). It has no privileges of its own: everything a
person does here uses that person's token, so budgets, inspection and records apply as for any caller.
"""
