//! GEO: latitude and longitude, kept to a millionth of a degree (about 11 cm).

use model::{Event, Geo, Redacted};

use super::location::STRUCTURED;
use super::set_word;
use crate::tree::Component;

const MILLION: f64 = 1_000_000.0;

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<Geo>> {
    let value = component.property("GEO")?.value.replace('\\', "");
    let (latitude, longitude) = value.split_once([';', ','])?;
    let geo = Geo { latitude: degrees(latitude, 90)?, longitude: degrees(longitude, 180)? };
    Some(Redacted::new(geo))
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    component.remove(STRUCTURED);
    let text = target.geo.map(|geo| {
        let geo = geo.expose();
        format!("{};{}", text(geo.latitude), text(geo.longitude))
    });
    set_word(component, "GEO", text.as_deref());
}

fn degrees(text: &str, limit: i32) -> Option<i32> {
    let degrees: f64 = text.trim().parse().ok()?;
    if !degrees.is_finite() || degrees.abs() > f64::from(limit) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 180 million, checked above")]
    let millionths = (degrees * MILLION).round() as i32;
    Some(millionths)
}

fn text(millionths: i32) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let amount = millionths.unsigned_abs();
    format!("{sign}{}.{:06}", amount / 1_000_000, amount % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;

    #[test]
    fn coordinates_go_both_ways() {
        let event = round_trip(Field::Geo, "GEO:-0.5;13.3830684");
        assert_eq!(written(Field::Geo, &event), "GEO:-0.500000;13.383068\n");
        assert!(round_trip(Field::Geo, "GEO:48.85\\;2.35").geo.is_some());
        for bad in ["GEO:", "GEO:1", "GEO:91;0", "GEO:NaN;0", "GEO:x;y"] {
            assert_eq!(round_trip(Field::Geo, bad).geo, None, "{bad}");
        }
    }
}
