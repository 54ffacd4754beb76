//! The story: what people do on both sides, what calpair makes of it, and the day on which the
//! password is revoked. Each step waits until what it tells has happened.

use std::time::Duration;

use jiff::Timestamp;
use model::{Side, Sides};

use sandbox::seed::hour;

use super::stage::{ACCOUNTS, BOTH, LEFT, OFFICE, PAIR, RIGHT, Stage};
use super::{equal, team};
use crate::clock::SystemClock;
use crate::control::Request;
use crate::exit::Exit;
use crate::report::{History, Outcome, Status, Sync};
use crate::terminal::{escaped, print};

/// A step that has not happened by then doesn't.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

pub(super) type Told = Result<(), String>;

/// Plays everything; an error says what did not come out as told.
pub(super) async fn tell(stage: &Stage) -> Told {
    introduce(stage);
    first_sync(stage).await?;
    edits_cross(stage).await?;
    edits_meet(stage).await?;
    an_occurrence_moves(stage).await?;
    a_deletion_crosses(stage).await?;
    team::tell(stage).await?;
    the_password_is_revoked(stage).await?;
    it_is_replaced(stage).await?;
    equal_and_quiet(stage).await
}

/// What is there to play with when the story is over.
pub(super) fn invite(stage: &Stage) {
    let line = |text: String| print(&format!("{}\n", escaped(&text)));
    print("\nIt goes on until you press Ctrl-C. Meanwhile, in a browser:\n\n");
    line(format!("  {}/", stage.service.links().origin().unwrap_or_default()));
    print("\nin another terminal:\n\n");
    line(format!("  calpair --config {} status", stage.file.display()));
    line(format!("  calpair --config {} history", stage.file.display()));
    print("\nor, on the left, with any CalDAV client:\n\n");
    let password = stage.world.password(ACCOUNTS.left).unwrap_or_default();
    let user = sandbox::Account::new(ACCOUNTS.left).user;
    line(format!("  {}  user {user}  password {password}", stage.icloud.url()));
}

fn introduce(stage: &Stage) {
    print("calpair demo: three simulated services on this machine; nothing leaves it.\n\n");
    let (left, right) = (stage.icloud.url(), stage.endpoint.url());
    let number = RIGHT + BOTH;
    print(&format!("  left   home/Family   {left}  as iCloud speaks, {LEFT} events\n"));
    print(&format!("  right  work/primary  {right}  as Google speaks, {number} events\n"));
    print("and beside them a second pair:\n");
    let (graph, number) = (stage.graph.url(), stage.held_by_team(Side::Left).len());
    print(&format!("  left   home/Team       {left}  as iCloud speaks, {number} events\n"));
    print(&format!("  right  office/primary  {graph}  as Microsoft Graph speaks, empty\n\n"));
}

/// A new chapter.
pub(super) fn chapter(title: &str) {
    print(&format!("{title}\n"));
}

/// Something that happened, and when.
pub(super) fn said(stage: &Stage, text: &str) {
    let seconds = stage.began.elapsed().as_secs_f64();
    print(&format!("  {seconds:5.1} s  {}\n", escaped(text)));
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Told {
    let began = tokio::time::Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            return Err(format!("waited {} s in vain until {what}", PATIENCE.as_secs()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Whether a side's event has this in its text.
fn has(stage: &Stage, side: Side, uid: &str, text: &str) -> bool {
    let held = stage.find(side, uid);
    held.is_some_and(|held| String::from_utf8_lossy(&held.raw).contains(text))
}

fn numbers(stage: &Stage) -> Sides<usize> {
    Sides::from_fn(|side| stage.held(side).len())
}

async fn first_sync(stage: &Stage) -> Told {
    chapter("The first sync");
    for account in [ACCOUNTS.left, ACCOUNTS.right, OFFICE] {
        let reply = stage.connect(account).await;
        let message = reply.message.unwrap_or_default();
        said(stage, &format!("calpair connect {account}: {message}"));
        if reply.exit != Exit::Fine.code() {
            return Err("an account could not be connected".to_owned());
        }
    }
    let all = LEFT + RIGHT;
    until("both sides have every event", || numbers(stage) == Sides::new(all, all)).await?;
    settled(stage, PAIR).await?;
    said(stage, &format!("{LEFT} events were copied or known on the right, {RIGHT} came left"));
    said(
        stage,
        &format!("both sides have {all} events; {BOTH} were there before, none is doubled"),
    );
    Ok(())
}

/// Waits until a cycle has nothing left to do.
pub(super) async fn settled(stage: &Stage, pair: &str) -> Told {
    for _ in 0..10 {
        let sync = sync(stage, pair).await?;
        if sync.pairs.iter().all(|pair| pair.outcome == Outcome::InSync) {
            return Ok(());
        }
    }
    Err("the pair doesn't come to rest".to_owned())
}

pub(super) async fn sync(stage: &Stage, pair: &str) -> Result<Sync, String> {
    let reply = stage.ask(Request::Sync { pairs: vec![pair.to_owned()], dry_run: false }).await;
    serde_json::from_value(reply.report).map_err(|_| reply.message.unwrap_or_default())
}

/// So many days from today, at this hour.
pub(super) fn at(days: i64, hour: i64) -> Timestamp {
    let now = SystemClock::read().as_second();
    let midnight = now - now.rem_euclid(86_400);
    let second = midnight + days * 86_400 + hour * 3_600;
    Timestamp::from_second(second).expect("the next weeks are timestamps")
}

async fn edits_cross(stage: &Stage) -> Told {
    chapter("An edit on each side");
    stage.now().create(Side::Left, &hour("dentist@demo", "Dentist", at(3, 9), ""));
    said(stage, "left: a new event, Dentist");
    until("it is on the right", || has(stage, Side::Right, "dentist@demo", "Dentist")).await?;
    said(stage, "right: it is there");
    stage.now().set_property(Side::Right, "dentist@demo", "LOCATION", "Hauptstr. 1");
    said(stage, "right: it gets a place");
    until("the place is on the left", || has(stage, Side::Left, "dentist@demo", "Hauptstr. 1"))
        .await?;
    said(stage, "left: the place is there");
    Ok(())
}

async fn edits_meet(stage: &Stage) -> Told {
    chapter("Both sides edit one event between two cycles");
    settled(stage, PAIR).await?;
    stage.ask(Request::Pause { pair: PAIR.to_owned() }).await;
    stage.now().set_property(Side::Left, "dentist@demo", "DESCRIPTION", "Bring the x-ray");
    stage.now().set_property(Side::Left, "dentist@demo", "SUMMARY", "Dentist for Zoë");
    said(stage, "left: a description, and the title becomes Dentist for Zoë");
    // Dates of changes have whole seconds; the right one is to be the later.
    let later = stage.at(SystemClock::read() + Duration::from_secs(2));
    later.set_property(Side::Right, "dentist@demo", "SUMMARY", "Dentist (moved)");
    said(stage, "right: the title becomes Dentist (moved), a little later");
    stage.ask(Request::Resume { pair: PAIR.to_owned() }).await;
    until("both sides have both", || {
        Side::BOTH.into_iter().all(|side| {
            has(stage, side, "dentist@demo", "Bring the x-ray")
                && has(stage, side, "dentist@demo", "Dentist (moved)")
        })
    })
    .await?;
    settled(stage, PAIR).await?;
    said(stage, "both: the description and the later title; fields are merged one by one");
    let event = Some("dentist@demo".to_owned());
    let reply = stage.ask(Request::History { pair: None, event }).await;
    let history: History = serde_json::from_value(reply.report).unwrap_or_default();
    let lost = history.changes.iter().find(|change| change.action == "overruled");
    let lost = lost.ok_or("the title that lost is not in the history")?;
    said(stage, &format!("the title that lost is kept: calpair history, change {}", lost.id));
    Ok(())
}

async fn an_occurrence_moves(stage: &Stage) -> Told {
    chapter("One occurrence of a series is moved");
    let series = hour("choir@demo", "Choir", at(1, 9), "FREQ=WEEKLY;COUNT=8");
    stage.now().create(Side::Left, &series);
    until("it is on the right", || has(stage, Side::Right, "choir@demo", "FREQ=WEEKLY")).await?;
    said(stage, "left: a weekly series, Choir; right: it is there");
    stage.now().move_at_google("choir@demo", at(15, 9), at(15, 18));
    said(stage, "right: the third one is moved to the evening");
    let evening = at(15, 18).strftime("DTSTART:%Y%m%dT%H%M%SZ").to_string();
    until("it moved on the left", || has(stage, Side::Left, "choir@demo", &evening)).await?;
    said(stage, "left: the third one is in the evening, the others stay");
    Ok(())
}

async fn a_deletion_crosses(stage: &Stage) -> Told {
    chapter("A deletion");
    stage.now().create(Side::Left, &hour("lunch@demo", "Lunch", at(5, 12), ""));
    until("it is on the right", || has(stage, Side::Right, "lunch@demo", "Lunch")).await?;
    settled(stage, PAIR).await?;
    stage.now().delete_on_iphone("lunch@demo");
    said(stage, "left: Lunch, which was on both sides, is deleted");
    let gone = || stage.find(Side::Right, "lunch@demo").is_none();
    until("it is gone on the right", gone).await?;
    said(stage, "right: it is gone, because the server says so for this very event");
    Ok(())
}

async fn status(stage: &Stage) -> Result<Status, String> {
    let reply = stage.ask(Request::Status { pair: None }).await;
    serde_json::from_value(reply.report).map_err(|_| reply.message.unwrap_or_default())
}

async fn the_password_is_revoked(stage: &Stage) -> Told {
    chapter("Apple revokes the password");
    stage.world.revoke(ACCOUNTS.left);
    said(stage, "left: from now on the password is refused");
    let began = tokio::time::Instant::now();
    let mut state = "ok".to_owned();
    while state != "reconnect-needed" {
        if began.elapsed() > PATIENCE {
            return Err(format!("the account is still {state}"));
        }
        tokio::time::sleep(LOOK).await;
        let status = status(stage).await?;
        let account = status.accounts.iter().find(|account| account.name == ACCOUNTS.left);
        let account = account.ok_or("the account is not in the status")?;
        if account.state != state {
            state.clone_from(&account.state);
            let reason = account.reason.clone().unwrap_or_default();
            said(stage, &format!("account home: {state}: {reason}"));
            if let Some(action) = &account.action {
                said(stage, &format!("what to do: {action}"));
            }
        }
    }
    let asked = stage.world.request_count(ACCOUNTS.left);
    stage.now().set_property(Side::Left, "dentist@demo", "SUMMARY", "Dentist for Zoë and Ben");
    stage.now().create(Side::Left, &hour("party@demo", "Party", at(9, 19), ""));
    stage.now().create(Side::Right, &hour("plumber@demo", "Plumber", at(2, 8), ""));
    stage.now().set_property(Side::Right, "choir@demo", "LOCATION", "Church hall");
    said(stage, "meanwhile people go on: two edits on the left, two on the right");
    let reply = stage.ask(Request::Sync { pairs: Vec::new(), dry_run: false }).await;
    if reply.exit != Exit::ReconnectNeeded.code() {
        return Err(format!("a sync ended with {} instead of 3", reply.exit));
    }
    let since = stage.world.request_count(ACCOUNTS.left) - asked;
    said(stage, &format!("calpair sync ends with 3; requests with the dead password: {since}"));
    if since > 0 { Err("the dead password was sent again".to_owned()) } else { Ok(()) }
}

async fn it_is_replaced(stage: &Stage) -> Told {
    chapter("A new password");
    stage.world.set_password(ACCOUNTS.left, "qrst-uvwx-yzab-cdef");
    stage.world.restore(ACCOUNTS.left);
    let reply = stage.connect(ACCOUNTS.left).await;
    said(stage, &format!("calpair connect home: {}", reply.message.unwrap_or_default()));
    until("both sides have caught up", || {
        has(stage, Side::Right, "party@demo", "Party")
            && has(stage, Side::Right, "dentist@demo", "Zoë and Ben")
            && has(stage, Side::Left, "plumber@demo", "Plumber")
            && has(stage, Side::Left, "choir@demo", "Church hall")
    })
    .await?;
    said(stage, "everything that happened meanwhile is on both sides, nothing is lost or doubled");
    Ok(())
}

async fn equal_and_quiet(stage: &Stage) -> Told {
    chapter("The end");
    settled(stage, PAIR).await?;
    let occurrences = equal::compare(stage, Sides::from_fn(|side| stage.held(side)))?;
    let events = numbers(stage);
    if events.left != events.right {
        return Err(format!("{} events on the left, {} on the right", events.left, events.right));
    }
    let number = events.left;
    said(stage, &format!("{number} events a side; their {occurrences} occurrences are equal"));
    let writes = |stage: &Stage| {
        stage.world.write_count(ACCOUNTS.left) + stage.world.write_count(ACCOUNTS.right)
    };
    let before = writes(stage);
    let quiet = sync(stage, PAIR).await?;
    let requests = quiet.pairs.first().map(|pair| pair.requests).unwrap_or_default();
    if writes(stage) > before {
        return Err("a cycle with nothing to do wrote".to_owned());
    }
    let (left, right) = (requests.left, requests.right);
    said(stage, &format!("nothing to do costs {left} request left, {right} right, and no write"));
    team::equal_and_quiet(stage).await?;
    if !stage.world.outbox().is_empty() {
        return Err("an invitation was mailed".to_owned());
    }
    Ok(())
}
