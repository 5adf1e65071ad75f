"""The portal: a web application for people (L4.1-L4.6). It holds no power of its own: what a person does
here is done with that person's token, so that budgets, inspection and records hold as they do for any caller.
"""
