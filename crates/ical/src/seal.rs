//! What tells a copy that calpair made, and whether anybody else has written it since.
//!
//! A new text gets a seal: whose it is, and a sum over what the text says, its UID and its time of
//! change. An edit by the same hand renews a seal that holds, and only such a one: what somebody
//! else has written in between is never sealed, be it another pair that has the same calendar, or
//! another calpair. A client that writes the text with the seal in it breaks it, by what it
//! changes or by the time of change; one that leaves unknown properties out takes it off. The
//! seal protects from mistakes, not from forgery: whoever can write the calendar needs no trick.

use model::{Origin, Series, canonical};

use crate::read::read;
use crate::tree::{Component, Document, NewLine};
use crate::write::PRODUCT;

/// Stands in the VCALENDAR; a hand, and 16 hexadecimal digits.
pub(crate) const SEAL: &str = "X-CALPAIR-SEAL";

/// Who made the resource of this text. [`Origin::Sealed`] only where the seal is of this hand: any
/// text that a line can hold, the same for whatever writes on behalf of the same pair.
pub fn origin(raw: &[u8], hand: &str) -> Origin {
    let Ok(document) = Document::parse(raw) else { return Origin::Unknown };
    let ours = |top: &Component<'_>| top.property("PRODID").is_some_and(|id| id.value == PRODUCT);
    match seal(&document) {
        Some(is) if read(raw).is_ok_and(|series| is == value(&series, hand)) => Origin::Sealed,
        Some(_) => Origin::Copy,
        None if document.components().any(ours) => Origin::Copy,
        None => Origin::Unknown,
    }
}

/// The text with the seal of this hand; as it is where it is no calendar.
pub fn sealed(raw: &[u8], hand: &str) -> Vec<u8> {
    let (Ok(series), Ok(mut document)) = (read(raw), Document::parse(raw)) else {
        return raw.to_vec();
    };
    let value = value(&series, hand);
    let calendar = document.components_mut().find(|top| top.name() == "VCALENDAR");
    if let Some(calendar) = calendar {
        calendar.set(SEAL, vec![NewLine::new(SEAL, value)]);
    }
    document.to_bytes()
}

fn value(series: &Series, hand: &str) -> String {
    format!("{hand}-{}", sum(series))
}

fn seal(document: &Document<'_>) -> Option<String> {
    let calendar = document.components().find(|top| top.name() == "VCALENDAR")?;
    Some(calendar.property(SEAL)?.value.to_string())
}

/// FNV-1a, 64 bits.
fn sum(series: &Series) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let content = canonical::encode(series);
    let modified = series.modified.map_or(0, |at| at.as_second()).to_le_bytes();
    let bytes = series.uid.as_str().bytes().chain(modified).chain(content);
    let sum = bytes.fold(BASIS, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{sum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::civil::datetime;
    use model::{Event, Uid, When, Zone};

    fn stamp(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("an instant")
    }

    fn series(title: &str) -> Series {
        let zone = Zone::Iana("Asia/Tokyo".to_owned());
        let at =
            |hour| When::Zoned { local: datetime(2026, 6, 1, hour, 0, 0, 0), zone: zone.clone() };
        let mut event = Event::new(at(9), at(10));
        event.title = Some(title.into());
        Series::single(Uid::new("a;b"), event)
    }

    fn edited(raw: &[u8], title: &str, second: i64) -> Vec<u8> {
        let current = read(raw).expect("readable");
        let mut target = current.clone();
        target.master.as_mut().expect("a master").title = Some(title.into());
        let edited = crate::edit(raw, &current, &target, stamp(second)).expect("an edit");
        match origin(raw, "p") {
            Origin::Sealed => sealed(&edited, "p"),
            Origin::Copy | Origin::Unknown => edited,
        }
    }

    fn created() -> Vec<u8> {
        sealed(&crate::create(&series("one"), stamp(0)), "p")
    }

    fn replaced(raw: &[u8], from: &str, to: &str) -> Vec<u8> {
        let text = std::str::from_utf8(raw).expect("text");
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    }

    #[test]
    fn what_only_calpair_wrote_is_sealed() {
        let made = created();
        assert_eq!(origin(&made, "p"), Origin::Sealed);
        let renewed = edited(&made, "two", 60);
        assert_eq!(origin(&renewed, "p"), Origin::Sealed);
        assert_ne!(
            seal(&Document::parse(&made).unwrap()),
            seal(&Document::parse(&renewed).unwrap())
        );
    }

    #[test]
    fn what_somebody_else_wrote_is_not_and_never_again() {
        let made = created();
        let typed = replaced(&made, "SUMMARY:one", "SUMMARY:mine");
        assert_eq!(origin(&typed, "p"), Origin::Copy);
        assert_eq!(origin(&edited(&typed, "two", 60), "p"), Origin::Copy);
        // Back to what calpair wrote: an edit all the same, by its time.
        let back = replaced(&made, "LAST-MODIFIED:2027", "LAST-MODIFIED:2028");
        assert_eq!(origin(&back, "p"), Origin::Copy);
        // Another pair is somebody else.
        assert_eq!(origin(&made, "q"), Origin::Copy);
    }

    #[test]
    fn without_a_seal_the_product_tells_a_copy_and_an_original() {
        let made = created();
        let sealed = format!("{SEAL}:{}\r\n", seal(&Document::parse(&made).unwrap()).unwrap());
        let bare = replaced(&made, &sealed, "");
        assert_eq!(origin(&bare, "p"), Origin::Copy);
        assert_eq!(origin(&edited(&bare, "two", 60), "p"), Origin::Copy);
        let foreign = replaced(&bare, PRODUCT, "-//Somebody//Else//EN");
        assert_eq!(origin(&foreign, "p"), Origin::Unknown);
        assert_eq!(origin(&edited(&foreign, "two", 60), "p"), Origin::Unknown);
    }
}
