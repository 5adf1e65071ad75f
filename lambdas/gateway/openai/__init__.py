"""POST /v1/chat/completions for clients of the OpenAI API (L1.12).

A request is translated into one of the Messages API, passes the same steps and leaves the same record; its
answer is translated back. `request` contains the documented table: fields that are not in it are refused by
name.
"""
