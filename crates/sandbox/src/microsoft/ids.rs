//! Ids: opaque to clients, of two kinds, and told apart by case.
//!
//! An id says, scrambled, which row it means, which of its occurrences, and (the classic kind) how
//! often the row was moved. So nothing has to be remembered about ids that were given out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::prefer::IdKind;

/// What an id means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) key: u64,
    /// The day in the pattern, of an occurrence.
    pub(super) slot: Option<Date>,
    /// How often the row was moved to another calendar.
    pub(super) moves: u32,
}

/// How long what stands before the last letter is: 72 letters in all, or 152.
const IMMUTABLE: (&str, usize) = ("AAkALgAA", 63);
const CLASSIC: (&str, usize) = ("AAMkADEA", 142);

impl Name {
    pub(super) fn master(key: u64, moves: u32) -> Self {
        Self { key, slot: None, moves }
    }

    /// The id of a kind.
    // quirk: microsoft-19
    pub(super) fn id(self, kind: IdKind) -> String {
        let ((prefix, length), moves) = match kind {
            IdKind::Classic => (CLASSIC, self.moves),
            IdKind::Immutable => (IMMUTABLE, 0),
        };
        let mut bytes = Vec::new();
        bytes.extend((self.key / 2).to_be_bytes());
        bytes.extend(self.slot.map_or(i32::MIN, days).to_be_bytes());
        bytes.extend(moves.to_be_bytes());
        let sum = Sha256::digest(&bytes).to_vec();
        for (byte, veil) in bytes.iter_mut().zip(&sum[16..]) {
            *byte ^= veil;
        }
        let mut whole = sum.clone();
        whole.extend(bytes);
        while whole.len() < length {
            let turn = whole.len() as u8;
            whole.extend(sum.iter().map(|byte| byte.wrapping_mul(turn | 1)));
        }
        let text = URL_SAFE_NO_PAD.encode(&whole);
        // quirk: microsoft-20
        let last = if self.key.is_multiple_of(2) { 'A' } else { 'a' };
        let end = if kind == IdKind::Classic { "=" } else { "" };
        format!("{prefix}{}{last}{end}", &text[..length])
    }

    /// Reads an id of either kind.
    pub(super) fn read(id: &str) -> Option<(Self, IdKind)> {
        let kind = if id.starts_with(CLASSIC.0) { IdKind::Classic } else { IdKind::Immutable };
        let inner = id.get(8..)?;
        // The sum and the veiled bytes are the first 48 bytes, which are 64 letters.
        let letters = inner.get(..63)?;
        let text = format!("{letters}A");
        let known = match kind {
            IdKind::Immutable => text.as_str(),
            IdKind::Classic => inner.get(..64)?,
        };
        let whole = URL_SAFE_NO_PAD.decode(known).ok()?;
        let (sum, veiled) = whole.split_at_checked(32)?;
        let bytes: Vec<u8> = veiled.iter().zip(&sum[16..]).map(|(one, veil)| one ^ veil).collect();
        let half = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        let slot = i32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
        // Of an immutable id the last bits are cut; it has no moves to tell of.
        let moves = match kind {
            IdKind::Classic => u32::from_be_bytes(bytes.get(12..16)?.try_into().ok()?),
            IdKind::Immutable => 0,
        };
        let is_odd = id.trim_end_matches('=').ends_with('a');
        let slot = if slot == i32::MIN { None } else { Some(date(slot)?) };
        let name = Self { key: half.checked_mul(2)? + u64::from(is_odd), slot, moves };
        (name.id(kind) == id).then_some((name, kind))
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn days(date: Date) -> i32 {
    date.since(EPOCH).map_or(0, |span| span.get_days())
}

fn date(days: i32) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-19, microsoft-20
    #[test]
    fn ids_mean_what_they_say_and_differ_by_case() {
        let slot = Some(jiff::civil::date(2026, 3, 29));
        for (key, slot, moves) in
            [(6, None, 0), (7, None, 2), (7, slot, 0), (u64::MAX / 4, slot, 9)]
        {
            let name = Name { key, slot, moves };
            let classic = name.id(IdKind::Classic);
            assert_eq!(Name::read(&classic), Some((name, IdKind::Classic)));
            let still = name.id(IdKind::Immutable);
            let unmoved = Name { moves: 0, ..name };
            assert_eq!(Name::read(&still), Some((unmoved, IdKind::Immutable)));
            assert_eq!((classic.len(), still.len()), (152, 72));
        }
        let (one, other) = (Name::master(6, 0), Name::master(7, 0));
        let (one, other) = (one.id(IdKind::Immutable), other.id(IdKind::Immutable));
        assert!(one != other && one.eq_ignore_ascii_case(&other));
        for id in ["", "AAkALgAA", "AAMkADEA=", &one[1..], &one.to_lowercase()] {
            assert_eq!(Name::read(id), None);
        }
    }
}
