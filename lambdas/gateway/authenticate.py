"""Who is calling."""


class AuthenticationError(Exception):
    """The credential is missing or wrong; the message may be shown to the caller."""
