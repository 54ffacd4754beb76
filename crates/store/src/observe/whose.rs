//! Whose doing it is that a resource is as it is: the provider's, who wrote our own write down in
//! its own form, or somebody's edit.

use model::{Resource, Series};
use rusqlite::params;

use super::{Intake, Sighting};
use crate::codec::{pack, side_number};
use crate::row::{self, Content, Snapshot};
use crate::{Result, sql};

impl Intake<'_> {
    /// What the provider made of our write, going by what is there now: all of that, if it is in
    /// the version that the write returned; where it returned none, as much as a provider can have
    /// made of it. `None` where somebody has edited it since.
    pub(super) fn made_of_our_write(
        &self,
        row: &Snapshot,
        resource: &Resource,
    ) -> Result<Option<Series>> {
        if row.version.is_some() {
            let ours = row.version == resource.version;
            return Ok(ours.then(|| resource.series.clone()));
        }
        let sent = row::series(self.connection, row.id)?;
        Ok(sent.map(|sent| (self.rendered)(&sent, &resource.series)))
    }

    /// Whether somebody else made of the resource what it is now; `made` is what the provider made
    /// of our write, if that is not what was sent. Under another version even what means the same
    /// may be other: there is more in an event than is compared.
    pub(super) fn is_of_others(
        &self,
        row: &Snapshot,
        sighting: &Sighting<'_>,
        made: Option<&Series>,
    ) -> Result<bool> {
        let resource = sighting.resource;
        let is_same = row.digest == Some(sighting.digest);
        if !row.present {
            return Ok(true);
        }
        if !row.verified {
            // Servers rewrite what they are sent: what means the same is their form of it.
            return Ok(!is_same && made.is_none_or(|made| !made.same_content(&resource.series)));
        }
        if row.version.is_some() && row.version == resource.version {
            return Ok(false);
        }
        Ok(!is_same || row::raw(self.connection, row.id)? != resource.raw)
    }

    /// Whether somebody changed what the provider's form of a mapped series says beside it. Only
    /// what the provider has shown is compared: of what we sent, nobody knows what it made.
    pub(super) fn is_edited_beside(&self, row: &Snapshot, resource: &Resource) -> Result<bool> {
        let was_shown = row.verified && (row.unreadable.is_none() || row.unread);
        let is_there = row.version.is_some() && row.resource == resource.id;
        let is_same_version = is_there && row.version == resource.version;
        if row.mapping.is_none() || !was_shown || is_same_version {
            return Ok(false);
        }
        let was = row::raw(self.connection, row.id)?;
        Ok(was != resource.raw && (self.beside.0)(&was, &resource.raw))
    }

    /// What the provider made of our own write.
    pub(super) fn rendering(&self, row: &Snapshot, sighting: &Sighting<'_>) -> Result<()> {
        row::put(self.connection, row.id, sighting, Content::Verified)?;
        if row.base_digest.is_some() && row.base_digest == row.digest {
            row::rebase(self.connection, row.id)?;
        }
        // An unfinished step's write: the base is still what it was before it, and what we wrote
        // is known by its target. That is this now.
        sql::run(
            self.connection,
            "UPDATE intent SET target = sealed(?3) WHERE id = (
             SELECT max(id) FROM intent WHERE pair = ?4 AND side = ?2 AND applied = 1
             AND target IS NOT NULL AND (mapping = ?1 OR (mapping IS NULL AND result = ?5)))",
            params![
                row.mapping.map(|mapping| mapping.0),
                side_number(self.side),
                pack(&sighting.resource.series),
                self.pair.0,
                row.resource.as_str()
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, nothing, resource, sighting, touched};
    use crate::{ActionKind, NewIntent, NowRow, Observation, SubjectRow, UnreadRow, Wrote};
    use model::{MappingId, Side, Sides};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    impl World {
        /// Writes `series` to a mapped series' resource on the right; not agreed on yet.
        fn write(
            &self,
            mapping: MappingId,
            id: &str,
            version: Option<&str>,
            before: &Series,
            series: &Series,
        ) {
            let intent = NewIntent {
                subject: SubjectRow::Known(mapping),
                side: RIGHT,
                action: ActionKind::Update,
                key: None,
                resource: Some(&id.into()),
                before: Some(before),
                target: Some(series),
                run: 2,
                reason: "changed on left",
                keeps_former: false,
            };
            let begun = self.store.begin(self.pair, &[intent], at(4)).unwrap();
            let resource = resource(id, version, series.clone());
            let Sighting { resource, digest, likeness } = sighting(&resource);
            let stored = Wrote::Stored { resource, digest, likeness, verified: false, base: None };
            self.store.wrote(begun[0], stored, at(5)).unwrap();
        }
    }

    #[test]
    fn what_the_provider_made_of_our_write_is_nobodys_edit() {
        for returned in [Some("2"), None] {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
            world.see(LEFT, "l1", "2", &sent);
            world.write(mapping, "r1", returned, &event("1", "Zahnarzt", 9), &sent);
            assert!(world.wants(RIGHT, "r1", "2"), "only what we sent is known");
            world.agree(SubjectRow::Known(mapping), "l1", "r1");
            assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(0), "{returned:?}");
            assert!(!world.wants(RIGHT, "r1", "2"));
            // The base of this side has moved along: a later edit is compared with it.
            world.see(RIGHT, "r1", "3", &event("1", "Theater", 9));
            let known = &world.touched().known[0];
            assert_eq!(known.base, Sides::new(sent, made));
        }
    }

    #[test]
    fn an_edit_after_a_write_that_returned_no_version_is_told_from_what_the_provider_made() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let sent = event("1", "Kino", 9);
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", None, &event("1", "Zahnarzt", 9), &sent);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        // The provider moves it by an hour, and then somebody renames it.
        let found = resource("r1", Some("2"), event("1", "Theater", 10));
        let rendered = |sent: &Series, found: &Series| {
            let mut made = sent.clone();
            let (made, found) = (made.master.as_mut().unwrap(), found.master.as_ref().unwrap());
            made.take(found, model::Field::Times);
            Series::single(sent.uid.clone(), made.clone())
        };
        let present = vec![sighting(&found)];
        let observation = Observation { present, rendered, ..nothing() };
        assert_eq!(world.store.observe(world.pair, RIGHT, &observation).unwrap(), touched(1));
        let known = &world.touched().known[0];
        assert!(known.base.right.same_content(&event("1", "Kino", 10)), "{known:?}");
        let NowRow::Present { series, .. } = &known.now.right else { panic!("it is there") };
        assert_eq!(series, &event("1", "Theater", 10));
    }

    #[test]
    fn what_the_provider_made_of_our_write_is_nobodys_edit_though_it_is_read_late() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &sent);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        let unread = [UnreadRow { id: "r1".into(), reason: "failed at it (500)".into() }];
        let observation = Observation { unread: &unread, ..nothing() };
        let observed = world.store.observe(world.pair, RIGHT, &observation).unwrap();
        assert_eq!(observed, touched(1));
        assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(1), "its problem is over");
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(sent, made));
    }

    impl World {
        /// The right side shows this form of what it holds, of a provider whose forms tell.
        fn shows(&self, version: &str, raw: &str, title: &str) {
            let mut shown = resource("r1", Some(version), event("1", title, 9));
            shown.raw = raw.as_bytes().to_vec();
            let told = |was: &[u8], is: &[u8]| was.len() != is.len();
            let beside = crate::Beside(&told);
            let observation = Observation { present: vec![sighting(&shown)], beside, ..nothing() };
            self.store.observe(self.pair, RIGHT, &observation).unwrap();
        }

        /// Whether the next plan is told of an edit beside the series; `None`: it has no plan.
        fn beside(&self) -> Option<bool> {
            self.touched().known.first().map(|known| known.beside.right)
        }
    }

    #[test]
    fn an_edit_of_what_no_series_says_counts_until_both_sides_agree() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.shows("2", "RAW OF r1", "Zahnarzt");
        assert_eq!(world.beside(), None, "the provider's own form of it");
        world.shows("3", "raw of r1 and a comment", "Zahnarzt");
        assert_eq!(world.beside(), Some(true));
        let found = world.store.find(world.pair, "1").unwrap().remove(0);
        assert_eq!(found.sides.map(|side| side.unwrap().beside), Sides::new(false, true));
        world.shows("4", "RAW OF r1 AND A COMMENT", "Zahnarzt");
        world.lose(LEFT, "l1");
        assert_eq!(world.beside(), Some(true), "that it was written anew changes nothing");
        world.see(LEFT, "l1", "2", &event("1", "Zahnarzt", 9));
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        assert_eq!(world.beside(), None);
        world.lose(LEFT, "l1");
        assert_eq!(world.beside(), Some(false), "it was known when both agreed");
    }

    #[test]
    fn of_what_the_provider_has_not_shown_no_edit_beside_the_series_is_claimed() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (before, sent) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", Some("2"), &before, &sent);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        world.shows("2", "what the provider made of it", "Kino");
        assert_eq!(world.beside(), None);
        world.write(mapping, "r1", Some("3"), &sent, &before);
        world.see(LEFT, "l1", "3", &before);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        world.shows("4", "what somebody or the provider made of it", "Zahnarzt");
        world.lose(LEFT, "l1");
        assert_eq!(world.beside(), Some(false));
        // From here on it is known.
        world.shows("5", "what somebody made of it", "Zahnarzt");
        assert_eq!(world.beside(), Some(true));
    }

    #[test]
    fn a_series_that_moved_takes_an_edit_beside_it_along() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let mut moved = resource("new", Some("1"), event("1", "Zahnarzt", 9));
        moved.raw = b"raw of r1 and a comment".to_vec();
        let told = |was: &[u8], is: &[u8]| was.len() != is.len();
        let present = vec![sighting(&moved)];
        let beside = crate::Beside(&told);
        let observation = Observation { present, gone: &["r1".into()], beside, ..nothing() };
        world.store.observe(world.pair, RIGHT, &observation).unwrap();
        assert_eq!(world.beside(), Some(true));
    }

    #[test]
    fn another_version_than_that_of_our_write_is_an_edit() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.see(LEFT, "l1", "2", &event("1", "Kino", 9));
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &event("1", "Kino", 9));
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        assert_eq!(world.see(RIGHT, "r1", "3", &event("1", "Theater", 9)), touched(1));
        assert_eq!(world.touched().known[0].base.right, event("1", "Kino", 9));
    }

    #[test]
    fn a_rendering_before_the_agreement_leaves_the_base_and_is_known_as_ours() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &sent);
        assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(0));
        let known = &world.touched().known[0];
        assert_eq!(known.base.right, event("1", "Zahnarzt", 9));
        let pending = &known.pending.right[0];
        assert_eq!((&pending.before, &pending.target), (&event("1", "Zahnarzt", 9), &made));
        assert!(known.pending.left.is_empty());
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        assert!(world.touched().known.is_empty());
        world.see(RIGHT, "r1", "3", &event("1", "Theater", 9));
        let known = &world.touched().known[0];
        assert_eq!((&known.base.right, known.pending.right.is_empty()), (&made, true));
    }
}
