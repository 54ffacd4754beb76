//! Pairs in a ring: what one of them hides goes around through the others.

use std::collections::{BTreeMap, VecDeque};

use model::Side;
use reconcile::{Detail, Direction, ShowAs};

use super::finding::Finding;
use super::pair::{Draft, End, Pair};

/// A warning for each pair that shows less than there is, or shows it otherwise, while other pairs
/// lead around it.
pub(super) fn warnings(drafts: &[Draft]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        let Some(pair) = &draft.pair else { continue };
        let others: Vec<&Pair> = drafts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .filter_map(|(_, other)| other.pair.as_ref())
            .collect();
        for to in Side::BOTH {
            let (from, to_end) = (&pair.sides[to.opposite()], &pair.sides[to]);
            if !crosses(pair, to) || !masks(pair, to) {
                continue;
            }
            let around = path(&others, from, to_end);
            let Some(around) = around.or_else(|| path(&others, to_end, from)) else { continue };
            let names = around.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let sentence = format!(
                "pair `{}` masks what it copies to the {to}, and {} around it: what is masked can \
                 come back, or get there unmasked",
                pair.name,
                match names.as_slice() {
                    [one] => format!("pair {one} leads"),
                    several => format!("pairs {} lead", several.join(", ")),
                }
            );
            let help =
                String::from("take one of these pairs out, or give one of them a `direction`");
            findings.push(Finding::new(draft.span.clone(), sentence).help(help));
            break;
        }
    }
    findings
}

/// Whether anything is copied to that side.
fn crosses(pair: &Pair, to: Side) -> bool {
    match pair.direction {
        Direction::Both => true,
        Direction::LeftToRight => to == Side::Right,
        Direction::RightToLeft => to == Side::Left,
    }
}

fn masks(pair: &Pair, to: Side) -> bool {
    let crossing = &pair.crossing[to];
    crossing.detail != Detail::Full
        || crossing.show_as != ShowAs::Keep
        || !crossing.prefix.is_empty()
}

/// The pairs through which events come from one calendar to another, if they do; the fewest.
fn path<'a>(pairs: &[&'a Pair], from: &'a End, to: &End) -> Option<Vec<&'a str>> {
    let mut reached: BTreeMap<&End, Vec<&str>> = BTreeMap::from([(from, Vec::new())]);
    let mut waiting = VecDeque::from([from]);
    while let Some(end) = waiting.pop_front() {
        let way = reached[end].clone();
        if end == to {
            return Some(way);
        }
        for pair in pairs {
            for side in Side::BOTH {
                let next = &pair.sides[side];
                if pair.sides[side.opposite()] == *end
                    && crosses(pair, side)
                    && !reached.contains_key(next)
                {
                    let longer = way.iter().copied().chain([pair.name.as_str()]).collect();
                    reached.insert(next, longer);
                    waiting.push_back(next);
                }
            }
        }
    }
    None
}
