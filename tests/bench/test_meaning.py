"""Shows that meaning.py takes for equal what is, and for different what is. Plain Python:
`python3 tests/bench/test_meaning.py`; `cargo xtask bench` runs it before it measures."""

import re
import unittest

import gen
from meaning import differences, events

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//somebody//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19961027T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:a@b
DTSTAMP:20260101T000000Z
SEQUENCE:3
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T100000
RRULE:FREQ=WEEKLY;COUNT=9;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000
SUMMARY:Review\\, with cake
DESCRIPTION:Bring plates\\n\\nhttps://meet.example/1
LOCATION:HQ
CATEGORIES:Work,Project X
STATUS:CONFIRMED
ORGANIZER;CN="Ann, A.":mailto:ann@example.org
ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:Bob@example.org
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT60M
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:a@b
RECURRENCE-ID;TZID=Europe/Berlin:20260126T090000
DTSTART;TZID=Europe/Berlin:20260126T110000
DTEND;TZID=Europe/Berlin:20260126T120000
SUMMARY:Moved
END:VEVENT
END:VCALENDAR
"""
PEOPLE = re.compile(r"ORGANIZER.*\nATTENDEE.*\n")
LIST = (
    "\\n\\n-- Attendees (calpair) --\\nOrganizer: Ann\\, A. <ann@example.org>"
    "\\n- Bob <bob@example.org>\\n-- end of attendees --\n"
)
COPY = PEOPLE.sub("", EVENT).replace("meet.example/1\n", "meet.example/1" + LIST)


class Meaning(unittest.TestCase):
    def test_one_meaning(self):
        for old, new in [
            ("SEQUENCE:3", "SEQUENCE:0"),
            ("20260101T000000Z", "20261231T235959Z"),
            ("//somebody//", "//somebody else//"),
            ("PRODID", "X-WR-CALNAME:x\nPRODID"),
            ("COUNT=9;BYDAY=MO", "INTERVAL=1;BYDAY=MO;COUNT=9"),
            ("20260112T090000,20260119T090000", "20260119T090000,20260112T090000"),
            (
                "20260112T090000,20260119T090000",
                "20260119T090000\nEXDATE;TZID=Europe/Berlin:20260112T090000",
            ),
            ("TZID=Europe/Berlin:20260105T09", 'VALUE=DATE-TIME;TZID="Europe/Berlin":20260105T09'),
            ("plates", "pl\n ates"),
            ("https://meet", "https\\://meet"),
            ("Work,Project X", "Project X,Work"),
            ("Work,Project X", "Work\nCATEGORIES:Project X"),
            ("STATUS:CONFIRMED", "CLASS:PUBLIC\nTRANSP:OPAQUE\nPRIORITY:0\nSTATUS:CONFIRMED"),
            ("SUMMARY:Moved", "LOCATION:\nSUMMARY:Moved"),
            ("-PT60M", "-PT1H"),
            ("TRIGGER:", "TRIGGER;RELATED=START:"),
            ("PARTSTAT=ACCEPTED", "PARTSTAT=NEEDS-ACTION"),
            ("\n", "\r\n"),
            ("\n", "\n\n"),
        ]:
            with self.subTest(new):
                changed = EVENT.replace(old, new)
                self.assertNotEqual(changed, EVENT)
                self.assertEqual(differences(EVENT, changed), [])

    def test_people_are_the_same_people_in_a_list(self):
        self.assertEqual(differences(EVENT, COPY), [])

    def test_every_loss_and_change_is_seen(self):
        for text, old, new, what in [
            (EVENT, "Review", "Revue", "SUMMARY"),
            (EVENT, "SUMMARY:Moved\n", "", "SUMMARY"),
            (EVENT, "Bring plates\\n", "Bring plates", "DESCRIPTION"),
            (COPY, "Bring plates", "Bring cups", "DESCRIPTION"),
            (EVENT, "LOCATION:HQ\n", "", "LOCATION"),
            (EVENT, "Work,Project X", "Work", "CATEGORIES"),
            (EVENT, "Work,", "Work\\,", "CATEGORIES"),
            (EVENT, "STATUS:CONFIRMED\n", "", "STATUS"),
            (EVENT, "STATUS:", "TRANSP:TRANSPARENT\nSTATUS:", "TRANSP"),
            (EVENT, "STATUS:", "CLASS:PRIVATE\nSTATUS:", "CLASS"),
            (EVENT, "STATUS:", "URL:https://a.example\nSTATUS:", "URL"),
            (EVENT, "STATUS:", "SOMETHING-NEW:1\nSTATUS:", "SOMETHING-NEW"),
            (EVENT, "0105T090000", "0105T093000", "DTSTART"),
            (EVENT, "0105T100000", "0105T103000", "DTEND"),
            (EVENT, "0105T090000", "0105T090000Z", "DTSTART"),
            (EVENT, "Berlin:20260105T0", "Vienna:20260105T0", "DTSTART"),
            (EVENT, ";TZID=Europe/Berlin:20260105T0", ";VALUE=DATE:20260105", "DTSTART"),
            (EVENT, "COUNT=9", "COUNT=8", "RRULE"),
            (EVENT, "COUNT=9", "INTERVAL=2;COUNT=9", "RRULE"),
            (EVENT, ",20260119T090000", "", "EXDATE"),
            (EVENT, "0126T110000", "0126T113000", "DTSTART"),
            (EVENT, "RECURRENCE-ID;TZID=Europe/Berlin:20260126", "X-GONE:", "RECURRENCE-ID"),
            (EVENT, "-PT60M", "-PT61M", "alarms"),
            (EVENT, "ACTION:DISPLAY", "ACTION:EMAIL", "alarms"),
            (EVENT, "TRIGGER:", "TRIGGER;RELATED=END:", "alarms"),
            (EVENT, "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:Bob@example.org\n", "", "people"),
            (COPY, "\\n- Bob <bob@example.org>", "", "people"),
            (COPY, LIST, "\n", "people"),
            (EVENT, "mailto:ann@", "mailto:anna@", "people"),
        ]:
            with self.subTest(f"{old} -> {new}"):
                changed = text.replace(old, new)
                self.assertNotEqual(changed, text)
                self.assertIn(what, differences(EVENT, changed))

    def test_a_lost_part_is_seen(self):
        for lost in [r"BEGIN:VALARM.*?END:VALARM\n", r"BEGIN:VEVENT\nUID:a@b\nREC.*?END:VEVENT\n"]:
            changed = re.sub(lost, "", EVENT, flags=re.S)
            self.assertNotEqual(changed, EVENT)
            self.assertNotEqual(differences(EVENT, changed), [])

    def test_an_alarm_given_twice_is_seen(self):
        twice = re.sub(r"(BEGIN:VALARM.*?END:VALARM\n)", r"\1\1", EVENT, flags=re.S)
        self.assertEqual(differences(EVENT, twice), ["alarms"])

    def test_every_generated_event_differs_from_its_edit(self):
        for number in range(200):
            _, _, text = gen.event(number)
            self.assertEqual(differences(text, text), [])
            edited = differences(text, gen.event(number, rev=1)[2])
            self.assertTrue({"SUMMARY", "DESCRIPTION"} <= set(edited), edited)
            self.assertTrue(events(text), text)


if __name__ == "__main__":
    unittest.main()
