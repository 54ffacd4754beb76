//! CATEGORIES: all lines together are one set.

use std::collections::BTreeSet;

use model::{Event, Redacted};

use super::canonical;
use crate::tree::{Component, NewLine, escape, split_list, unescape};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Redacted<String>> {
    let mut found = BTreeSet::new();
    for property in component.all("CATEGORIES").filter_map(|line| line.property()) {
        let values = split_list(&property.value).map(unescape);
        found.extend(values.filter_map(|value| canonical(value.trim())).map(Redacted::new));
    }
    found
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let values: Vec<_> = target.categories.iter().map(|value| escape(value.expose())).collect();
    let line = (!values.is_empty()).then(|| NewLine::new("CATEGORIES", values.join(",")));
    component.set("CATEGORIES", line.into_iter().collect());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;

    #[test]
    fn categories_go_both_ways() {
        let event = round_trip(Field::Categories, "CATEGORIES:b,a\\,c, \nCATEGORIES:b,,d");
        assert_eq!(written(Field::Categories, &event), "CATEGORIES:a\\,c,b,d\n");
        assert!(round_trip(Field::Categories, "CATEGORIES:,").categories.is_empty());
    }
}
