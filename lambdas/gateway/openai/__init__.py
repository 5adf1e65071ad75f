"""POST /v1/chat/completions for clients of the OpenAI API (L1.12).

A request is translated into one of the Messages API, goes through the same steps and leaves the same record;
its answer is translated back. `request` holds the documented table: what is not in it is refused by name.
"""
