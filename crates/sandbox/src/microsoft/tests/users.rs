//! Users of Outlook, and rows as iCalendar.

use serde_json::json;

use super::{Home, weekly};
use crate::Author;
use crate::microsoft::Dressing;

fn text(more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:a@x\r\n\
         DTSTAMP:20260105T080000Z\r\nSUMMARY:Choir\r\n\
         DTSTART;TZID=Europe/Berlin:20260112T190000\r\n\
         DTEND;TZID=Europe/Berlin:20260112T210000\r\n{more}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn rendered(home: &Home) -> String {
    let held = home.microsoft.held(&home.calendar);
    String::from_utf8(held[0].raw.clone()).unwrap()
}

#[test]
fn what_a_user_types_reads_the_same() {
    for more in [
        "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5\r\n",
        "RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20260301T180000Z\r\n",
        "RRULE:FREQ=MONTHLY;BYDAY=2MO\r\n",
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1\r\nDTSTART;X=1:0\r\n",
        "RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=12\r\nEXDATE:20270112T180000Z\r\n",
        "LOCATION:Hall\\, left\r\nDESCRIPTION:one\\ntwo\r\nCLASS:PRIVATE\r\nTRANSP:TRANSPARENT\r\n",
        "PRIORITY:1\r\nCATEGORIES:A,B\r\nSTATUS:TENTATIVE\r\n",
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT30M\r\nEND:VALARM\r\n",
    ] {
        let home = Home::rude();
        let written = text(&more.replace("DTSTART;X=1:0\r\n", ""));
        let written = if more.contains("SETPOS") {
            written.replace("20260112T", "20260130T")
        } else {
            written
        };
        let id = home.microsoft.user(&home.calendar).create(&written);
        assert!(!id.is_empty(), "{more}");
        let (meant, read) =
            (ical::read(written.as_bytes()), ical::read(rendered(&home).as_bytes()));
        let (meant, read) = (meant.unwrap(), read.unwrap());
        assert_eq!(meant.uid, read.uid);
        assert!(meant.same_content(&read), "{more}: {}", rendered(&home));
    }
}

#[test]
fn what_outlook_has_no_words_for_is_not_typed() {
    for more in [
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15\r\n",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=31\r\n",
        "RRULE:FREQ=HOURLY\r\n",
        "RRULE:FREQ=YEARLY;BYWEEKNO=20\r\n",
        "RRULE:FREQ=WEEKLY;BYDAY=TU\r\n",
        "RDATE:20260115T180000Z\r\n",
    ] {
        let home = Home::rude();
        assert_eq!(home.microsoft.user(&home.calendar).create(&text(more)), "", "{more}");
    }
}

#[test]
fn users_edit_series_and_their_occurrences() {
    let home = Home::rude();
    let user = home.microsoft.user(&home.calendar);
    user.create(&text("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5\r\n"));
    assert!(user.set("a@x", "SUMMARY", "Orchestra"));
    assert!(!user.set("a@x", "SUMMARY", "Orchestra"));
    let at = |text: &str| text.parse().unwrap();
    assert!(user.move_occurrence("a@x", at("2026-01-19T18:00:00Z"), at("2026-01-20T10:00:00Z")));
    // quirk: microsoft-41
    assert!(!user.move_occurrence("a@x", at("2026-01-26T18:00:00Z"), at("2026-01-19T10:00:00Z")));
    assert!(user.cancel_occurrence("a@x", "20260202T180000Z"));
    assert!(!user.cancel_occurrence("a@x", "20260203T180000Z"));
    let text = rendered(&home);
    assert!(text.contains("EXDATE;TZID=Europe/Berlin:20260202T190000"), "{text}");
    assert!(text.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260119T190000"), "{text}");
    let read = ical::read(text.as_bytes()).unwrap();
    assert_eq!(read.exceptions.len(), 2);
    let other = user.split("a@x", "20260126T180000Z", "Quartet").unwrap();
    assert_eq!(user.uids().len(), 2);
    let rest = String::from_utf8(user.get(&other).unwrap().raw).unwrap();
    assert!(rest.contains("COUNT=3") && rest.contains("EXDATE"), "{rest}");
    // An exception that is taken out of the text is regular again.
    assert!(user.edit("a@x", |text| {
        let from = text.rfind("BEGIN:VEVENT").unwrap();
        format!("{}END:VCALENDAR\r\n", &text[..from])
    }));
    assert!(!rendered_all(&home).contains("RECURRENCE-ID"));
    assert!(user.churn("a@x") && user.delete("a@x") && !user.delete("a@x"));
    let deeds = home.world.deeds(&home.calendar);
    assert_eq!(deeds.iter().filter(|deed| deed.author == Author::Service).count(), 1);
    assert!(deeds.last().unwrap().raw.is_none());
}

fn rendered_all(home: &Home) -> String {
    let held = home.microsoft.held(&home.calendar);
    held.iter().map(|held| String::from_utf8_lossy(&held.raw).into_owned()).collect()
}

// quirk: microsoft-26, microsoft-54, microsoft-55, microsoft-69
#[tokio::test]
async fn what_only_exchange_has_is_there() {
    let home = Home::rude();
    home.microsoft.seed(&home.calendar, 7, 30);
    let (items, _) = home.first_round().await;
    let find = |title: &str| items.iter().find(|item| item["subject"] == title).unwrap();
    assert_eq!(find("Old import")["originalStartTimeZone"], "tzone://Microsoft/Custom");
    assert_eq!(find("Canceled: Off site")["isCancelled"], true);
    assert_eq!(find("Town hall")["isOrganizer"], false);
    assert!(find("Newsletter")["body"]["content"].as_str().unwrap().contains("<https://x"));
    assert!(find("Newsletter").get("futureMember").is_some());
    assert!(items.len() > 20, "{}", items.len());
    for held in home.microsoft.held(&home.calendar) {
        let read = ical::read(&held.raw);
        assert!(read.is_ok(), "{}", String::from_utf8_lossy(&held.raw));
    }
    assert_eq!(
        home.microsoft.rows(&home.calendar).len(),
        home.microsoft.held(&home.calendar).len()
    );
    let user = home.microsoft.user(&home.calendar);
    let invited = "peculiar-2@sandbox";
    let row = |title: &str| {
        let rows = home.microsoft.rows(&home.calendar);
        rows.into_iter().find(|row| row["subject"] == title)
    };
    let id = row("Town hall").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(home.patch(&id, &json!({"subject": "Mine"})).await.status, 200);
    home.world.assert_no_mail();
    assert!(user.organizer_updates(invited) && row("Town hall").is_some());
    // quirk: microsoft-58
    assert!(user.dress("peculiar-4@sandbox", &Dressing::Ages));
    let ages = row("Old import").unwrap();
    assert_eq!(ages["start"]["dateTime"], "0001-01-01T00:00:00.0000000");
    assert_eq!(home.first_round().await.0.len(), items.len());
    let html = Dressing::Member("importance".to_owned(), json!("high"));
    assert!(user.dress("peculiar-0@sandbox", &html));
}

// quirk: microsoft-38
#[tokio::test]
async fn clamped_days_are_rendered_as_they_are() {
    let home = Home::tame();
    let mut event = weekly();
    (event["start"], event["end"]) = (
        super::at("2026-01-31T10:00:00", "W. Europe Standard Time"),
        super::at("2026-01-31T11:00:00", "W. Europe Standard Time"),
    );
    event["recurrence"] = json!({
        "pattern": {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
        "range": {"type": "noEnd", "startDate": "2026-01-31"},
    });
    assert_eq!(home.post(&event).await.status, 201);
    let read = ical::read(rendered(&home).as_bytes()).unwrap();
    let window = ical::Window {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2026-05-01T00:00:00Z".parse().unwrap(),
    };
    let days: Vec<String> = ical::occurrences(&read, window, &jiff::tz::TimeZone::UTC)
        .map(|one| one.from.strftime("%m%d").to_string())
        .collect();
    assert_eq!(days, ["0131", "0228", "0331", "0430"]);
}

#[test]
fn a_text_that_is_left_as_it_was_is_no_edit() {
    let home = Home::rude();
    home.microsoft.seed(&home.calendar, 11, 60);
    let user = home.microsoft.user(&home.calendar);
    for uid in user.uids() {
        let before = user.get(&uid).unwrap();
        let text = String::from_utf8_lossy(&before.raw).into_owned();
        assert!(!user.edit(&uid, str::to_owned), "{text}");
        assert_eq!(user.get(&uid).unwrap().version, before.version);
        assert!(user.set(&uid, "SUMMARY", "Another title"), "{text}");
        let (was, is) = (ical::read(&before.raw).unwrap(), user.get(&uid).unwrap());
        let is = ical::read(&is.raw).unwrap();
        assert_eq!(was.recurrence, is.recurrence, "{text}");
        let keys = |series: &model::Series| series.exceptions.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&was), keys(&is), "{text}");
        assert_eq!(is.face().unwrap().title.as_ref().unwrap().expose(), "Another title");
    }
}

#[test]
fn users_write_what_a_text_says_of_occurrences() {
    let home = Home::rude();
    let user = home.microsoft.user(&home.calendar);
    let daily = text("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6\r\n");
    user.create(&daily);
    let moved = "BEGIN:VEVENT\r\nUID:a@x\r\nDTSTAMP:20260105T080000Z\r\nSUMMARY:Late\r\n\
                 RECURRENCE-ID;TZID=Europe/Berlin:20260126T190000\r\n\
                 DTSTART;TZID=Europe/Berlin:20260127T200000\r\n\
                 DTEND;TZID=Europe/Berlin:20260127T220000\r\nEND:VEVENT\r\nEND:VCALENDAR";
    assert!(user.edit("a@x", |text| text.replace("END:VCALENDAR", moved)));
    let exdate = "EXDATE:20260202T180000Z\r\nSUMMARY:Choir";
    assert!(user.edit("a@x", |text| text.replacen("SUMMARY:Choir", exdate, 1)));
    let read = ical::read(rendered(&home).as_bytes()).unwrap();
    assert_eq!(read.exceptions.len(), 2);
    // Another time for all: what was different is typed again.
    assert!(user.edit("a@x", |text| {
        let berlin = "TZID=Europe/Berlin:2026";
        let text = text.replace(&format!("{berlin}0112T19"), &format!("{berlin}0112T18"));
        text.replace(&format!("{berlin}0126T19"), &format!("{berlin}0126T18"))
    }));
    let read = ical::read(rendered(&home).as_bytes()).unwrap();
    assert_eq!(read.exceptions.len(), 2, "{}", rendered(&home));
    // A move that Exchange does not let stand leaves everything as it was.
    let before = rendered(&home);
    let back = |text: &str| text.replace("0127T20", "0119T09").replace("0127T22", "0119T10");
    assert!(!user.edit("a@x", back));
    assert_eq!(rendered(&home), before);
}
