//! What series cost: where a listing of changes is enough, where it is not believed to be, and
//! what it costs to write occurrences.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::collections::BTreeMap;

use common::{Listing, Stage};
use jiff::Timestamp;
use model::{CreateKey, Cursor, Exception, Resource, ResourceId, Series};
use provider::{Change, Changes, Next, Outcome, Provider, Scope};
use sandbox::google::{OnEdit, OnMove, Quirk, Quirks, Touch, Untouched};

const WEEKLY: &str = "weekly \"Choir\" 2026-03-03T19:00 UTC 1h count=8";
const MOVED: &str = "weekly \"Choir\" 2026-03-03T19:00 UTC 1h count=8 cancel=2026-03-10 \
                     move=2026-03-17→20:00 retitle=\"2026-03-24→Concert\"";

/// The second occurrence of [`WEEKLY`], and the seventh.
const SECOND: &str = "20260310T190000Z";
const SEVENTH: &str = "20260414T190000Z";

fn at(time: &str) -> Timestamp {
    time.parse().expect("an instant")
}

async fn create(stage: &Stage, line: &str, key: &str) -> Resource {
    let series = testkit::series(line);
    let made = stage.google.create(&stage.calendar, &series, &CreateKey::new(key)).await;
    made.expect("it is created")
}

/// What somebody who goes on listing holds of a calendar: as the engine does, with everything that
/// a listing does not tell fetched.
#[derive(Clone, Default)]
struct Mirror {
    cursor: Option<Cursor>,
    held: BTreeMap<ResourceId, Resource>,
}

impl Mirror {
    async fn follow(&mut self, stage: &Stage) -> Vec<Change> {
        let listing = stage.list(self.cursor.as_ref()).await.expect("it is listed");
        self.take(stage, listing).await
    }

    /// Goes on with a listing of which one page, without anything whole, is read.
    async fn go_on(&mut self, stage: &Stage, first: Changes) {
        let Next::More(more) = first.next else { panic!("it has one page") };
        let listing = stage.list(Some(&more)).await.expect("it is listed");
        self.take(stage, listing).await;
    }

    async fn take(&mut self, stage: &Stage, listing: Listing) -> Vec<Change> {
        if listing.scope == Scope::Full {
            self.held.clear();
        }
        let mut unknown = Vec::new();
        for item in &listing.items {
            match item {
                Change::Present(held) => {
                    self.held.insert(held.id.clone(), (**held).clone());
                }
                Change::Gone(id) => drop(self.held.remove(id)),
                Change::Listed { id, .. } | Change::Missing(id) => unknown.push(id.clone()),
                Change::Unreadable(unreadable) => panic!("{unreadable:?}"),
            }
        }
        if !unknown.is_empty() {
            let fetched = stage.google.fetch(&stage.calendar, &unknown).await;
            for one in fetched.expect("the service answers") {
                match one.outcome {
                    Outcome::Found(held) => drop(self.held.insert(one.id, *held)),
                    Outcome::Gone => drop(self.held.remove(&one.id)),
                    other => panic!("{other:?}"),
                }
            }
        }
        self.cursor = Some(listing.next);
        listing.items
    }

    /// It holds what somebody reads who has never listed anything.
    async fn assert_true(&self, stage: &Stage, what: &str) {
        let mut fresh = Self::default();
        fresh.follow(&stage.another()).await;
        let shown = |mirror: &Self| -> BTreeMap<ResourceId, Series> {
            mirror.held.iter().map(|(id, held)| (id.clone(), held.series.clone())).collect()
        };
        let (own, want) = (shown(self), shown(&fresh));
        let ids = |all: &BTreeMap<ResourceId, Series>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&own), ids(&want), "{what}");
        for (id, want) in want {
            let own = &own[&id];
            assert!(own.same_content(&want), "{what}: {id}\n{own:#?}\n{want:#?}");
        }
    }
}

/// Ten titles of series, ten moved occurrences, ten cancelled ones.
async fn thirty(stage: &Stage, before: &str) -> Mirror {
    for number in 0..30 {
        let line = if number < 10 { WEEKLY } else { before };
        stage.user().create(&testkit::text(&format!("{line} uid=s{number:02}")));
    }
    let mut mirror = Mirror::default();
    let (items, cost) = stage.cost(mirror.follow(stage)).await;
    assert_eq!((items.len(), cost), (30, 1), "everything is in the listing");
    mirror
}

fn users_change_thirty(stage: &Stage) {
    let user = stage.user();
    for number in 0..10 {
        assert!(user.set(&format!("s{number:02}"), "SUMMARY", "Renamed"));
        let uid = format!("s{:02}", number + 10);
        assert!(user.move_occurrence(&uid, at("2026-04-14T19:00:00Z"), at("2026-04-15T08:00:00Z")));
    }
    for number in 20..30 {
        assert!(user.cancel_occurrence(&format!("s{number}"), SEVENTH));
    }
}

// quirk: google-16
#[tokio::test]
async fn what_users_change_of_series_costs_the_listing_alone() {
    let stage = Stage::new(Quirks::tame());
    let mut mirror = thirty(&stage, MOVED).await;
    users_change_thirty(&stage);
    let unstored = mirror.clone();
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    assert_eq!((items.len(), cost), (30, 1));
    mirror.assert_true(&stage, "thirty changes").await;
    // The cycle ended before the token was stored.
    let mut mirror = unstored;
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    assert_eq!((items.len(), cost), (30, 1));
    mirror.assert_true(&stage, "the same again").await;
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    assert_eq!((items.len(), cost), (0, 1), "a quiet one");
}

// quirk: google-5, google-6
#[tokio::test]
async fn a_cancelled_row_that_says_nothing_is_looked_at() {
    let stage = Stage::new(Quirks::default());
    let mut mirror = thirty(&stage, MOVED).await;
    users_change_thirty(&stage);
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    let bare = items.iter().filter(|item| !matches!(item, Change::Present(_))).count();
    assert!((1..10).contains(&bare), "{bare} of ten cancelled rows are bare");
    assert_eq!(cost, 1 + bare as u64);
    mirror.assert_true(&stage, "thirty changes").await;
}

// quirk: google-16, google-45
#[tokio::test]
async fn what_we_change_of_series_costs_a_write_each_and_a_listing() {
    let stage = Stage::new(Quirks::default());
    let mut mirror = thirty(&stage, MOVED).await;
    let changes = ["retitle", "move=2026-04-14→21:00", "cancel=2026-04-14"];
    let before = stage.google.requests();
    for (number, change) in changes.iter().flat_map(|change| [change; 10]).enumerate() {
        let held =
            mirror.held.values().find(|held| held.series.uid.as_str() == format!("s{number:02}"));
        let held = held.expect("it is held").clone();
        let mut target = held.series.clone();
        if number < 10 {
            target.master.as_mut().expect("a series").title = Some("Renamed".into());
        } else {
            let changed = testkit::series(&format!("{WEEKLY} {change}"));
            target.exceptions.extend(changed.exceptions);
        }
        let updated = stage.google.update(&stage.calendar, &held, &target).await;
        let updated = updated.expect("it is updated");
        assert!(updated.series.same_content(&target), "{change}");
        mirror.held.insert(updated.id.clone(), updated);
    }
    assert_eq!(stage.google.requests() - before, 30, "a write each");
    mirror.assert_true(&stage, "thirty writes").await;
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    assert_eq!((items.len(), cost), (30, 1), "their echo");
    mirror.assert_true(&stage, "their echo").await;
    // What users change then is not looked at either.
    stage.service.set_quirks(|quirks| *quirks = Quirks::tame());
    let uid = "s05";
    assert!(stage.user().retitle_occurrence(uid, SEVENTH, "Concert"));
    let (items, cost) = stage.cost(mirror.follow(&stage)).await;
    assert_eq!((items.len(), cost), (1, 1));
    mirror.assert_true(&stage, "after our own writes").await;
    stage.assert_careful();
}

// quirk: google-74
#[tokio::test]
async fn an_edit_of_all_events_takes_along_what_was_different_or_not() {
    for on_edit in [OnEdit::Kept, OnEdit::Reset, OnEdit::Told] {
        for page in [1, 2500] {
            let quirks = Quirks { on_edit, largest_page: page, ..Quirks::tame() };
            let stage = Stage::new(quirks);
            let user = stage.user();
            user.create(&testkit::text(&format!("{MOVED} uid=one")));
            let mut mirror = Mirror::default();
            mirror.follow(&stage).await;
            assert!(user.set("one", "SUMMARY", "Renamed"));
            for turn in ["first", "again"] {
                let mut unstored = mirror.clone();
                unstored.follow(&stage).await;
                let what = format!("{on_edit:?}, pages of {page}, {turn}");
                unstored.assert_true(&stage, &what).await;
                let left = unstored.held.values().map(|held| held.series.exceptions.len());
                let want = if on_edit == OnEdit::Kept { 3 } else { 1 };
                // The cancelled one of the three may stand in the master's lines.
                let left: usize = left.sum();
                assert!(left == want || left == 0 && want == 1, "{what}: {left}");
            }
        }
    }
}

// quirk: google-74
#[tokio::test]
async fn an_exception_that_came_and_went_is_no_cancelled_occurrence() {
    let stage = Stage::new(Quirks { on_edit: OnEdit::Told, ..Quirks::tame() });
    let user = stage.user();
    user.create(&testkit::text(&format!("{WEEKLY} uid=one")));
    let mut mirror = Mirror::default();
    mirror.follow(&stage).await;
    assert!(user.retitle_occurrence("one", SECOND, "Concert"));
    assert!(user.set("one", "SUMMARY", "Renamed"));
    mirror.follow(&stage).await;
    mirror.assert_true(&stage, "between two listings").await;
    let held = mirror.held.values().next().expect("it is held");
    assert_eq!(held.series.exceptions.len(), 0);
}

// quirk: google-41
#[tokio::test]
async fn a_series_that_moves_is_looked_at_where_it_had_exceptions() {
    for on_move in [OnMove::Reset, OnMove::Stale] {
        for (line, want) in [(MOVED, 2), (WEEKLY, 1)] {
            let stage = Stage::new(Quirks { on_move, ..Quirks::tame() });
            stage.user().create(&testkit::text(&format!("{line} uid=one")));
            let mut mirror = Mirror::default();
            mirror.follow(&stage).await;
            assert!(stage.user().shift("one", 2));
            let (_, cost) = stage.cost(mirror.follow(&stage)).await;
            assert_eq!(cost, want, "{on_move:?}: {line}");
            mirror.assert_true(&stage, &format!("{on_move:?}: {line}")).await;
        }
    }
}

// quirk: google-40, google-41
#[tokio::test]
async fn a_series_that_is_split_keeps_nothing_of_what_google_forgets() {
    let stage = Stage::new(Quirks::default());
    stage.user().create(&testkit::text(&format!("{MOVED} uid=one")));
    let mut mirror = Mirror::default();
    mirror.follow(&stage).await;
    stage.user().split("one", "20260317T190000Z", "Later").expect("it is split");
    mirror.follow(&stage).await;
    mirror.assert_true(&stage, "split").await;
    assert_eq!(mirror.held.len(), 2);
}

#[tokio::test]
async fn what_another_process_listed_is_not_taken_for_known() {
    let stage = Stage::new(Quirks::tame());
    stage.user().create(&testkit::text(&format!("{WEEKLY} uid=one")));
    let mut mirror = Mirror::default();
    mirror.follow(&stage).await;
    assert!(stage.user().retitle_occurrence("one", SECOND, "Concert"));
    mirror.follow(&stage.another()).await;
    for title in ["Renamed", "Renamed again"] {
        assert!(stage.user().retitle_occurrence("one", SEVENTH, title));
        mirror.follow(&stage).await;
        mirror.assert_true(&stage, title).await;
    }
    // An older database was put back: what came since is listed once more.
    let older = mirror.clone();
    assert!(stage.user().cancel_occurrence("one", "20260324T190000Z"));
    mirror.follow(&stage).await;
    mirror.follow(&stage).await;
    let mut mirror = older;
    assert!(stage.user().retitle_occurrence("one", SECOND, "Another"));
    mirror.follow(&stage).await;
    mirror.assert_true(&stage, "put back").await;
}

/// Two pairs list one calendar in pages; one is in the midst of it while the other is done.
#[tokio::test]
async fn what_one_pair_listed_earlier_is_not_laid_over_what_another_one_listed_later() {
    let quirks = Quirks { largest_page: 1, on_move: OnMove::Reset, ..Quirks::tame() };
    let stage = Stage::new(quirks);
    let user = stage.user();
    user.create(&testkit::text(&format!("{WEEKLY} uid=one")));
    let (mut early, mut late) = (Mirror::default(), Mirror::default());
    early.follow(&stage).await;
    late.follow(&stage).await;
    assert!(user.retitle_occurrence("one", SECOND, "Concert"));
    user.create(&testkit::text(&format!("{WEEKLY} uid=two")));
    let page = stage.google.changes(&stage.calendar, early.cursor.as_ref()).await;
    // The occurrence that differs is on the first page, and then it is gone.
    assert!(user.shift("one", 1));
    late.follow(&stage).await;
    late.assert_true(&stage, "the late one").await;
    early.go_on(&stage, page.expect("a page")).await;
    early.follow(&stage).await;
    early.assert_true(&stage, "the early one").await;
}

#[tokio::test]
async fn a_full_listing_that_began_earlier_hides_nothing_from_another_pair() {
    let stage = Stage::new(Quirks { largest_page: 1, ..Quirks::tame() });
    let user = stage.user();
    for uid in ["one", "two"] {
        user.create(&testkit::text(&format!("{WEEKLY} uid={uid}")));
    }
    let (mut early, mut late) = (Mirror::default(), Mirror::default());
    late.follow(&stage).await;
    let page = stage.google.changes(&stage.calendar, None).await.expect("a page");
    assert!(user.retitle_occurrence("one", SECOND, "Concert"));
    late.follow(&stage).await;
    early.go_on(&stage, page).await;
    assert!(user.retitle_occurrence("one", SEVENTH, "Concert"));
    late.follow(&stage).await;
    late.assert_true(&stage, "the late one").await;
    early.follow(&stage).await;
    early.assert_true(&stage, "the early one").await;
}

// quirk: google-74
#[tokio::test]
async fn what_was_to_be_looked_at_and_was_not_is_not_known() {
    let stage = Stage::new(Quirks { on_edit: OnEdit::Reset, ..Quirks::tame() });
    stage.user().create(&testkit::text(&format!("{MOVED} uid=one")));
    let mut mirror = Mirror::default();
    mirror.follow(&stage).await;
    assert!(stage.user().set("one", "SUMMARY", "Renamed"));
    let listing = stage.list(mirror.cursor.as_ref()).await.expect("it is listed");
    assert!(matches!(&listing.items[..], [Change::Listed { .. }]), "{:?}", listing.items);
    // The cycle stores that, and ends before it is fetched.
    mirror.cursor = Some(listing.next);
    assert!(stage.user().retitle_occurrence("one", SEVENTH, "Concert"));
    mirror.follow(&stage).await;
    mirror.assert_true(&stage, "looked at later").await;
}

#[tokio::test]
async fn a_restart_costs_one_look_at_each_series_that_changes() {
    let mut stage = Stage::new(Quirks::tame());
    stage.user().create(&testkit::text(&format!("{MOVED} uid=one")));
    let mut mirror = Mirror::default();
    mirror.follow(&stage).await;
    stage.restart();
    for want in [2, 1, 1] {
        assert!(stage.user().retitle_occurrence("one", SEVENTH, &format!("{want}")));
        let (_, cost) = stage.cost(mirror.follow(&stage)).await;
        assert!(cost <= want, "{cost}");
        mirror.assert_true(&stage, "after a restart").await;
    }
}

// quirk: google-45, google-47
#[tokio::test]
async fn new_exceptions_of_a_touched_series_cost_one_look_together() {
    let days = ["03-10", "03-17", "03-24", "03-31", "04-07"];
    let line = days.map(|day| format!("move=2026-{day}→21:00")).join(" ");
    let line = format!("{WEEKLY} {line}");
    for (untouched, touch, creation, update) in [
        (Untouched::Masters, Touch::Never, 6, 5),
        // Refused, looked at, and five writes.
        (Untouched::Masters, Touch::Series, 8, 5),
        (Untouched::Hidden, Touch::Series, 8, 7),
        // Each write gives the others another version: as many as ever.
        (Untouched::Moving, Touch::Never, 16, 15),
    ] {
        let what = format!("{untouched:?}, {touch:?}");
        let stage = Stage::new(Quirks { untouched, touch, ..Quirks::tame() });
        let (made, cost) = stage.cost(create(&stage, &line, "0a")).await;
        assert_eq!(made.series.exceptions.len(), 5, "{what}");
        assert_eq!(cost, creation, "{what}");
        create(&stage, WEEKLY, "0b").await;
        let mut mirror = Mirror::default();
        mirror.follow(&stage).await;
        let held = mirror.held.values().find(|held| held.id != made.id).expect("it is held");
        let mut target = held.series.clone();
        target.exceptions = testkit::series(&line).exceptions;
        let updated = stage.google.update(&stage.calendar, held, &target);
        let (updated, cost) = stage.cost(updated).await;
        assert!(updated.expect("it is updated").series.same_content(&target), "{what}");
        assert_eq!(cost, update, "{what}");
        stage.assert_careful();
    }
}

// quirk: google-44, google-47
#[tokio::test]
async fn the_version_of_one_occurrence_overwrites_no_other_that_somebody_changed() {
    for untouched in [Untouched::Masters, Untouched::Hidden, Untouched::Moving] {
        let quirks = Quirks { untouched, touch: Touch::Series, ..Quirks::tame() };
        let stage = Stage::new(quirks);
        let made = create(&stage, WEEKLY, "0a").await;
        let uid = stage.user().uids()[0].clone();
        assert!(stage.user().retitle_occurrence(&uid, "20260317T190000Z", "Theirs"));
        let line = format!("{WEEKLY} move=2026-03-10→21:00 move=2026-03-17→21:00");
        let mut target = made.series.clone();
        target.exceptions = testkit::series(&line).exceptions;
        let refused = stage.google.update(&stage.calendar, &made, &target).await;
        assert!(refused.is_err(), "{untouched:?}: {refused:?}");
        let theirs = stage.found(&made.id).await.series.exceptions.into_values().any(
            |one| matches!(one, Exception::Override(event) if event.title == Some("Theirs".into())),
        );
        assert!(theirs, "{untouched:?}: what they wrote is gone");
    }
}

/// The occurrences that are changed at random.
const DAYS: [&str; 4] = ["20260310", "20260317", "20260324", "20260331"];

/// Somebody at Google does something.
fn users_do(stage: &Stage, random: &mut sandbox::Random, number: u64) {
    let user = stage.user();
    let uids = user.uids();
    if uids.is_empty() || random.below(12) == 0 {
        user.create(&testkit::text(&format!("{MOVED} uid=new{number}")));
        return;
    }
    let uid = random.pick(&uids).clone();
    let day = *random.pick(&DAYS);
    let original = format!("{day}T190000Z");
    let title = format!("Title {number}");
    // Not everything can be done to every series: then nothing is.
    let _ = match random.below(10) {
        0 => user.set(&uid, "SUMMARY", &title),
        1 => user.shift(&uid, 1),
        2 | 3 => user.cancel_occurrence(&uid, &original),
        4 | 5 => user.retitle_occurrence(&uid, &original, &title),
        6 => user.restore_occurrence(&uid, &original),
        7 => user.churn(&uid),
        8 => user.split(&uid, &original, &title).is_some(),
        _ if random.below(3) == 0 => user.delete(&uid),
        _ => user.edit(&uid, |text| text.replace("Concert", &title)),
    };
}

/// We write something over what we hold.
async fn we_write(stage: &Stage, mirror: &mut Mirror, random: &mut sandbox::Random, number: u64) {
    let ids: Vec<ResourceId> = mirror.held.keys().cloned().collect();
    if ids.is_empty() {
        return;
    }
    let held = mirror.held[random.pick(&ids)].clone();
    let mut target = held.series.clone();
    let changed = testkit::series(MOVED).exceptions;
    match random.below(4) {
        0 => {
            if let Some(master) = &mut target.master {
                master.title = Some(format!("Ours {number}").into());
            }
        }
        1 => drop(target.exceptions.pop_first()),
        _ => target.exceptions.extend(changed),
    }
    if let Ok(updated) = stage.google.update(&stage.calendar, &held, &target).await {
        mirror.held.insert(updated.id.clone(), updated);
    }
}

fn rude(random: &mut sandbox::Random) -> Quirks {
    let mut quirks = if random.below(2) == 0 { Quirks::tame() } else { Quirks::default() };
    quirks.on_move = *random.pick(&[OnMove::Stale, OnMove::Reset]);
    quirks.on_edit = *random.pick(&[OnEdit::Kept, OnEdit::Reset, OnEdit::Told]);
    quirks.untouched = *random.pick(&[Untouched::Masters, Untouched::Hidden, Untouched::Moving]);
    quirks.touch = *random.pick(&[Touch::Never, Touch::Series, Touch::Every]);
    quirks.largest_page = *random.pick(&[1, 3, 2500]);
    if random.below(4) == 0 { quirks.with(Quirk::QuietPatch) } else { quirks }
}

// quirk: google-3, google-4, google-5, google-41, google-47, google-74
#[tokio::test]
async fn what_is_held_is_what_is_there_whoever_does_what() {
    for seed in 0..60 {
        let mut random = sandbox::Random::new(seed);
        let mut stage = Stage::seeded(rude(&mut random), seed);
        // Two pairs of one calendar, over one adapter.
        let mut mirrors = [Mirror::default(), Mirror::default()];
        for line in [WEEKLY, MOVED] {
            let uid = format!("s{}", line.len());
            stage.user().create(&testkit::text(&format!("{line} uid={uid}")));
        }
        for step in 0..25 {
            for number in 0..random.below(4) {
                users_do(&stage, &mut random, step * 10 + number);
            }
            let mirror = &mut mirrors[usize::from(random.below(3) == 0)];
            if mirror.cursor.is_some() && random.below(3) == 0 {
                we_write(&stage, mirror, &mut random, step).await;
            }
            if random.below(3) == 0 {
                users_do(&stage, &mut random, step * 10 + 9);
            }
            match random.below(12) {
                0 => stage.restart(),
                // The cycle fails before anything is stored.
                1 | 2 => drop(mirror.clone().follow(&stage).await),
                3 => drop(mirror.follow(&stage.another()).await),
                4 => mirror.cursor = None,
                5 => continue,
                _ => {}
            }
            mirror.follow(&stage).await;
            mirror.assert_true(&stage, &format!("seed {seed}, step {step}")).await;
        }
    }
}
