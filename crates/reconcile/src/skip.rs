//! Which series a rule of the configuration keeps back.
//!
//! A series crosses as a whole or not at all. What a rule asks is asked of the event that stands
//! for the series, but for privacy: one private occurrence keeps all of them back, or what it
//! says would stand on the other side.

use model::{Class, Event, Series, Transparency};

use crate::policy::SkipRules;

/// Which rule keeps a series back, in words without private content; `None` when none does.
pub(crate) fn kept_back(rules: &SkipRules, series: &Series) -> Option<&'static str> {
    let face = series.face()?;
    let title = face.title.as_ref().map(|title| title.expose().as_str()).unwrap_or_default();
    let is_private = |event: &Event| event.class != Class::Public;
    if rules.private && series.events().any(is_private) {
        Some(match is_private(face) {
            true => "it is private",
            false => "one of its occurrences is private",
        })
    } else if rules.declined && series.declined {
        Some("it was declined")
    } else if rules.all_day && face.start.is_date() {
        Some("it lasts whole days")
    } else if rules.free && face.transparency == Transparency::Transparent {
        Some("it blocks no time")
    } else if rules.title.as_ref().is_some_and(|pattern| pattern.matches(title)) {
        Some("its title matches")
    } else if in_category(rules, face) {
        Some("it is in a category that is left out")
    } else {
        None
    }
}

fn in_category(rules: &SkipRules, face: &Event) -> bool {
    let mut names = face.categories.iter().map(|name| name.expose().to_lowercase());
    names.any(|name| rules.categories.iter().any(|skipped| skipped.to_lowercase() == name))
}
