//! Calendar texts as lines, for looking at what servers hold and for editing it as somebody else
//! would. Nothing of calpair's own reading is used here.

use std::collections::BTreeMap;

/// The lines without folds and line ends (RFC 5545 section 3.1), in bytes.
pub fn lines(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in raw.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), lines.last_mut()) {
            (Some(b' ' | b'\t'), Some(last)) => last.extend(&line[1..]),
            _ => lines.push(line.to_vec()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The name that a line begins with, in capitals.
pub fn name(line: &[u8]) -> String {
    let end = line.iter().position(|byte| b":;".contains(byte)).unwrap_or(line.len());
    String::from_utf8_lossy(&line[..end]).to_ascii_uppercase()
}

/// The UID of the first event, without what servers escape differently; `None` where it has none.
pub fn uid(raw: &[u8]) -> Option<String> {
    let mut depth = Vec::new();
    for line in lines(raw) {
        let upper = String::from_utf8_lossy(&line).to_ascii_uppercase();
        if let Some(part) = upper.strip_prefix("BEGIN:") {
            depth.push(part.trim().to_owned());
        } else if upper.starts_with("END:") {
            depth.pop();
        } else if depth.last().is_some_and(|part| part == "VEVENT") && name(&line) == "UID" {
            let value = String::from_utf8_lossy(&line).into_owned();
            let value = value.split_once(':')?.1.replace('\\', "");
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// The UID of what this is a copy of, where the copy says so, else its own.
pub fn origin(raw: &[u8]) -> Option<String> {
    let own = uid(raw)?;
    // Google's second half of a series that was split has the first one's marks.
    if own.contains("_R2") {
        return Some(own);
    }
    Some(mark(raw, "calpair-uid").unwrap_or(own))
}

/// Both texts' events in one calendar.
pub fn joined(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
    let events = other.find("BEGIN:VEVENT").unwrap_or(other.len());
    let (before, _) = one.rsplit_once("END:VCALENDAR").unwrap_or((&one, ""));
    format!("{before}{}", &other[events..]).into_bytes()
}

/// Which occurrence of a series this stands for, if it is a single event that does.
pub fn slot(raw: &[u8]) -> Option<String> {
    mark(raw, "calpair-slot")
}

/// Whether a series stands there as single events, one for each occurrence.
pub fn is_in_parts(raw: &[u8]) -> bool {
    mark(raw, "calpair-series").is_some()
}

/// What calpair keeps on a copy at Google or Microsoft, beside what people see.
fn mark(raw: &[u8], name: &str) -> Option<String> {
    let all = lines(raw);
    let mut texts = all.iter().map(|line| String::from_utf8_lossy(line));
    texts.find_map(|line| {
        let (property, rest) = line.split_once(";X-KEY=\"")?;
        let is_mark = matches!(property, "X-GOOGLE-PRIVATE" | "X-EXCHANGE-PROPERTY");
        let value = rest.strip_prefix(name)?.strip_prefix("\":")?;
        is_mark.then(|| value.replace('\\', ""))
    })
}

/// The text with another UID in every event.
pub fn with_uid(raw: &[u8], uid: &str) -> Vec<u8> {
    replaced(raw, "UID", &format!("UID:{uid}"), Which::Every)
}

/// The text with another title in the first event.
pub fn with_title(raw: &[u8], title: &str) -> Vec<u8> {
    replaced(raw, "SUMMARY", &format!("SUMMARY:{title}"), Which::First)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    First,
    Every,
}

/// The text with the property of that name in events replaced, or added; the rest byte for byte.
fn replaced(raw: &[u8], property: &str, new: &str, which: Which) -> Vec<u8> {
    let ending: &[u8] = if raw.windows(2).any(|two| two == b"\r\n") { b"\r\n" } else { b"\n" };
    let mut out = Vec::new();
    let mut depth: Vec<String> = Vec::new();
    let (mut dropping, mut events) = (false, 0);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if dropping && line.starts_with(b" ") {
            continue;
        }
        dropping = false;
        let upper = String::from_utf8_lossy(line).trim().to_ascii_uppercase();
        let inside = depth.last().is_some_and(|part| part == "VEVENT");
        if inside
            && name(line.trim_ascii_end()) == property
            && (which == Which::Every || events == 1)
        {
            dropping = true;
            continue;
        }
        out.extend(line);
        if let Some(part) = upper.strip_prefix("BEGIN:") {
            depth.push(part.to_owned());
            if part == "VEVENT" {
                events += 1;
                if which == Which::Every || events == 1 {
                    out.extend(new.as_bytes());
                    out.extend(ending);
                }
            }
        } else if upper.starts_with("END:") {
            depth.pop();
        }
    }
    out
}

/// Every line that is there, and how often, without those of the named properties.
pub fn census(raw: &[u8], without: &[&str]) -> BTreeMap<Vec<u8>, usize> {
    let mut census = BTreeMap::new();
    for line in lines(raw) {
        if !without.contains(&name(&line).as_str()) {
            *census.entry(line).or_default() += 1;
        }
    }
    census
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\\,\r\n b\r\nSUMMARY;X=1:Old\r\n  \
        title\r\nX-A:1\r\nBEGIN:VALARM\r\nUID:c\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn folds_are_undone() {
        assert_eq!(lines(TEXT)[2], b"UID:a\\,b");
        assert_eq!(uid(TEXT).as_deref(), Some("a,b"));
    }

    #[test]
    fn only_the_events_own_lines_are_replaced() {
        let text = with_title(&with_uid(TEXT, "new"), "New");
        let text = String::from_utf8(text).expect("text");
        assert!(text.contains("UID:new\r\n") && text.contains("UID:c\r\n"), "{text}");
        assert!(text.contains("SUMMARY:New\r\n") && !text.contains("title"), "{text}");
    }
}
