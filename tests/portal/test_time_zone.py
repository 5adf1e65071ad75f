"""People read times, and find office hours, in the time zone of their organisation (L4.3)."""

from datetime import UTC, datetime

from components.portal.content import content_text
from tests.portal.in_process import Clock, make_place

PERSON = "usr_00000000000000000000000001"


def test_an_office_hour_keeps_its_time_of_day_when_clocks_change(aws: None) -> None:
    """Thursdays at 14:00 in Berlin: 12:00 UTC on 22 October 2026, 13:00 UTC a week later."""
    published = content_text().replace('"time_zone":"UTC"', '"time_zone":"Europe/Berlin"')
    assert "Europe/Berlin" in published
    place = make_place(clock=Clock(datetime(2026, 10, 21, 22, 30, tzinfo=UTC)), content=published)
    place.joined(PERSON)
    with place.browser(PERSON) as client:
        page = client.get("/portal/support").text
        calendar = client.get("/portal/support/hours.ics").text
    assert "22 October 2026, 14:00–14:45 CEST" in page
    assert "29 October 2026, 14:00–14:45 CET" in page
    assert "DTSTART:20261022T120000Z" in calendar
    assert "DTSTART:20261029T130000Z" in calendar
