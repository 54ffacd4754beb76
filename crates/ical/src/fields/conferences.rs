//! CONFERENCE (RFC 7986 section 5.11): where to join.

use std::collections::BTreeSet;

use model::{Event, Link, Redacted};

use super::canonical;
use crate::tree::{Component, NewLine, Property};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Link> {
    component.all("CONFERENCE").filter_map(|line| link(&line.property()?)).collect()
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let missing = component.keep_known("CONFERENCE", &target.conferences, link);
    for link in missing {
        let line = NewLine::new("CONFERENCE", link.uri.expose().clone()).param("VALUE", "URI");
        component.add(match &link.label {
            Some(label) => line.param("LABEL", label.expose()),
            None => line,
        });
    }
}

fn link(property: &Property) -> Option<Link> {
    let uri = canonical(property.value.trim())?;
    let label = property.param("LABEL").and_then(canonical);
    Some(Link { uri: Redacted::new(uri), label: label.map(Redacted::new) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;

    #[test]
    fn conferences_go_both_ways() {
        let lines = "CONFERENCE;VALUE=URI;FEATURE=AUDIO;LABEL=\"a: b\":tel:+1-412\nCONFERENCE:x:y";
        let event = round_trip(Field::Conferences, lines);
        assert_eq!(event.conferences.len(), 2);
        let want = "CONFERENCE;VALUE=URI;LABEL=\"a: b\":tel:+1-412\nCONFERENCE;VALUE=URI:x:y\n";
        assert_eq!(written(Field::Conferences, &event), want);
    }
}
