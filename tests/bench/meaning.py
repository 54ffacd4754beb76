"""What the events of a resource mean, so that two servers' texts can be compared.

Read apart: unfolded lines, the components VEVENT and VALARM, each property with its parameters.

One meaning, whichever way it is written:
- order of lines, of parameters, of RRULE parts and of the values of EXDATE, RDATE and CATEGORIES;
  capitals in names; quotes around a parameter's value; escapes in texts; VALUE=DATE-TIME, the
  default, and VALUE=DATE, which the value shows
- a default that is left out: CLASS:PUBLIC, TRANSP:OPAQUE, PRIORITY:0, INTERVAL=1, WKST=MO,
  TRIGGER;RELATED=START
- an empty text and none, white space at a text's end
- a duration in other units, PT60M and PT1H

People: a copy made by calpair never has ORGANIZER or ATTENDEE, because a server that is given them
writes to them. They stand as a list at the end of its description. Here both become the set of
addresses, so that a lost person is a difference. PARTSTAT and the other parameters of people are
not compared.

Not compared, each text's own: the calendar's PRODID and VTIMEZONEs (the time zone's name is
compared where it is used), DTSTAMP, CREATED and LAST-MODIFIED (when this copy was written),
SEQUENCE (counts the revisions of one text; scheduling alone gives it a meaning between texts),
properties that start with X-, an alarm's UID and ACKNOWLEDGED and an alarm's DESCRIPTION (SOGo
and others put the title there).

Everything else is compared as it stands, known here or not.
"""

import re

OWN = {"DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE"}
OWN_OF_ALARM = {"UID", "ACKNOWLEDGED", "DESCRIPTION"}
PEOPLE = {"ORGANIZER", "ATTENDEE"}
DEFAULTS = {("CLASS", "PUBLIC"), ("TRANSP", "OPAQUE"), ("PRIORITY", "0")}
WORDS = {"CLASS", "TRANSP", "STATUS", "ACTION"}
TEXTS = {"SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES", "COMMENT", "CONTACT", "RESOURCES"}
LISTS = {"EXDATE", "RDATE", "CATEGORIES", "RESOURCES"}
DEFAULT_PARTS = {"INTERVAL=1", "WKST=MO"}
DEFAULT_PARAMETERS = {("VALUE", "DATE-TIME"), ("VALUE", "DATE"), ("RELATED", "START")}
UNITS = {"W": 604800, "D": 86400, "H": 3600, "M": 60, "S": 1}
LIST_OF_PEOPLE = re.compile(
    r"^-- Attendees \(calpair\) --[ \r]*\n(.*?)^-- end of attendees --[ \r]*$", re.S | re.M
)


def events(text):
    """What differs when a meaning differs: {(RECURRENCE-ID, property): values, sorted}."""
    found = {}
    for event in components(text, "VEVENT"):
        properties, people = {}, set()
        for name, parameters, value in event["lines"]:
            if name in PEOPLE:
                people.add(address(value))
            elif name not in OWN and not name.startswith("X-"):
                if name == "DESCRIPTION":
                    value, listed = without_list(unescape(value))
                    people |= listed
                for one in meanings(name, parameters, value):
                    properties.setdefault(name, []).append(one)
        properties["people"] = people
        properties["alarms"] = [alarm(component) for component in event["parts"]]
        at = str(properties.get("RECURRENCE-ID", "master"))
        for name, values in properties.items():
            if values:
                found.setdefault((at, name), []).extend(values)
    return {key: sorted(values) for key, values in found.items()}


def differences(a, b):
    """The names of the properties in which two texts do not mean the same."""
    a, b = events(a), events(b)
    return sorted({key[1] for key in a.keys() | b.keys() if a.get(key) != b.get(key)})


def components(text, wanted):
    """The components of that name; what stands in other ones, as in VTIMEZONE, is passed over."""
    found, path = [], []
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        if not line.strip():
            continue
        name, parameters, value = content_line(line)
        if name == "BEGIN":
            component = {"name": value.upper(), "lines": [], "parts": []}
            if component["name"] == wanted:
                found.append(component)
            elif path:
                path[-1]["parts"].append(component)
            path.append(component)
        elif name == "END":
            path.pop()
        elif path:
            path[-1]["lines"].append((name, parameters, value))
    return found


def content_line(line):
    """Name, parameters and value; what is between quotes separates nothing."""
    head = re.match(r'(?:"[^"]*"|[^":])*', line).group()
    value = line[len(head) + 1 :]
    name, *parameters = re.findall(r'(?:"[^"]*"|[^";])+', head)
    split = (parameter.partition("=") for parameter in parameters)
    pairs = {(key.upper(), said.replace('"', "")) for key, _, said in split}
    return name.upper(), pairs, value


def meanings(name, parameters, value):
    """The values of one line, each with the parameters that mean something."""
    pairs = {pair for pair in parameters if not pair[0].startswith("X-")} - DEFAULT_PARAMETERS
    said = ";".join(sorted(f"{key}={text}" for key, text in pairs))
    values = re.split(r"(?<!\\),", value) if name in LISTS else [value]
    for one in values:
        one = normal(name, one)
        if one and (name, one) not in DEFAULTS:
            yield f"{said}:{one}"


def normal(name, value):
    if name in WORDS:
        return value.upper()
    if name == "RRULE":
        return ";".join(sorted(set(value.upper().split(";")) - DEFAULT_PARTS))
    if name in ("TRIGGER", "DURATION"):
        return seconds(value)
    # The description is unescaped before its list of people is looked for.
    return (unescape(value) if name in TEXTS - {"DESCRIPTION"} else value).rstrip()


def seconds(value):
    duration = re.fullmatch(r"([+-]?)P(?=.)((?:\d+[WD])*)(?:T((?:\d+[HMS])+))?", value.upper())
    if not duration:
        return value
    sign, days, times = duration.groups()
    amounts = re.findall(r"(\d+)([WDHMS])", days + (times or ""))
    total = sum(int(amount) * UNITS[unit] for amount, unit in amounts)
    return f"{-total if sign == '-' else total} s"


def unescape(value):
    return re.sub(r"\\(.)", lambda m: "\n" if m.group(1) in "nN" else m.group(1), value)


def without_list(text):
    """The description, and the addresses in calpair's list of people."""
    people = set()
    for block in LIST_OF_PEOPLE.findall(text):
        people |= {mailbox.lower() for mailbox in re.findall(r"[^\s<>]+@[^\s<>]+", block)}
    return LIST_OF_PEOPLE.sub("", text).rstrip(), people


def address(value):
    return value.lower().removeprefix("mailto:").strip()


def alarm(component):
    lines = []
    for name, parameters, value in component["lines"]:
        if name not in OWN_OF_ALARM and not name.startswith("X-"):
            lines += [f"{name};{one}" for one in meanings(name, parameters, value)]
    inner = [alarm(part) for part in component["parts"]]
    return " ".join([component["name"], *sorted(lines + inner)])
