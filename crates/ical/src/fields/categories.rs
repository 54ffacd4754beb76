//! CATEGORIES: all lines together are one set. An edit changes the lines that have what goes, and
//! puts what is new on a line that says nothing else: LANGUAGE is of what stands there already.

use std::collections::BTreeSet;

use model::{Event, Redacted};

use super::canonical;
use crate::tree::{Component, NewLine, Rewrite, escape, split_list, unescape};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Redacted<String>> {
    let mut found = BTreeSet::new();
    for property in component.all("CATEGORIES").filter_map(|line| line.property()) {
        found.extend(split_list(&property.value).filter_map(category));
    }
    found
}

fn category(value: &str) -> Option<Redacted<String>> {
    canonical(unescape(value).trim()).map(Redacted::new)
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let held = read(component);
    component.rewrite("CATEGORIES", |property| {
        let is_gone = |value: &&str| {
            category(value).is_some_and(|category| !target.categories.contains(&category))
        };
        let (gone, kept): (Vec<_>, Vec<_>) = split_list(&property.value).partition(is_gone);
        if gone.is_empty() {
            Rewrite::Keep
        } else if kept.iter().any(|value| category(value).is_some()) {
            Rewrite::Replace(property.with_value(kept.join(",")))
        } else {
            Rewrite::Drop
        }
    });
    let new: Vec<_> =
        target.categories.difference(&held).map(|value| escape(value.expose())).collect();
    let mut new = Some(new.join(",")).filter(|new| !new.is_empty());
    component.rewrite("CATEGORIES", |property| {
        let is_bare = property.params.is_empty() && !property.value.trim().is_empty();
        match new.take_if(|_| is_bare) {
            Some(new) => Rewrite::Replace(property.with_value(format!("{},{new}", property.value))),
            None => Rewrite::Keep,
        }
    });
    component.add_all(new.map(|new| NewLine::new("CATEGORIES", new)));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip, written};
    use crate::tree::Document;
    use model::Field;

    #[test]
    fn categories_go_both_ways() {
        let event = round_trip(Field::Categories, "CATEGORIES:b,a\\,c, \nCATEGORIES:b,,d");
        assert_eq!(written(Field::Categories, &event), "CATEGORIES:a\\,c,b,d\n");
        assert!(round_trip(Field::Categories, "CATEGORIES:,").categories.is_empty());
    }

    #[test]
    fn an_edit_changes_only_the_line_concerned() {
        let german = "CATEGORIES;LANGUAGE=de;X-P=1:Arbeit,Büro\\, groß";
        let after = |lines: &str, wanted: &str| {
            let text = format!("BEGIN:VEVENT\n{lines}\nX-A:1\nEND:VEVENT\n");
            let mut document = Document::parse(text.as_bytes()).expect("a tree");
            let component = document.components_mut().next().expect("one");
            super::write(component, &read_lines(&format!("CATEGORIES:{wanted}")));
            let text = String::from_utf8(component.to_bytes()).expect("text");
            let text = text.strip_prefix("BEGIN:VEVENT\n").expect("begins").to_owned();
            text.strip_suffix("END:VEVENT\n").expect("ends").to_owned()
        };
        let both = format!("{german}\nCATEGORIES: a , b");
        let all = "Arbeit,Büro\\, groß,a,b";
        let one_more = format!("{german}\nCATEGORIES: a , b,c\nX-A:1\n");
        assert_eq!(after(&both, &format!("{all},c")), one_more);
        assert_eq!(
            after(&both, "Arbeit,Büro\\, groß,b"),
            format!("{german}\nCATEGORIES: b\nX-A:1\n")
        );
        assert_eq!(
            after(&both, "Arbeit,a,b"),
            "CATEGORIES;LANGUAGE=de;X-P=1:Arbeit\nCATEGORIES: a , b\nX-A:1\n"
        );
        assert_eq!(after(&both, "a,b"), "CATEGORIES: a , b\nX-A:1\n");
        let beside = format!("{german}\nCATEGORIES:c\nX-A:1\n");
        let beside_it = after(german, "Arbeit,Büro\\, groß,c");
        assert_eq!(read_lines(beside_it.trim_end()), read_lines(beside.trim_end()));
        assert!(beside_it.starts_with(german), "{beside_it}");
        assert_eq!(after(&both, ""), "X-A:1\n");
    }
}
