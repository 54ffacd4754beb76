//! The canonical bytes of a series: one form for storage and for digests.
//!
//! Deterministic (equal content gives equal bytes), self-contained, and versioned by its first
//! byte. Identity (`uid`), time of change and extent are not content: they are stored beside it and
//! handed back to [`decode`].
//!
//! Form: a version byte, then each value in the order of its struct. Numbers are zigzag varints,
//! texts and lists are a length and their items, options and enums a tag byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};

use crate::{
    Alarm, AlarmAction, ByDay, Class, Event, Exception, Extent, Extra, Frequency, Geo, Link, Month,
    People, Person, Recurrence, Redacted, Rule, Series, Status, Transparency, Trigger, Uid, Until,
    When, Zone,
};

/// The form written by this version. A database of an older form is read by migration.
const FORM: u8 = 1;

/// The content of a series as canonical bytes.
pub fn encode(series: &Series) -> Vec<u8> {
    let mut out = vec![FORM];
    series.master.put(&mut out);
    series.recurrence.put(&mut out);
    series.exceptions.put(&mut out);
    out
}

/// A series from its canonical bytes and what stands beside them.
///
/// # Errors
/// [`Corrupt`] when the bytes were not written by [`encode`].
pub fn decode(
    bytes: &[u8],
    uid: Uid,
    modified: Option<Timestamp>,
    extent: Extent,
) -> Result<Series, Corrupt> {
    let mut input = Input { rest: bytes };
    if u8::get(&mut input)? != FORM {
        return Err(Corrupt);
    }
    let series = Series {
        uid,
        master: Canonical::get(&mut input)?,
        recurrence: Canonical::get(&mut input)?,
        exceptions: Canonical::get(&mut input)?,
        modified,
        extent,
        declined: false,
    };
    if input.rest.is_empty() { Ok(series) } else { Err(Corrupt) }
}

/// The bytes are not a series in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored form of a series is damaged")
    }
}

impl std::error::Error for Corrupt {}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Corrupt)?;
        self.rest = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(i64::get(self)?).map_err(|_| Corrupt)
    }
}

trait Canonical: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt>;
}

impl Canonical for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        Ok(input.bytes(1)?[0])
    }
}

impl Canonical for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut zigzag = ((self << 1) ^ (self >> 63)).cast_unsigned();
        while zigzag >= 0x80 {
            out.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag as u8);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        let mut zigzag = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = u8::get(input)?;
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        Err(Corrupt)
    }
}

macro_rules! number {
    ($($name:ty),*) => {$(
        impl Canonical for $name {
            fn put(&self, out: &mut Vec<u8>) {
                i64::from(*self).put(out);
            }

            fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
                i64::get(input)?.try_into().map_err(|_| Corrupt)
            }
        }
    )*};
}
number!(i8, i16, i32, u32);

impl Canonical for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        match u8::get(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt),
        }
    }
}

impl Canonical for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as i64).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        let length = input.length()?;
        let bytes = input.bytes(length)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Corrupt)
    }
}

impl<T: Canonical> Canonical for Redacted<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.expose().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        T::get(input).map(Redacted::new)
    }
}

impl<T: Canonical> Canonical for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        T::get(input).map(Box::new)
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        if bool::get(input)? { T::get(input).map(Some) } else { Ok(None) }
    }
}

fn put_items<'a, T: Canonical + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    out: &mut Vec<u8>,
) {
    (items.len() as i64).put(out);
    items.for_each(|item| item.put(out));
}

fn get_items<T: Canonical, C: FromIterator<T>>(input: &mut Input<'_>) -> Result<C, Corrupt> {
    let length = input.length()?;
    (0..length).map(|_| T::get(input)).collect()
}

impl<T: Canonical> Canonical for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_items(self.iter(), out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        get_items(input)
    }
}

impl<T: Canonical + Ord> Canonical for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_items(self.iter(), out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        get_items(input)
    }
}

impl<A: Canonical, B: Canonical> Canonical for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        Ok((A::get(input)?, B::get(input)?))
    }
}

impl<K: Canonical + Ord, V: Canonical> Canonical for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as i64).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        get_items::<(K, V), Self>(input)
    }
}

impl Canonical for Date {
    fn put(&self, out: &mut Vec<u8>) {
        self.year().put(out);
        self.month().put(out);
        self.day().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        let (year, (month, day)) = Canonical::get(input)?;
        Date::new(year, month, day).map_err(|_| Corrupt)
    }
}

impl Canonical for DateTime {
    fn put(&self, out: &mut Vec<u8>) {
        self.date().put(out);
        self.hour().put(out);
        self.minute().put(out);
        self.second().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        let (date, (hour, (minute, second))) = Canonical::get(input)?;
        let time = Time::new(hour, minute, second, 0).map_err(|_| Corrupt)?;
        Ok(DateTime::from_parts(date, time))
    }
}

impl Canonical for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_second().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
        Timestamp::from_second(i64::get(input)?).map_err(|_| Corrupt)
    }
}

/// An enum as a tag and the values of its variant.
macro_rules! variants {
    ($name:ident {
        $($tag:literal => $variant:ident $(($($value:ident),+))? $({$($field:ident),+})?,)+
    }) => {
        impl Canonical for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant $(($($value),+))? $({$($field),+})? => {
                        out.push($tag);
                        $($($value.put(out);)+)?
                        $($($field.put(out);)+)?
                    })+
                }
            }

            fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
                Ok(match u8::get(input)? {
                    $($tag => {
                        $($(let $value = Canonical::get(input)?;)+)?
                        $($(let $field = Canonical::get(input)?;)+)?
                        $name::$variant $(($($value),+))? $({$($field),+})?
                    })+
                    _ => return Err(Corrupt),
                })
            }
        }
    };
}

/// A struct as its fields in order.
macro_rules! fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl Canonical for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)+
            }

            fn get(input: &mut Input<'_>) -> Result<Self, Corrupt> {
                Ok($name { $($field: Canonical::get(input)?),+ })
            }
        }
    };
}

variants!(Zone { 0 => Iana(name), 1 => Posix { tzid, rules }, });
variants!(When {
    0 => Date(date), 1 => Floating(local), 2 => Utc(utc), 3 => Zoned { local, zone },
});
variants!(Until { 0 => Date(date), 1 => Floating(local), 2 => Utc(utc), });
variants!(Class { 0 => Public, 1 => Private, 2 => Confidential, });
variants!(Transparency { 0 => Opaque, 1 => Transparent, });
variants!(Status { 0 => None, 1 => Tentative, 2 => Confirmed, 3 => Cancelled, });
variants!(AlarmAction { 0 => Display, 1 => Email, });
variants!(Trigger { 0 => Start(seconds), 1 => End(seconds), 2 => At(instant), });
variants!(Exception { 0 => Cancelled, 1 => Override(event), });
variants!(Frequency {
    0 => Secondly, 1 => Minutely, 2 => Hourly, 3 => Daily, 4 => Weekly, 5 => Monthly, 6 => Yearly,
});
variants!(Weekday {
    1 => Monday, 2 => Tuesday, 3 => Wednesday, 4 => Thursday, 5 => Friday, 6 => Saturday,
    7 => Sunday,
});
fields!(Geo { latitude, longitude });
fields!(Alarm { action, trigger });
fields!(Person { name, email });
fields!(People { organizer, attendees });
fields!(Link { uri, label });
fields!(Extra { start, end });
fields!(ByDay { ordinal, weekday });
fields!(Month { number, leap });
fields!(Recurrence { rules, exclusions, extras });
fields!(Rule {
    frequency,
    interval,
    count,
    until,
    by_second,
    by_minute,
    by_hour,
    by_day,
    by_month_day,
    by_year_day,
    by_week_number,
    by_month,
    by_set_position,
    week_start,
    other,
});
fields!(Event {
    start,
    end,
    title,
    description,
    location,
    geo,
    url,
    categories,
    color,
    class,
    transparency,
    status,
    priority,
    alarms,
    people,
    conferences,
    attachments,
});

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};

    fn everything() -> Series {
        let berlin = Zone::Iana("Europe/Berlin".into());
        let at = |hour| When::Zoned {
            local: date(2026, 3, 29).at(hour, 30, 0, 0),
            zone: berlin.clone(),
        };
        let mut event = Event::new(at(9), at(10));
        event.title = Some("Zahnarzt 🦷".into());
        event.geo = Some(Redacted::new(Geo { latitude: -1, longitude: 13_383_068 }));
        event.categories = ["a".into(), "b".into()].into();
        event.class = Class::Confidential;
        event.priority = Some(9);
        event.alarms = [
            Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-900) },
            Alarm { action: AlarmAction::Email, trigger: Trigger::At(Timestamp::UNIX_EPOCH) },
        ]
        .into();
        event.people.organizer = Some(Person { name: None, email: Some("a@example.org".into()) });
        let mut rule = Rule::new(Frequency::Weekly);
        rule.until = Some(Until::Utc(datetime(9999, 12, 31, 23, 59, 59, 0)));
        rule.by_day = vec![ByDay { ordinal: Some(-1), weekday: Weekday::Sunday }];
        rule.other.insert("SKIP".into(), "OMIT".into());
        let mut series = Series::single("uid".into(), event.clone());
        series.recurrence.rules.push(rule);
        series.recurrence.extras.insert(Extra { start: at(12), end: None });
        series.exceptions.insert(at(9), Exception::Cancelled);
        series.exceptions.insert(
            When::Zoned {
                local: datetime(2026, 4, 5, 9, 30, 0, 0),
                zone: Zone::Posix { tzid: "X".into(), rules: "CET-1".into() },
            },
            Exception::Override(Box::new(Event::new(
                When::Date(date(2026, 1, 1)),
                When::Date(date(2026, 1, 2)),
            ))),
        );
        series
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let series = everything();
        let bytes = encode(&series);
        let back = decode(&bytes, series.uid.clone(), series.modified, series.extent);
        assert_eq!(back, Ok(series));
    }

    #[test]
    fn identity_and_times_of_change_are_no_content() {
        let series = everything();
        let mut other = series.clone();
        other.uid = "another".into();
        other.modified = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(encode(&series), encode(&other));
    }

    #[test]
    fn damage_is_refused_at_every_length() {
        let bytes = encode(&everything());
        let read = |bytes: &[u8]| decode(bytes, "uid".into(), None, Extent::ALWAYS);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(Corrupt), "cut at {length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(read(&longer), Err(Corrupt));
    }

    #[test]
    fn numbers_of_every_size_survive() {
        for number in [0, 1, -1, 63, 64, -64, -65, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            number.put(&mut out);
            assert_eq!(i64::get(&mut Input { rest: &out }), Ok(number));
        }
    }
}
