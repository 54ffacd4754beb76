//! ATTACH as references. Inline data stays where it is, and so do managed attachments
//! (RFC 8607), whose address opens for their own account only.

use std::collections::BTreeSet;

use model::{Event, Link, Redacted};

use super::canonical;
use crate::tree::{Component, NewLine, Property};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Link> {
    component.all("ATTACH").filter_map(|line| link(&line.property()?)).collect()
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let missing = component.keep_known("ATTACH", &target.attachments, link);
    for link in missing {
        let line = NewLine::new("ATTACH", link.uri.expose().clone());
        component.add(match &link.label {
            Some(label) => line.param("FILENAME", label.expose()),
            None => line,
        });
    }
}

fn link(property: &Property) -> Option<Link> {
    let is_inline = property.param_is("VALUE", "BINARY") || property.param("ENCODING").is_some();
    if is_inline || property.param("MANAGED-ID").is_some() {
        return None;
    }
    let uri = canonical(property.value.trim())?;
    let label = ["FILENAME", "X-FILENAME", "LABEL"].iter().find_map(|name| property.param(name));
    let label = label.and_then(canonical);
    Some(Link { uri: Redacted::new(uri), label: label.map(Redacted::new) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip};
    use crate::tree::Document;
    use model::Field;

    #[test]
    fn references_go_both_ways() {
        let event = round_trip(Field::Attachments, "ATTACH;FMTTYPE=text/plain;FILENAME=a.txt:h:x");
        let link = event.attachments.first().expect("one");
        assert_eq!((link.uri.expose().as_str(), &link.label), ("h:x", &Some("a.txt".into())));
    }

    #[test]
    fn an_edit_leaves_inline_and_managed_data_alone() {
        let text = "BEGIN:VEVENT\nATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA\nATTACH:h:old\n\
            ATTACH;MANAGED-ID=1:h:m\nATTACH;X=1:h:kept\nEND:VEVENT\n";
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        super::write(component, &read_lines("ATTACH:h:kept\nATTACH:h:new"));
        let want = "BEGIN:VEVENT\nATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA\n\
            ATTACH;MANAGED-ID=1:h:m\nATTACH;X=1:h:kept\nATTACH:h:new\nEND:VEVENT\n";
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
