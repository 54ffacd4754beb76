//! Clauses about content: what is written is what is read, and takes place at the same times.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Series, Uid};

use super::bench::{Bench, Kept, ensure};

/// When and as what a series takes place in the three years of the fixtures.
fn takes_place(series: &Series) -> Vec<(Timestamp, Timestamp, Option<String>)> {
    let instant = |text: &str| text.parse().expect("the constants are timestamps");
    let window = ical::Window {
        from: instant("2025-01-01T00:00:00Z"),
        until: instant("2028-01-01T00:00:00Z"),
    };
    // Any zone will do, as long as it is the same on both sides.
    ical::occurrences(series, window, &TimeZone::UTC)
        .map(|one| {
            let title = one.event.title.as_ref().map(|title| title.expose().clone());
            (one.from, one.until, title)
        })
        .collect()
}

/// Creates, reads, compares; then with another title, so that an update goes the same way.
async fn round(bench: &mut Bench<'_>, wanted: &Series) -> Kept {
    let made = bench.create(wanted).await?;
    check(bench, &made.id, wanted).await?;
    let mut target = wanted.clone();
    if let Some(master) = &mut target.master {
        master.title = Some("Another title".into());
    }
    bench.update(&made.id, &target).await?;
    check(bench, &made.id, &target).await
}

async fn check(bench: &Bench<'_>, id: &model::ResourceId, wanted: &Series) -> Kept {
    let held = bench.found(id).await?.series;
    bench.same(&held, wanted)?;
    let (here, there) = (takes_place(wanted), takes_place(&held));
    ensure(!here.is_empty(), "the fixture never takes place")?;
    let times = format!("{} occurrences, {} are held", here.len(), there.len());
    ensure(here == there, format!("other occurrences: {times}"))
}

/// Creates the first, then updates it to each of the others in turn.
async fn turns(bench: &mut Bench<'_>, lines: &[&str]) -> Kept {
    let first = bench.fixture(lines[0]);
    let made = bench.create(&first).await?;
    check(bench, &made.id, &first).await?;
    for line in &lines[1..] {
        let target = Series { uid: first.uid.clone(), ..crate::series(line) };
        bench.update(&made.id, &target).await?;
        check(bench, &made.id, &target).await?;
    }
    Ok(())
}

pub(super) async fn overrides(bench: &mut Bench<'_>) -> Kept {
    let line = "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 15m count=12 \
                cancel=2026-03-09 move=2026-03-16→11:00 move=2026-03-30→2026-03-31T09:30 \
                retitle=\"2026-04-06→With cake\" alarm=-5m";
    let wanted = bench.fixture(line);
    round(bench, &wanted).await?;
    turns(
        bench,
        &[
            "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 15m count=12",
            "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 15m count=12 move=2026-03-16→11:00",
            "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-16",
            "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 15m count=12",
        ],
    )
    .await
}

pub(super) async fn whole_days(bench: &mut Bench<'_>) -> Kept {
    for line in ["\"Trip\" 2026-05-01 10d", "yearly \"Birthday 🎂\" 1970-02-28 free"] {
        let wanted = bench.fixture(line);
        round(bench, &wanted).await?;
    }
    Ok(())
}

pub(super) async fn floating_times(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.fixture("daily \"Pills\" 2026-03-01T07:45 floating 15m count=60");
    round(bench, &wanted).await
}

pub(super) async fn zones_across_a_change(bench: &mut Bench<'_>) -> Kept {
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let line = format!("daily \"Run\" 2026-03-01T06:30 {zone} 45m count=300");
        let wanted = bench.fixture(&line);
        round(bench, &wanted).await?;
    }
    Ok(())
}

/// A zone that is in no database: two hours and three quarters, and summer time from April on.
const SHIP: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fixture//fixture//EN\r\n\
    BEGIN:VTIMEZONE\r\nTZID:Ship time\r\nBEGIN:STANDARD\r\nDTSTART:19700906T030000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=1SU\r\nTZOFFSETFROM:+0345\r\nTZOFFSETTO:+0245\r\n\
    END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700405T020000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU\r\nTZOFFSETFROM:+0245\r\nTZOFFSETTO:+0345\r\n\
    END:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:ship\r\n\
    DTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Ship time:20260301T063000\r\n\
    DTEND;TZID=Ship time:20260301T071500\r\nRRULE:FREQ=DAILY;COUNT=300\r\n\
    SUMMARY:Watch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

pub(super) async fn a_zone_of_ones_own(bench: &mut Bench<'_>) -> Kept {
    let mut wanted = ical::read(SHIP.as_bytes()).expect("the fixture can be read");
    wanted.uid = Uid::new(bench.fresh());
    round(bench, &wanted).await
}

pub(super) async fn every_field(bench: &mut Bench<'_>) -> Kept {
    let line = "\"Everything\" 2026-06-01T10:00 Europe/Berlin 1h place=\"Room 3, second floor\" \
                text=\"Bring: pens; paper\" url=https://example.org/a?b=c color=teal \
                category=Work,Travel priority=3 class=private status=tentative free alarm=-10m \
                alarm=-2h line=\"GEO:52.530644;13.383068\"";
    let (uid, text) = bench.text(line);
    let mut wanted = ical::read(text.as_bytes()).expect("the fixture can be read");
    wanted.uid = Uid::new(format!("{uid}-copy"));
    round(bench, &wanted).await?;
    let bare = "\"Everything\" 2026-06-01T10:00 Europe/Berlin 1h";
    turns(bench, &[bare, line, bare]).await
}

pub(super) async fn odd_uids(bench: &mut Bench<'_>) -> Kept {
    for odd in
        ["a/b", "blank in it", "100%41", "ü-日本-🎈", "x@y.example", "<&\"'>", "..", "semi;,:"]
    {
        let mut wanted = bench.fixture("\"Odd\" 2026-04-01T12:00 UTC 1h");
        wanted.uid = Uid::new(format!("{odd} {}", wanted.uid));
        round(bench, &wanted).await?;
    }
    let mut wanted = bench.fixture("\"Long\" 2026-04-01T12:00 UTC 1h");
    wanted.uid = Uid::new(format!("{}{}", wanted.uid, "0123456789".repeat(25)));
    round(bench, &wanted).await
}

pub(super) async fn case_of_uids(bench: &mut Bench<'_>) -> Kept {
    let mut lower = bench.fixture("\"Lower\" 2026-04-01T12:00 UTC 1h");
    lower.uid = Uid::new(lower.uid.as_str().to_lowercase());
    let mut upper = bench.fixture("\"Upper\" 2026-04-02T12:00 UTC 1h");
    upper.uid = Uid::new(lower.uid.as_str().to_uppercase());
    let first = bench.create(&lower).await?;
    let second = bench.create(&upper).await?;
    ensure(first.id != second.id, "they became one resource")?;
    check(bench, &first.id, &lower).await?;
    check(bench, &second.id, &upper).await
}

pub(super) async fn odd_texts(bench: &mut Bench<'_>) -> Kept {
    let long = "Zeile mit Umlauten äöüß und 日本語テキスト 🎈, Komma; Semikolon\\ und \"Quotes\"\n";
    let mut wanted = bench.fixture("\"T\" 2026-04-01T12:00 UTC 1h");
    if let Some(master) = &mut wanted.master {
        master.title = Some("👩‍👩‍👧 Семья: 家族, \"x\"; \\n".into());
        master.description = Some(long.repeat(40).trim_end().into());
        master.location = Some("Line one\nLine two, [x]".into());
    }
    round(bench, &wanted).await
}

pub(super) async fn extra_occurrences(bench: &mut Bench<'_>) -> Kept {
    turns(
        bench,
        &[
            "weekly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m until=2026-06-30 on=TU,TH \
         extra=2026-03-21",
            "weekly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m until=2026-05-30 on=TU,TH \
         extra=2026-03-21,2026-03-22",
            "weekly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m every=2 count=9 on=TU",
            "monthly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m count=9 on=1TU",
        ],
    )
    .await
}

pub(super) async fn from_series_to_single(bench: &mut Bench<'_>) -> Kept {
    turns(
        bench,
        &[
            "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 2h count=8 move=2026-03-10→20:00",
            "\"Choir\" 2026-03-03T19:00 Europe/Berlin 2h",
            "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 2h count=8 cancel=2026-03-17",
        ],
    )
    .await
}

pub(super) async fn from_times_to_days(bench: &mut Bench<'_>) -> Kept {
    turns(
        bench,
        &[
            "\"Fair\" 2026-03-03T10:00 Europe/Berlin 2h",
            "\"Fair\" 2026-03-03 2d",
            "\"Fair\" 2026-03-04T11:00 America/New_York 3h",
            "\"Fair\" 2026-03-04T11:00 floating 3h",
        ],
    )
    .await
}
