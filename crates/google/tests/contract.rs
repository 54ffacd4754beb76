//! The provider contract, run against the adapter over the simulated service: as tame as the
//! documentation, and as rude as reality.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::collections::HashMap;

use async_trait::async_trait;
use common::Stage;
use model::{CalendarId, Cursor, ResourceId};
use provider::Provider;
use sandbox::google::{OnEdit, OnMove, Quirk, Quirks, Touch, Untouched};
use testkit::contract::{Subject, run};

struct Served {
    stage: Stage,
    /// UIDs by the names that the back door gave.
    named: HashMap<String, String>,
}

#[async_trait]
impl Subject for Served {
    fn provider(&self) -> &dyn Provider {
        &self.stage.google
    }

    fn calendar(&self) -> CalendarId {
        self.stage.calendar.clone()
    }

    async fn put(&mut self, name: &str, raw: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(raw).into_owned();
        let series = ical::read(raw).map_err(|unreadable| unreadable.reason.to_string())?;
        self.named.insert(name.to_owned(), series.uid.as_str().to_owned());
        let stored = self.stage.user().put(&text);
        if stored { Ok(()) } else { Err("the user could not type it".to_owned()) }
    }

    async fn get(&mut self, name: &str) -> Option<Vec<u8>> {
        let held = self.stage.service.held(&self.stage.calendar);
        let uid = self.named.get(name);
        let is_it = |held: &sandbox::Held| match uid {
            Some(uid) => held.uid == *uid,
            None => held.id == name,
        };
        held.into_iter().find(is_it).map(|held| held.raw)
    }

    async fn delete(&mut self, name: &str) {
        let mut held = self.stage.service.held(&self.stage.calendar).into_iter();
        let made = held.find(|held| held.id == name).map(|held| held.uid);
        let uid = self.named.get(name).cloned().or(made).unwrap_or_default();
        self.stage.user().delete(&uid);
    }

    fn name(&self, id: &ResourceId) -> String {
        id.as_str().to_owned()
    }

    async fn expire(&mut self, cursor: Cursor) -> Option<Cursor> {
        self.stage.service.expire_tokens(&self.stage.calendar);
        Some(cursor)
    }

    async fn mails(&mut self) -> usize {
        self.stage.world.outbox().len()
    }

    fn cannot(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            ("a_taken_uid_is_refused", "Google takes an id or a UID; the id makes it repeatable"),
            ("a_zone_of_ones_own", "Google knows no zones but those with a name"),
            ("what_is_unknown_survives", "Google's events have no lines; see tests/rows.rs"),
            ("unknown_parts_survive", "Google's events have no lines; see tests/rows.rs"),
            ("the_unreadable_stops_nothing", "nobody can type such a text; see tests/rows.rs"),
        ]
    }
}

async fn kept(quirks: Quirks) {
    let mut served = Served { stage: Stage::new(quirks), named: HashMap::new() };
    let report = run(&mut served).await;
    let careful = std::panic::AssertUnwindSafe(|| served.stage.assert_careful());
    let careful = std::panic::catch_unwind(careful);
    report.assert_good();
    careful.expect("requests are as they have to be");
}

#[tokio::test]
async fn the_contract_is_kept_by_the_book() {
    kept(Quirks::tame()).await;
}

#[tokio::test]
async fn the_contract_is_kept_over_google_as_it_is() {
    kept(Quirks::default()).await;
}

// quirk: google-2, google-3, google-4, google-30, google-41, google-45, google-47,
// google-74
#[tokio::test]
async fn the_contract_is_kept_at_its_rudest() {
    let mut quirks = Quirks::default()
        .with(Quirk::OldZones)
        .with(Quirk::StrayExdatesDropped)
        .with(Quirk::NoSummaries)
        .with(Quirk::GuestsOmitted)
        .with(Quirk::QuietPatch);
    quirks.on_move = OnMove::Reset;
    quirks.on_edit = OnEdit::Told;
    quirks.untouched = Untouched::Moving;
    quirks.touch = Touch::Every;
    quirks.largest_page = 7;
    kept(quirks).await;
}
