//! How values stand in columns: a side as 0 or 1, an instant as microseconds since 1970, a series
//! as its canonical bytes beside its identity, or all of it packed in one value.

use model::{Digest, Extent, Rights, Series, Side, Timestamp, Uid, canonical};
use rusqlite::Row;
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// SHA-256 over the canonical bytes of a series.
pub fn digest(series: &Series) -> Digest {
    digest_bytes(&canonical::encode(series))
}

/// SHA-256 over any bytes, e.g. over those of a likeness.
pub fn digest_bytes(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

pub(crate) const fn side_number(side: Side) -> i64 {
    match side {
        Side::Left => 0,
        Side::Right => 1,
    }
}

pub(crate) fn side(number: i64) -> Result<Side> {
    match number {
        0 => Ok(Side::Left),
        1 => Ok(Side::Right),
        _ => Err(damaged()),
    }
}

pub(crate) const fn rights_number(rights: Rights) -> i64 {
    match rights {
        Rights::Read => 0,
        Rights::Write => 1,
    }
}

pub(crate) fn rights(number: i64) -> Result<Rights> {
    match number {
        0 => Ok(Rights::Read),
        1 => Ok(Rights::Write),
        _ => Err(damaged()),
    }
}

pub(crate) fn instant(micros: i64) -> Result<Timestamp> {
    // The last instant there is can be counted in microseconds, but not counted back.
    if micros == Timestamp::MAX.as_microsecond() {
        return Ok(Timestamp::MAX);
    }
    Timestamp::from_microsecond(micros).map_err(|_| damaged())
}

pub(crate) fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| damaged())
}

pub(crate) fn maybe_instant(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(instant).transpose()
}

pub(crate) fn micros(instant: Option<Timestamp>) -> Option<i64> {
    instant.map(Timestamp::as_microsecond)
}

pub(crate) fn damaged() -> Error {
    Error::corrupt("the database holds a value that calpair never wrote")
}

/// A series from six columns beginning at `at`: uid, modified, extent_from, extent_until, declined,
/// content.
pub(crate) fn series(row: &Row<'_>, at: usize) -> Result<Series> {
    let uid: String = row.get(at)?;
    let modified = maybe_instant(row.get(at + 1)?)?;
    let from = instant(row.get(at + 2)?)?;
    let until = maybe_instant(row.get(at + 3)?)?;
    let declined = row.get(at + 4)?;
    let content = row.get_ref(at + 5)?.as_blob().map_err(|_| damaged())?;
    let series = canonical::decode(content, Uid::new(uid), modified, Extent { from, until })
        .map_err(|source| damaged().because(source))?;
    Ok(Series { declined, ..series })
}

/// A packed series from a column that may be NULL.
pub(crate) fn maybe_packed(row: &Row<'_>, at: usize) -> Result<Option<Series>> {
    let bytes = row.get_ref(at)?.as_blob_or_null().map_err(|_| damaged())?;
    bytes.map(unpack).transpose()
}

/// The form of [`pack`]: one byte, so that a later form can be told from it.
const FORM: u8 = 1;

/// A whole series as one value.
pub(crate) fn pack(series: &Series) -> Vec<u8> {
    let uid = series.uid.as_str().as_bytes();
    let mut out = vec![FORM];
    let length = u32::try_from(uid.len()).expect("a UID comes from an event of limited size");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(uid);
    let times = [series.modified, Some(series.extent.from), series.extent.until];
    for time in times {
        out.push(u8::from(time.is_some()));
        out.extend_from_slice(&micros(time).unwrap_or_default().to_le_bytes());
    }
    out.extend_from_slice(&canonical::encode(series));
    out
}

/// The series that [`pack`] packed.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Series> {
    read_packed(bytes).ok_or_else(damaged)
}

fn read_packed(bytes: &[u8]) -> Option<Series> {
    let (&FORM, rest) = bytes.split_first()? else { return None };
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (uid, mut rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let uid = Uid::new(std::str::from_utf8(uid).ok()?);
    let mut time = || {
        let (&stated, after) = rest.split_first()?;
        let (micros, after) = after.split_first_chunk::<8>()?;
        rest = after;
        let instant = instant(i64::from_le_bytes(*micros)).ok()?;
        Some((stated == 1).then_some(instant))
    };
    let (modified, from, until) = (time()?, time()??, time()?);
    canonical::decode(rest, uid, modified, Extent { from, until }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    #[test]
    fn what_was_packed_is_unpacked() {
        let mut series = event("ü-1", "Zahnarzt", 9);
        assert_eq!(unpack(&pack(&series)).unwrap(), series);
        series.modified = Some(Timestamp::from_second(1_700_000_000).unwrap());
        series.extent.until = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(unpack(&pack(&series)).unwrap(), series);
    }

    #[test]
    fn damage_is_refused_at_every_length() {
        let bytes = pack(&event("1", "Zahnarzt", 9));
        for length in 0..bytes.len() {
            assert!(unpack(&bytes[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_widest_times_survive() {
        for time in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(instant(time.as_microsecond()).unwrap(), time);
        }
    }
}
