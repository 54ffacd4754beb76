//! A lifelike calendar, the same for the same seed: what people really have in there.
//!
//! A dentist, a stand-up with moved and cancelled occurrences, birthdays, trips of whole days,
//! flights that end in another zone, reminders, places, titles in several scripts. Zones are
//! defined in the texts, as Apple's devices do it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};

use crate::Random;

/// A calendar of about `count` events around `today`, each a resource's text.
pub fn lifelike(seed: u64, today: Date, count: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut texts = Vec::with_capacity(count);
    while texts.len() < count {
        let turn = texts.len();
        let uid = format!("{}@calendar.example", random.uuid());
        texts.push(match turn % 10 {
            0 => stand_up(&mut random, &uid, today),
            1 | 2 => appointment(&mut random, &uid, today),
            3 => birthday(&mut random, &uid, today),
            4 => trip(&mut random, &uid, today),
            5 => flight(&mut random, &uid, today),
            6 => course(&mut random, &uid, today),
            7 => reminder(&mut random, &uid, today),
            _ => plain(&mut random, &uid, today),
        });
    }
    texts
}

/// A resource of one event of an hour from `start`, in UTC. `rule` is the value of its RRULE, empty
/// for an event that takes place once.
pub fn hour(uid: &str, title: &str, start: Timestamp, rule: &str) -> String {
    let end = start.saturating_add(minutes(60)).unwrap_or(start);
    let rule = if rule.is_empty() { String::new() } else { format!("\nRRULE:{rule}") };
    let (start, end) = (utc(start), utc(end));
    text(uid, &[&format!("SUMMARY:{title}\nDTSTART:{start}\nDTEND:{end}{rule}")], &[])
}

/// An instant as the texts write it.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

const TITLES: &[&str] = &[
    "Elternabend",
    "Müllabfuhr (gelber Sack)",
    "Café mit Jörg",
    "Steuerberater: Unterlagen",
    "打ち合わせ",
    "歯科検診",
    "家族で夕食",
    "Lunch 🥗",
    "🎂 planning",
    "Haircut",
    "Yoga",
    "Call mum",
    "Pick up the bike",
    "Réunion de rentrée",
    "Концерт",
];

const PLACES: &[(&str, &str, &str)] = &[
    ("Praxis Muster", "Hauptstr. 1\\, 10115 Berlin", "52.530644,13.383068"),
    ("Markthalle Neun", "Eisenbahnstr. 42\\, 10997 Berlin", "52.502130,13.431550"),
    ("東京駅", "東京都千代田区丸の内一丁目", "35.681236,139.767125"),
];

const NAMES: &[&str] = &["Oma Ilse", "Jörg", "Yuki", "Zoë", "Opa 🎩", "Ana María"];

fn appointment(random: &mut Random, uid: &str, today: Date) -> String {
    let (name, address, geo) = *random.pick(PLACES);
    let start = some_day(random, today).at(8 + random.below(9) as i8, half(random), 0, 0);
    let end = start.saturating_add(minutes(30 + 15 * random.below(5) as i64));
    let title = *random.pick(&["Zahnarzt", "Dentist 🦷", "Physiotherapie", "Friseur"]);
    let lines = [
        format!("SUMMARY:{title}"),
        format!("DTSTART;TZID=Europe/Berlin:{}", wall(start)),
        format!("DTEND;TZID=Europe/Berlin:{}", wall(end)),
        format!("LOCATION:{name}\\n{address}"),
        format!(
            "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=\"{}\";X-APPLE-RADIUS=70.5;\
             X-APPLE-REFERENCEFRAME=1;X-TITLE={name}:geo:{geo}",
            address.replace('\\', "")
        ),
        "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC".to_owned(),
    ];
    text(uid, &[&lines.join("\n"), &alarm(random, "-PT30M")], &[BERLIN])
}

fn stand_up(random: &mut Random, uid: &str, today: Date) -> String {
    let monday = before(today, Weekday::Monday, 4 + random.below(8) as i64);
    let start = monday.at(9, half(random), 0, 0);
    let at = |week: i64| start.saturating_add(minutes(week * 7 * 24 * 60));
    let end = |start: DateTime| start.saturating_add(minutes(15));
    let cancelled = 2 + random.below(2) as i64;
    let moved = 5 + random.below(3) as i64;
    let later = at(moved).saturating_add(minutes(120));
    let title = random.pick(&["Stand-up", "朝会", "Jour fixe"]);
    let master = format!(
        "SUMMARY:{title}\nDTSTART;TZID=Europe/Berlin:{}\nDTEND;TZID=Europe/Berlin:{}\n\
         RRULE:FREQ=WEEKLY;COUNT={};BYDAY=MO\nEXDATE;TZID=Europe/Berlin:{}\n\
         DESCRIPTION:Room 3\\, or online\\; bring coffee",
        wall(start),
        wall(end(start)),
        12 + random.below(20),
        wall(at(cancelled)),
    );
    let moved = format!(
        "SUMMARY:{title} (later)\nRECURRENCE-ID;TZID=Europe/Berlin:{}\n\
         DTSTART;TZID=Europe/Berlin:{}\nDTEND;TZID=Europe/Berlin:{}",
        wall(at(moved)),
        wall(later),
        wall(end(later)),
    );
    let master = format!("{master}\n{}", alarm(random, "-PT5M"));
    events(uid, &[&master, &moved], &[BERLIN])
}

fn birthday(random: &mut Random, uid: &str, today: Date) -> String {
    let born = Date::new(
        today.year() - 10 - random.below(70) as i16,
        1 + random.below(12) as i8,
        1 + random.below(28) as i8,
    );
    let born = born.unwrap_or(today);
    let lines = format!(
        "SUMMARY:🎂 {}\n{}\nRRULE:FREQ=YEARLY\nTRANSP:TRANSPARENT",
        random.pick(NAMES),
        days(born, 1),
    );
    text(uid, &[&lines, &alarm(random, "-PT15H")], &[])
}

fn trip(random: &mut Random, uid: &str, today: Date) -> String {
    let lines = format!(
        "SUMMARY:{}\n{}\nTRANSP:TRANSPARENT\nCATEGORIES:Reise,Familie",
        random.pick(&["Urlaub an der Ostsee", "京都旅行", "Skifahren ⛷️", "Conference trip"]),
        days(some_day(random, today), 2 + random.below(12) as i64),
    );
    text(uid, &[&lines], &[])
}

fn flight(random: &mut Random, uid: &str, today: Date) -> String {
    let start = some_day(random, today).at(13, 5, 0, 0);
    let end = start.saturating_add(minutes(11 * 60 + 40 + 7 * 60));
    let number = 700 + random.below(200);
    let lines = format!(
        "SUMMARY:✈️ BER → HND (LH{number})\nDTSTART;TZID=Europe/Berlin:{}\n\
         DTEND;TZID=Asia/Tokyo:{}\nURL:https://airline.example/booking/{number}\n\
         STATUS:CONFIRMED",
        wall(start),
        wall(end),
    );
    text(uid, &[&lines, &alarm(random, "-PT3H")], &[BERLIN, TOKYO])
}

fn course(random: &mut Random, uid: &str, today: Date) -> String {
    let first = before(today, Weekday::Tuesday, random.below(6) as i64).at(18, 30, 0, 0);
    let until = first.saturating_add(minutes(26 * 7 * 24 * 60));
    let lines = format!(
        "SUMMARY:{}\nDTSTART;TZID=Europe/Berlin:{}\nDURATION:PT1H30M\n\
         RRULE:FREQ=WEEKLY;UNTIL={}Z;BYDAY=TU,TH\nX-COURSE-ID;X-KIND=\"evening\":{}",
        random.pick(&["Spanischkurs", "Chorprobe", "日本語教室"]),
        wall(first),
        wall(until),
        random.below(1000),
    );
    text(uid, &[&lines], &[BERLIN])
}

fn reminder(random: &mut Random, uid: &str, today: Date) -> String {
    let at = some_day(random, today).at(7, 45, 0, 0);
    let lines = format!(
        "SUMMARY:{}\nDTSTART:{}\nDTEND:{}\nPRIORITY:5",
        random.pick(&["Tabletten nehmen", "Blumen gießen 🌱", "Pay the rent"]),
        wall(at),
        wall(at.saturating_add(minutes(15))),
    );
    text(uid, &[&lines, &alarm(random, "PT0S"), &alarm(random, "-PT10M")], &[])
}

fn plain(random: &mut Random, uid: &str, today: Date) -> String {
    let start = some_day(random, today).at(8 + random.below(12) as i8, half(random), 0, 0);
    let lines = format!(
        "SUMMARY:{}\nDTSTART:{}Z\nDTEND:{}Z\nX-CUSTOM;X-P=\"a,b\":kept {}",
        random.pick(TITLES),
        wall(start),
        wall(start.saturating_add(minutes(60))),
        random.below(100),
    );
    text(uid, &[&lines], &[])
}

const BERLIN: &str = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nDTSTART:19810329T020000\nTZNAME:MESZ\n\
    TZOFFSETTO:+0200\nEND:DAYLIGHT\nBEGIN:STANDARD\nTZOFFSETFROM:+0200\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nDTSTART:19961027T030000\nTZNAME:MEZ\n\
    TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE";

const TOKYO: &str = "BEGIN:VTIMEZONE\nTZID:Asia/Tokyo\nBEGIN:STANDARD\nTZOFFSETFROM:+0900\n\
    DTSTART:20010101T000000\nTZNAME:JST\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE";

/// One event from its lines.
fn text(uid: &str, parts: &[&str], zones: &[&str]) -> String {
    events(uid, &[&parts.join("\n")], zones)
}

/// A resource from the lines of its events, folded and with CRLF.
fn events(uid: &str, bodies: &[&str], zones: &[&str]) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Apple Inc.//iOS 18.1//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
    ];
    lines.extend(zones.iter().map(|zone| (*zone).to_owned()));
    for body in bodies {
        lines.push(format!(
            "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260105T080000Z\nSEQUENCE:0\n{body}\nEND:VEVENT"
        ));
    }
    lines.push("END:VCALENDAR".to_owned());
    let folded: Vec<String> =
        lines.join("\n").lines().map(|line| crate::text::Line::new(line).text).collect();
    folded.join("\r\n") + "\r\n"
}

fn alarm(random: &mut Random, trigger: &str) -> String {
    let id = random.uuid();
    format!(
        "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:{trigger}\nUID:{id}\n\
         X-WR-ALARMUID:{id}\nEND:VALARM"
    )
}

fn days(first: Date, count: i64) -> String {
    let end = first.saturating_add(jiff::Span::new().days(count));
    format!(
        "DTSTART;VALUE=DATE:{}\nDTEND;VALUE=DATE:{}",
        first.strftime("%Y%m%d"),
        end.strftime("%Y%m%d")
    )
}

/// A day in the two months before today or the six after.
fn some_day(random: &mut Random, today: Date) -> Date {
    today.saturating_add(jiff::Span::new().days(random.below(240) as i64 - 60))
}

/// The weekday that lies `weeks` and up to six days before today.
fn before(today: Date, weekday: Weekday, weeks: i64) -> Date {
    let back = today.weekday().since(weekday);
    today.saturating_sub(jiff::Span::new().days(i64::from(back) + weeks * 7))
}

fn half(random: &mut Random) -> i8 {
    30 * random.below(2) as i8
}

fn minutes(count: i64) -> jiff::Span {
    jiff::Span::new().minutes(count)
}

fn wall(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::dav::Profile;

    #[test]
    fn every_event_can_be_read_and_icloud_takes_it() {
        let texts = lifelike(5, date(2026, 3, 2), 200);
        for text in &texts {
            let series = ical::read(text.as_bytes());
            assert!(series.is_ok(), "{series:?}\n{text}");
            assert!(crate::dav::accepts(text.as_bytes(), &Profile::icloud()), "{text}");
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        }
        assert_eq!(texts, lifelike(5, date(2026, 3, 2), 200));
        assert_ne!(texts, lifelike(6, date(2026, 3, 2), 200));
    }

    #[test]
    fn stand_ups_have_a_moved_and_a_cancelled_occurrence() {
        let text = &lifelike(1, date(2026, 3, 2), 1)[0];
        let series = ical::read(text.as_bytes()).unwrap();
        assert_eq!(series.exceptions.len(), 2);
    }
}
