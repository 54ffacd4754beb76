//! What becomes of one thing (a field, an occurrence, a whole shape) of which each side has its
//! own idea: the smallest decision there is, and the only place where a conflict is settled.

use model::{Side, Sides};

/// What is known about the thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// It means the same on both sides now.
    pub(crate) same: bool,
    /// It differs from the side's base, and not because we wrote it.
    pub(crate) edited: Sides<bool>,
    /// It is as an unfinished write of ours made it.
    pub(crate) ours: Sides<bool>,
    /// It is carried towards the side, if changes cross that way at all.
    pub(crate) carried: Sides<bool>,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Each side keeps what it has, and that is an agreement.
    Leave,
    /// Each side keeps what it has for now.
    Wait,
    /// It is carried to a side; if that side edited it, that edit is overruled.
    Carry {
        /// The side that gets it.
        to: Side,
        /// Whether an edit is lost there.
        overrules: bool,
    },
    /// Somebody must choose.
    Ask,
}

/// Settles one thing. Nothing crosses towards a side that is `one_way`. `winner` is who is right
/// where both sides are; nobody when it is to be asked.
pub(crate) fn settle(facts: Facts, one_way: Sides<bool>, winner: Option<Side>) -> Verdict {
    let Facts { same, edited, ours, carried } = facts;
    if same {
        return Verdict::Leave;
    }
    // What we half wrote on a side is nobody's edit, and follows the other side, edited or not.
    let due = Sides::from_fn(|to| {
        carried[to] && !one_way[to] && (edited[to.opposite()] || (ours[to] && !edited[to]))
    });
    let loser = match (due.left, due.right) {
        (false, false) => {
            // An edit of what only comes from the other side, or would: it stays, and the base
            // must not learn it, or it could later be lost without a trace, or never cross.
            let stuck = Side::BOTH.into_iter().any(|side| edited[side] && carried[side]);
            return if stuck { Verdict::Wait } else { Verdict::Leave };
        }
        (true, false) => Side::Left,
        (false, true) => Side::Right,
        (true, true) => match winner {
            Some(winner) => winner.opposite(),
            None => return Verdict::Ask,
        },
    };
    Verdict::Carry { to: loser, overrules: edited[loser] }
}
