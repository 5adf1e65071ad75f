"""Where people reach the portal (L4.1)."""

from stacks.settings import Settings

PATH = "/portal"


def address(settings: Settings) -> str:
    """The portal's address with its path; empty where there is none."""
    if settings.emulated:
        return settings.portal_url
    return f"https://{settings.portal.custom_domain.name}{PATH}" if settings.portal else ""


def help_page(settings: Settings) -> str | None:
    """Where people read what to do when a call is refused; None where there is no portal."""
    found = address(settings)
    return f"{found}/support" if found else None
