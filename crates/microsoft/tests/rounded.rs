//! What Graph says only roughly: it stands there as near as it can be, and what somebody changes of
//! it in Outlook costs nothing of what they did not see.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Resource, Series, When};
use provider::Provider;
use sandbox::microsoft::Quirks;

async fn made(stage: &Stage, series: &Series) -> Resource {
    let made = stage.microsoft.create(&stage.calendar, series, &CreateKey::new("0a")).await;
    made.expect("it is created")
}

fn long() -> String {
    format!("Star Trek: {} Rating 3/5", "to boldly go ".repeat(30))
}

fn titled(title: &str) -> Series {
    let mut series = testkit::series("\"x\" 2026-04-01T12:00 Europe/Berlin 1h uid=trek");
    series.master.as_mut().expect("it has one").title = Some(title.to_owned().into());
    series
}

/// What somebody types in place of the title, by what it says.
async fn typed(stage: &Stage, change: impl Fn(&str) -> String) {
    let uids = stage.user().uids();
    let uid = uids.first().expect("it is there");
    let shown = stage.service.rows(&stage.calendar)[0]["subject"].clone();
    let new = change(shown.as_str().expect("a text"));
    assert!(stage.user().set(uid, "SUMMARY", &new), "{new}");
}

fn title(held: &Resource) -> String {
    let face = held.series.face().expect("it has one");
    face.title.as_ref().map(|title| title.expose().clone()).unwrap_or_default()
}

// quirk: microsoft-76
#[tokio::test]
async fn a_title_that_is_cut_never_comes_back_over_the_whole_one() {
    let stage = Stage::new(Quirks::default());
    let held = made(&stage, &titled(&long())).await;
    assert_eq!(title(&held), long());
    let shown = stage.service.rows(&stage.calendar)[0]["subject"].clone();
    assert_eq!(shown.as_str().map(|shown| shown.encode_utf16().count()), Some(255));
    let uid = stage.user().uids()[0].clone();
    assert!(stage.user().set(&uid, "LOCATION", "Odeon"));
    assert_eq!(title(&stage.found(&held.id).await), long(), "another field was changed");
    typed(&stage, |shown| shown.replace("Star Trek", "Trek")).await;
    let edited = stage.found(&held.id).await;
    assert_eq!(title(&edited), long().replace("Star Trek", "Trek"));
    // What calpair writes then is the whole title again.
    let again = stage.microsoft.update(&stage.calendar, &edited, &edited.series).await;
    assert_eq!(title(&again.expect("it is updated")), title(&edited));
    typed(&stage, |_| "Trek".to_owned()).await;
    assert_eq!(title(&stage.found(&held.id).await), "Trek", "the sign is gone");
    stage.assert_careful();
}

// quirk: microsoft-76
#[tokio::test]
async fn a_title_that_is_too_long_to_be_remembered_is_what_is_shown_of_it() {
    let stage = Stage::new(Quirks::default());
    let held = made(&stage, &titled(&"to boldly go ".repeat(2_000))).await;
    let cut = title(&held);
    assert!(cut.ends_with('…') && cut.encode_utf16().count() == 255, "{cut}");
    assert_eq!(title(&stage.found(&held.id).await), cut);
    stage.assert_careful();
}

// quirk: microsoft-25
#[tokio::test]
async fn times_without_a_zone_stand_in_the_configured_one_and_float_on() {
    let stage = Stage::new(Quirks::default());
    // Events of other zones are in the mailbox; they have no say in this.
    let tokyo = testkit::text("\"Call\" 2026-04-01T12:00 Asia/Tokyo 1h uid=call");
    assert!(stage.user().put(&tokyo));
    stage.list(None).await.expect("it is listed");
    for (line, parts) in [
        ("\"Pill\" 2026-07-01T07:45 floating 15m", 1),
        ("daily \"Pill\" 2026-07-01T07:45 floating 15m count=9 cancel=2026-07-03", 1),
        ("weekly \"Pill\" 2026-07-01T07:45 floating 15m count=3 extra=2026-07-09", 4),
    ] {
        let series = testkit::series(line);
        let told = stage.microsoft.shown_otherwise(&series);
        let zone = "times: they have no zone here; at Microsoft they stand in W. Europe Standard \
                    Time";
        assert!(told.iter().any(|sentence| sentence == zone), "{told:?}");
        let held = made(&stage, &series).await;
        let rows = stage.service.rows(&stage.calendar);
        let rows: Vec<_> = rows.iter().filter(|row| row["subject"] == "Pill").collect();
        assert_eq!(rows.len(), parts, "{line}");
        for row in rows {
            assert_eq!(row["originalStartTimeZone"], "W. Europe Standard Time", "{line}");
            let start = row["start"]["dateTime"].as_str().expect("a time");
            assert!(start.ends_with("T05:45:00.0000000"), "{line}: {start} in UTC");
        }
        let found = stage.found(&held.id).await;
        let start = found.series.master.as_ref().map(|event| event.start.clone());
        assert!(matches!(start, Some(When::Floating(_))), "{line}: {start:?}");
        let keys = found.series.exceptions.keys();
        assert!(keys.into_iter().all(|key| matches!(key, When::Floating(_))), "{line}");
        stage.microsoft.delete(&stage.calendar, &found).await.expect("it is deleted");
    }
    stage.assert_careful();
}

// quirk: microsoft-76
#[tokio::test]
async fn the_title_of_one_occurrence_is_cut_and_whole_like_any_other() {
    let stage = Stage::new(Quirks::default());
    let line = "weekly \"Film\" 2026-04-01T20:00 Europe/Berlin 2h count=4 uid=film \
                retitle=2026-04-08→\"x\"";
    let mut series = testkit::series(line);
    for exception in series.exceptions.values_mut() {
        if let Exception::Override(event) = exception {
            event.title = Some(long().into());
        }
    }
    let held = made(&stage, &series).await;
    let found = stage.found(&held.id).await;
    let titles: Vec<_> = found
        .series
        .exceptions
        .values()
        .map(|exception| match exception {
            Exception::Override(event) => event.title.clone().map(|title| title.expose().clone()),
            Exception::Cancelled => None,
        })
        .collect();
    assert_eq!(titles, [Some(long())]);
    stage.assert_careful();
}
