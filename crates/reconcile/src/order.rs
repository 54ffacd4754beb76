//! An order that is safe at every point: whoever pulls the plug after any step finds nothing lost.
//!
//! Creations and changes come before deletions, because a meeting that was moved from one resource
//! to another is a creation here and a deletion there, and shall be there twice rather than not at
//! all in between. The exception is a deletion that frees a UID which another step creates on the
//! same side: servers refuse one UID twice in a calendar (RFC 4791 section 5.3.2.1), so the
//! creation could not succeed before it. Steps that write nothing come last: they can't fail, and
//! whoever reads the plan sees what happens first. Within a rank the given order stays.

use std::collections::BTreeSet;

use model::{Side, Uid};

use crate::plan::{Step, Write};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    FreesUid,
    Writes,
    Deletes,
    Nothing,
}

/// Puts steps in order.
pub(crate) fn order(steps: &mut [Step]) {
    let created: BTreeSet<(Side, Uid)> = steps.iter().flat_map(created_uids).collect();
    steps.sort_by_cached_key(|step| rank(step, &created));
}

fn created_uids(step: &Step) -> impl Iterator<Item = (Side, Uid)> + '_ {
    step.writes.iter().filter_map(|(side, write)| match write {
        Some(Write::Create(series)) => Some((side, series.uid.clone())),
        Some(Write::Update(_) | Write::Delete) | None => None,
    })
}

fn rank(step: &Step, created: &BTreeSet<(Side, Uid)>) -> Rank {
    let deletes = |side: Side| step.writes[side] == Some(Write::Delete);
    if Side::BOTH
        .into_iter()
        .any(|side| deletes(side) && created.contains(&(side, step.uid.clone())))
    {
        Rank::FreesUid
    } else if step.writes.iter().any(|(side, write)| write.is_some() && !deletes(side)) {
        Rank::Writes
    } else if Side::BOTH.into_iter().any(deletes) {
        Rank::Deletes
    } else {
        Rank::Nothing
    }
}
