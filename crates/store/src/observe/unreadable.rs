//! What is there and tells nothing: it can't be read, or was not even handed out.

use model::{ResourceId, Timestamp, Uid, Version};
use rusqlite::params;

use super::{Intake, UnreadableRow};
use crate::row::{self, Snapshot};
use crate::unread::UnreadRow;
use crate::{Result, sql};

impl Intake<'_> {
    pub(super) fn unreadable(&mut self, unreadable: &UnreadableRow, now: Timestamp) -> Result<()> {
        let (id, known) = self.shown(&unreadable.id)?;
        if let Some(row) = &known {
            let same_version = row.version.is_some() && row.version == unreadable.version;
            let same_reason = row.unreadable.as_ref() == Some(&unreadable.reason);
            let same = same_version || same_reason && row.version == unreadable.version;
            if row.present && !row.unread && same {
                return Ok(());
            }
        }
        sql::run(
            self.connection,
            "UPDATE snapshot SET version = ?2, uid = coalesce(?3, uid), unreadable = ?4,
                 unreadable_since = coalesce(unreadable_since, ?5), unread = 0, present = 1,
                 verified = 1
             WHERE id = ?1",
            params![
                id,
                unreadable.version.as_ref().map(Version::as_str),
                unreadable.uid.as_ref().map(Uid::as_str),
                unreadable.reason,
                now.as_microsecond(),
            ],
        )?;
        self.touch_mapped(known)
    }

    /// The row of what is there, and what it was, unless it is new.
    fn shown(&mut self, id: &ResourceId) -> Result<(i64, Option<Snapshot>)> {
        let known = row::find(self.connection, self.pair, self.side, id)?;
        let row = match &known {
            Some(row) => row.id,
            None => row::insert(self.connection, self.pair, self.side, id)?,
        };
        self.seen.push(row);
        Ok((row, known))
    }

    /// What the plan has to know of a resource that can't be read any more.
    fn touch_mapped(&mut self, known: Option<Snapshot>) -> Result<()> {
        match known {
            // In no plan: there is nothing to look at. It is listed as a problem by itself.
            None => Ok(()),
            Some(row) if row.mapping.is_none() => row::settle(self.connection, row.id, 0),
            Some(row) if row.unreadable.is_some() => Ok(()),
            Some(row) => self.touch(row.id),
        }
    }

    pub(super) fn unread(&mut self, unread: &UnreadRow, now: Timestamp) -> Result<()> {
        let (id, known) = self.shown(&unread.id)?;
        sql::run(
            self.connection,
            "UPDATE snapshot SET unreadable = ?2, unread = 1, present = 1,
                 unreadable_since = coalesce(unreadable_since, ?3) WHERE id = ?1",
            params![id, unread.reason, now.as_microsecond()],
        )?;
        self.touch_mapped(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, nothing, touched};
    use crate::{NowRow, Observation, Observed};
    use model::Side;

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    impl World {
        fn unreadable(&self, side: Side, id: &str, version: &str, reason: &str) -> Observed {
            let row = UnreadableRow {
                id: id.into(),
                version: Some(version.into()),
                uid: None,
                reason: reason.into(),
            };
            let observation = Observation { unreadable: &[row], now: at(8), ..nothing() };
            self.store.observe(self.pair, side, &observation).unwrap()
        }
    }

    #[test]
    fn a_mapped_resource_that_becomes_unreadable_is_touched_once_and_keeps_its_content() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        assert_eq!(world.unreadable(LEFT, "l1", "2", "no start"), touched(1));
        assert_eq!(world.unreadable(LEFT, "l1", "2", "no start"), touched(0));
        let known = &world.touched().known[0];
        let NowRow::Unreadable { reason } = &known.now.left else { panic!("it can't be read") };
        assert_eq!(reason, "no start");
        assert_eq!(known.base.left, event("1", "Zahnarzt", 9));
        let problems = world.store.problems(world.pair).unwrap();
        assert_eq!((problems[0].uid.as_str(), problems[0].side), ("1", RIGHT));
        assert_eq!(problems[0].reason, "it can't be read on left: no start");
        assert_eq!(problems[0].since, at(8));
        // Mended.
        assert_eq!(world.see(LEFT, "l1", "3", &event("1", "Zahnarzt", 9)), touched(1));
        assert!(world.store.problems(world.pair).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_resource_that_cant_be_read_is_a_problem_and_in_no_plan() {
        let world = World::new();
        assert_eq!(world.unreadable(LEFT, "a", "1", "no start"), touched(0));
        assert!(!world.wants(LEFT, "a", "1"), "it need not be read again");
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len(), batch.next), (0, 0, None));
        assert_eq!(world.store.problems(world.pair).unwrap()[0].uid.as_str(), "a");
    }
}
