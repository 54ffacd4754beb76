//! Where Google can say less than the other side, or says it in pieces: nothing is lost for it, and
//! nothing stays that nobody wants.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Resource};
use provider::Provider;
use sandbox::google::Quirks;
use serde_json::Value;

async fn create(stage: &Stage, line: &str, key: &str) -> Resource {
    let series = testkit::series(line);
    let made = stage.google.create(&stage.calendar, &series, &CreateKey::new(key)).await;
    made.expect("it is created")
}

fn row(stage: &Stage, id: &str) -> Value {
    let rows = stage.service.rows(&stage.calendar);
    rows.into_iter().find(|row| row["id"] == id).unwrap_or_default()
}

fn minutes(row: &Value) -> Vec<i64> {
    let reminders = row["reminders"]["overrides"].as_array().cloned().unwrap_or_default();
    let mut minutes: Vec<i64> =
        reminders.iter().filter_map(|one| one["minutes"].as_i64()).collect();
    minutes.sort_unstable();
    minutes
}

#[tokio::test]
async fn one_of_five_reminders_changed_leaves_the_four_that_google_does_not_show() {
    let stage = Stage::new(Quirks::default());
    let line = "\"Dentist\" 2026-03-03T19:00 Europe/Berlin 1h alarm=-5m alarm=-10m alarm=-15m \
                alarm=-30m alarm=-60m alarm=-2h alarm=-1d alarm=5m alarm=-3d";
    let made = create(&stage, line, "0a").await;
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [5, 10, 15, 30, 60]);
    let alarms = |held: &Resource| held.series.master.as_ref().unwrap().alarms.clone();
    let before = alarms(&made);
    assert_eq!(before.len(), 9);
    let uid = stage.user().uids()[0].clone();
    let change = |from: &str, to: &str| {
        stage.user().edit(&uid, |text| text.replace(from, to));
    };
    change("TRIGGER:-PT5M", "TRIGGER:-PT6M");
    let held = stage.found(&made.id).await;
    assert_eq!(alarms(&held).len(), 9);
    assert_eq!(before.difference(&alarms(&held)).count(), 1);
    // What is remembered with the next write is what is shown then.
    let mut target = held.series.clone();
    target.master.as_mut().unwrap().title = Some("Doctor".into());
    let held = stage.google.update(&stage.calendar, &held, &target).await.expect("it is updated");
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [6, 10, 15, 30, 60]);
    change("TRIGGER:-PT10M", "TRIGGER:-PT12M");
    let again = stage.found(&made.id).await;
    assert_eq!((alarms(&again).len(), alarms(&held).difference(&alarms(&again)).count()), (9, 1));
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [6, 12, 15, 30, 60]);
}
