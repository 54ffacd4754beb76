//! The second pair: the same iCloud account and a Microsoft mailbox. What Outlook has words for is
//! a series there; what it has none for stands there as single events, and is one series all the
//! same.

use std::collections::BTreeSet;

use model::{Side, Sides};
use sandbox::Held;
use sandbox::seed::hour;

use super::equal;
use super::stage::{OFFICE, Stage, TEAM, origin};
use super::story::{Told, at, chapter, said, settled, sync, until};

/// What the second pair goes through.
pub(super) async fn tell(stage: &Stage) -> Told {
    chapter("The second pair: iCloud and Microsoft");
    let number = series(stage, Side::Left).len();
    until("Microsoft has every event", || series(stage, Side::Right).len() == number).await?;
    settled(stage, TEAM).await?;
    said(stage, &format!("the {number} events of home/Team are at Microsoft"));
    edits_cross(stage).await?;
    an_occurrence_moves(stage).await?;
    without_words(stage).await
}

/// At the end: the same on both sides, and nothing to do.
pub(super) async fn equal_and_quiet(stage: &Stage) -> Told {
    settled(stage, TEAM).await?;
    let held = Sides::from_fn(|side| stage.held_by_team(side));
    let occurrences = equal::compare(stage, held)?;
    let number = series(stage, Side::Left).len();
    if series(stage, Side::Left) != series(stage, Side::Right) {
        return Err("the second pair does not have the same events".to_owned());
    }
    said(stage, &format!("home/Team and office: {number} events; {occurrences} occurrences equal"));
    let before = stage.world.write_count(OFFICE);
    let quiet = sync(stage, TEAM).await?;
    let requests = quiet.pairs.first().map(|pair| pair.requests).unwrap_or_default();
    if stage.world.write_count(OFFICE) > before {
        return Err("a cycle with nothing to do wrote".to_owned());
    }
    let (left, right) = (requests.left, requests.right);
    said(stage, &format!("nothing to do costs {left} request left, {right} right, and no write"));
    Ok(())
}

/// The events of a side, as they were created.
fn series(stage: &Stage, side: Side) -> BTreeSet<String> {
    stage.held_by_team(side).iter().map(origin).collect()
}

/// The texts of one event: of a series that stands there as single events, all of them.
fn texts(stage: &Stage, side: Side, uid: &str) -> Vec<Held> {
    stage.held_by_team(side).into_iter().filter(|held| origin(held) == uid).collect()
}

fn has(stage: &Stage, side: Side, uid: &str, text: &str) -> bool {
    let texts = texts(stage, side, uid);
    texts.iter().any(|held| String::from_utf8_lossy(&held.raw).contains(text))
}

async fn edits_cross(stage: &Stage) -> Told {
    let meeting = hour("standup@demo", "Stand-up", at(1, 8), "FREQ=WEEKLY;INTERVAL=2;COUNT=6");
    stage.now().world.user(&stage.team.left).create(&meeting);
    said(stage, "left: a new series every other week, Stand-up");
    until("it is at Microsoft", || has(stage, Side::Right, "standup@demo", "INTERVAL=2")).await?;
    said(stage, "right: it is there, as a series of Outlook's own");
    Ok(())
}

async fn an_occurrence_moves(stage: &Stage) -> Told {
    let series = hour("review@demo", "Review", at(2, 9), "FREQ=WEEKLY;COUNT=6");
    stage.now().world.user(&stage.team.left).create(&series);
    until("it is at Microsoft", || has(stage, Side::Right, "review@demo", "FREQ=WEEKLY")).await?;
    settled(stage, TEAM).await?;
    let held = texts(stage, Side::Right, "review@demo");
    let uid = held.first().map(|held| held.uid.clone()).unwrap_or_default();
    let outlook = stage.now().microsoft.user(&stage.team.right);
    if !outlook.move_occurrence(&uid, at(9, 9), at(10, 15)) {
        return Err("Outlook did not let an occurrence be moved".to_owned());
    }
    said(stage, "right: the second Review is moved to the next day in Outlook");
    let moved = at(10, 15).strftime("DTSTART:%Y%m%dT%H%M%SZ").to_string();
    until("it moved on the left", || has(stage, Side::Left, "review@demo", &moved)).await?;
    said(stage, "left: the second one is on the next day, the others stay");
    Ok(())
}

async fn without_words(stage: &Stage) -> Told {
    // Outlook can't say "the 10th and the 25th".
    let rule = "FREQ=MONTHLY;BYMONTHDAY=10,25;COUNT=6";
    let payday = hour("payday@demo", "Payday", first(), rule);
    stage.now().world.user(&stage.team.left).create(&payday);
    said(stage, "left: Payday, on the 10th and the 25th: Outlook has no rule for that");
    until("Microsoft has all six", || texts(stage, Side::Right, "payday@demo").len() == 6).await?;
    settled(stage, TEAM).await?;
    said(stage, "right: six single events, linked; they are one series to calpair");
    let held = texts(stage, Side::Right, "payday@demo");
    let last = held.iter().max_by_key(|held| starts(held)).ok_or("there is none")?;
    stage.now().microsoft.user(&stage.team.right).set(&last.uid, "SUMMARY", "Payday, with bonus");
    said(stage, "right: the last one is called Payday, with bonus");
    until("it is so on the left", || {
        has(stage, Side::Left, "payday@demo", "Payday\\, with bonus")
            && has(stage, Side::Left, "payday@demo", "BYMONTHDAY=10,25")
    })
    .await?;
    said(stage, "left: still one series, whose last occurrence has the new title");
    Ok(())
}

/// The next 10th or 25th, in the morning.
fn first() -> jiff::Timestamp {
    (1..32)
        .map(|days| at(days, 7))
        .find(|at| matches!(jiff::tz::TimeZone::UTC.to_datetime(*at).day(), 10 | 25))
        .expect("every month has a 10th")
}

fn starts(held: &Held) -> Option<String> {
    let text = String::from_utf8_lossy(&held.raw);
    text.lines().find_map(|line| line.strip_prefix("DTSTART").map(str::to_owned))
}
