//! Under which key an occurrence ends up that was settled under the name it had in the base.
//!
//! Where the master comes from, there its occurrences are called right: under the key that was
//! left in place there, as long as what stands under it is of the same kind. What becomes something
//! else is called as the master makes it now, or a cancellation would cancel nothing.

use model::{Exception, Series, Side, Sides, When};

use crate::keys::Renaming;
use crate::merge::{Merging, kind};

/// How the occurrences of both sides are named in the end.
pub(crate) struct Naming<'a> {
    renamings: &'a Sides<Renaming>,
    own: Sides<bool>,
    /// The sides whose own start each side has in the end, itself first. What can't be written is
    /// not renamed: the other one follows it.
    homes: Sides<Vec<Side>>,
}

impl<'a> Naming<'a> {
    pub(crate) fn of(
        renamings: &'a Sides<Renaming>,
        merging: &Merging<'_>,
        targets: &Sides<Series>,
    ) -> Self {
        let start = |series: &Series| series.master.as_ref().map(|master| master.start.clone());
        let ends = targets.as_ref().map(start);
        let own = Sides::from_fn(|side| ends[side] == start(merging.now[side]));
        let shut = |side: Side| merging.one_way[side] || merging.closed[side];
        let homes = Sides::from_fn(|side: Side| {
            let other = side.opposite();
            let same = own[other] && ends.left == ends.right;
            match (own[side], same) {
                (true, true) if shut(side) => vec![side],
                (true, true) if shut(other) => vec![other],
                (true, true) => vec![side, other],
                (true, false) => vec![side],
                (false, _) => vec![other],
            }
        });
        Self { renamings, own, homes }
    }

    /// The keys of an occurrence on both sides.
    pub(crate) fn keys(
        &self,
        name: &When,
        held: &Sides<Option<&Exception>>,
        settled: &Sides<Option<Exception>>,
    ) -> Sides<When> {
        let kinds = settled.as_ref().map(|exception| kind(exception.as_ref()));
        Sides::from_fn(|side| {
            let homes = match self.homes[side].as_slice() {
                // Nobody has decided yet: each keeps its own.
                _ if self.own[side] && kinds.left != kinds.right => &[side][..],
                homes => homes,
            };
            let has = |home: &&Side| held[**home].is_some();
            let kept = |home: &Side| self.renamings[*home].forward(name) == *name;
            let stays = homes.iter().any(|home| has(&home))
                && homes
                    .iter()
                    .filter(has)
                    .all(|home| kept(home) && kind(held[*home]) == kinds[side]);
            let made = self.renamings[homes[0]].made(name);
            let taken = homes.iter().any(|home| self.renamings[*home].stayed(&made));
            if taken || stays { name.clone() } else { made }
        })
    }
}
