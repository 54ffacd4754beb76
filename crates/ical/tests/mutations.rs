//! Mutated calendar texts: whatever comes in, nothing panics, what is accepted is kept byte for
//! byte, and what can be read can be written and edited. Seeded: every run is the same run.

use std::path::Path;

use ical::tree::Document;
use ical::{Window, occurrences};
use jiff::tz::TimeZone;

/// How many mutants are made of each file.
const MUTANTS: u64 = 60;
/// Larger files teach nothing more here.
const LARGEST: usize = 10_000;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }
}

/// Pieces that parsers trip over.
const PIECES: [&[u8]; 30] = [
    b"\r\n ",
    b"\r",
    b"\n",
    b"\"",
    b";",
    b":",
    b"\\",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"BEGIN:VEVENT\r\n",
    b"END:VEVENT\r\n",
    b"BEGIN:VALARM\r\n",
    b"RRULE:FREQ=HOURLY\r\n",
    b"RRULE:FREQ=YEARLY;BYSETPOS=-1;BYDAY=MO;BYHOUR=0,1,2\r\n",
    b"EXRULE:FREQ=DAILY\r\n",
    b"RDATE;VALUE=PERIOD:99991231T235959Z/P1W\r\n",
    b"EXDATE:00000000\r\n",
    b"RECURRENCE-ID:20260101\r\n",
    b"RECURRENCE-ID;RANGE=THISANDFUTURE:20260101\r\n",
    b"DTSTART:99991231T235959Z\r\n",
    b"DTSTART;TZID=Pacific/Apia:00010101T000000\r\n",
    b"DURATION:P99999999D\r\n",
    b"TZOFFSETFROM:+2359\r\n",
    b"TRIGGER:-P9999999999999W\r\n",
    b"-9999",
    b"99999999999999999999",
    b"INTERVAL=4294967295;",
    b"COUNT=4294967295;",
];

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + 1 + dice.roll(30)).min(bytes.len());
        match dice.roll(5) {
            0 => {
                bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied());
            }
            1 => {
                bytes.drain(at..end);
            }
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = dice.roll(bytes.len());
                bytes.splice(to..to, piece);
            }
            3 if at < bytes.len() => bytes[at] = u8::try_from(dice.roll(256)).expect("a byte"),
            _ => {
                let piece = PIECES[dice.roll(PIECES.len())];
                let line = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                bytes.splice(line..line, piece.iter().copied());
            }
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/synthetic");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ics"))
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| std::fs::read(path).expect("readable"));
    files.filter(|bytes| bytes.len() <= LARGEST).collect()
}

#[test]
fn mutants_never_panic_and_keep_their_promises() {
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let mut dice = Dice(1);
    let (mut trees, mut read, mut made) = (0, 0, 0);
    for seed in seeds() {
        for _ in 0..MUTANTS {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut dice);
            made += 1;
            let Ok(document) = Document::parse(&bytes) else { continue };
            trees += 1;
            assert_eq!(document.to_bytes(), bytes);
            let Ok(series) = ical::read(&bytes) else { continue };
            read += 1;
            let _ = occurrences(&series, Window::ALL, &TimeZone::UTC).take(50).count();
            assert_eq!(ical::edit(&bytes, &series, &series, stamp).as_ref(), Ok(&bytes));
            let text = ical::create(&series, stamp);
            let mut again = ical::read(&text).unwrap_or_else(|error| {
                panic!("{error}\n{}\nof\n{}", show(&text), show(&bytes));
            });
            forget_people(&mut again);
            let mut want = series.clone();
            forget_people(&mut want);
            assert!(
                again.same_content(&want),
                "{}\nof\n{}\n{want:?}\n{again:?}",
                show(&text),
                show(&bytes)
            );
            let edited = ical::edit(&bytes, &series, &want, stamp).expect("editable");
            assert_eq!(edited, bytes, "people are never edited");
        }
    }
    println!("{made} mutants, {trees} trees, {read} read");
    assert!(read > made / 5);
}

fn forget_people(series: &mut model::Series) {
    if let Some(master) = &mut series.master {
        master.people = model::People::default();
    }
    for exception in series.exceptions.values_mut() {
        if let model::Exception::Override(event) = exception {
            event.people = model::People::default();
        }
    }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
