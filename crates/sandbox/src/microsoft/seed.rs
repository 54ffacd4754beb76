//! A lifelike Outlook calendar: what people have in there, and what only Exchange puts there.

use model::CalendarId;
use serde_json::json;

use super::Microsoft;
use super::user::Dressing;

/// An event for each kind that is peculiar to Exchange: title, and what is put on it.
fn peculiar() -> Vec<(&'static str, Dressing)> {
    vec![
        ("Teams call", Dressing::OnlineMeeting),
        ("Interview", Dressing::Organized),
        ("Town hall", Dressing::Invitation),
        ("Off site", Dressing::Cancelled),
        ("Old import", Dressing::ZoneLabel("tzone://Microsoft/Custom".to_owned())),
        (
            "Newsletter",
            Dressing::Html("<p>Read <a href=\"https://x.example/\">this</a></p>".into()),
        ),
        ("Out of office", Dressing::Member("showAs".to_owned(), json!("oof"))),
    ]
}

impl Microsoft {
    /// Fills a calendar with about `count` events of everyday life, as far as they can be typed
    /// into Outlook, and one of each kind that is peculiar to Exchange.
    pub fn seed(&self, calendar: &CalendarId, seed: u64, count: usize) {
        let user = self.user(calendar);
        let today = self.world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        for text in crate::seed::lifelike(seed, today, count) {
            user.create(&text);
        }
        for (number, (title, dressing)) in peculiar().iter().enumerate() {
            let day = today.saturating_add(jiff::Span::new().days(number as i64 + 1));
            let (uid, day) = (format!("peculiar-{number}@sandbox"), day.strftime("%Y%m%d"));
            user.create(&format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//sandbox//EN\r\nBEGIN:VEVENT\r\n\
                 UID:{uid}\r\nDTSTAMP:20260105T080000Z\r\n\
                 DTSTART;TZID=Europe/Berlin:{day}T090000\r\n\
                 DTEND;TZID=Europe/Berlin:{day}T100000\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n\
                 END:VCALENDAR\r\n"
            ));
            user.dress(&uid, dressing);
        }
    }
}
