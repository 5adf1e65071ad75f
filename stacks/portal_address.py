"""URL of the portal (L4.1)."""

from stacks.settings import Settings

PATH = "/portal"


def address(settings: Settings) -> str:
    """Return the portal's URL including its path, or an empty text if there is no portal."""
    if settings.emulated:
        return settings.portal_url
    return f"https://{settings.portal.custom_domain.name}{PATH}" if settings.portal else ""


def help_page(settings: Settings) -> str | None:
    """Return the URL of the page that explains refused calls, or None if there is no portal."""
    found = address(settings)
    return f"{found}/support" if found else None
