//! The contract, run against the in-process provider in all its manners.

use async_trait::async_trait;
use model::{CalendarId, Cursor, Field, FieldSet, ResourceId};
use provider::Provider;
use sandbox::{
    Conditions, Deletions, Deltas, Habits, InProcess, Listing, Manners, Rewriting, Versions, World,
};
use testkit::contract::{Subject, run};

struct InWorld {
    world: World,
    calendar: CalendarId,
    provider: InProcess,
}

impl InWorld {
    fn new(manners: Manners, habits: Habits) -> Self {
        let world = World::new(11);
        world.account("left", habits);
        let calendar = world.add_calendar("left", "Family");
        let provider = InProcess::new(&world, "left", manners);
        Self { world, calendar, provider }
    }
}

#[async_trait]
impl Subject for InWorld {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn calendar(&self) -> CalendarId {
        self.calendar.clone()
    }

    async fn put(&mut self, name: &str, raw: &[u8]) -> Result<(), String> {
        self.world.user(&self.calendar).put(name, raw);
        Ok(())
    }

    async fn get(&mut self, name: &str) -> Option<Vec<u8>> {
        let held = self.world.held(&self.calendar);
        held.into_iter().find(|held| held.id == name).map(|held| held.raw)
    }

    async fn delete(&mut self, name: &str) {
        let held = self.world.held(&self.calendar);
        if let Some(held) = held.into_iter().find(|held| held.id == name) {
            self.world.user(&self.calendar).delete(&held.uid);
        }
    }

    fn name(&self, id: &ResourceId) -> String {
        id.as_str().to_owned()
    }

    async fn expire(&mut self, cursor: Cursor) -> Option<Cursor> {
        self.world.expire_cursors(&self.calendar);
        Some(cursor)
    }

    fn mailbox(&self) -> &str {
        "left@example.com"
    }

    async fn mails(&mut self) -> usize {
        self.world.outbox().len()
    }
}

async fn kept(manners: Manners, habits: Habits) {
    let said = format!("{manners:?}");
    let report = run(&mut InWorld::new(manners, habits)).await;
    assert!(report.is_good(), "{said}\n{report}");
}

#[tokio::test]
async fn the_contract_is_kept_by_the_book() {
    kept(Manners::default(), Habits::default()).await;
}

#[tokio::test]
async fn the_contract_is_kept_in_other_manners() {
    for manners in [
        Manners { listing: Listing::Present, page: 3, ..Manners::default() },
        Manners { versions: Versions::Unstated, page: 7, ..Manners::default() },
        Manners { versions: Versions::Sent, ..Manners::default() },
        Manners { deletions: Deletions::Missing, ..Manners::default() },
        Manners { deltas: Deltas::Never, page: 10, ..Manners::default() },
        Manners {
            fields: FieldSet::ALL.without(Field::Alarms).without(Field::Color),
            ..Manners::default()
        },
    ] {
        kept(manners, Habits::default()).await;
    }
}

#[tokio::test]
async fn the_contract_is_kept_on_servers_that_rewrite() {
    for rewriting in [Rewriting::AtOnce, Rewriting::Afterwards] {
        let habits = Habits { rewriting, forgets_short_lives: true, ..Habits::default() };
        kept(Manners::default(), habits).await;
    }
}

#[tokio::test]
async fn a_broken_contract_is_found() {
    let habits = Habits { conditions: Conditions::Never, ..Habits::default() };
    let report = run(&mut InWorld::new(Manners::default(), habits)).await;
    let text = report.to_string();
    for clause in ["a_stale_update_is_refused", "a_stale_delete_is_refused"] {
        assert!(text.contains(&format!("FAIL  {clause}")), "{text}");
    }
}
