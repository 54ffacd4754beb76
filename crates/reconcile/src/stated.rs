//! The rules of a pair in words, by name, so that they can be remembered and compared; and what of
//! a copy has to be made anew when they have changed.

use std::collections::BTreeMap;

use model::{Field, FieldSet, Side, Sides};

use crate::crossing::text_fields;
use crate::policy::{
    Attendees, Conflict, Crossing, Detail, Direction, Reminders, ShowAs, SkipRules,
};

/// Rules by name. They hold no private content but what the configuration says itself.
pub type Stated = BTreeMap<String, String>;

/// The name of the rule that says which way changes cross.
pub const DIRECTION: &str = "direction";

/// The rule that says who wins a conflict.
pub const CONFLICT: &str = "conflict";

const LEFT_TO_RIGHT: &str = "left-to-right";
const RIGHT_TO_LEFT: &str = "right-to-left";

/// The rules that decide what becomes of a series, in words.
pub fn stated(direction: Direction, conflict: Conflict, crossing: &Sides<Crossing>) -> Stated {
    let direction = match direction {
        Direction::Both => "both",
        Direction::LeftToRight => LEFT_TO_RIGHT,
        Direction::RightToLeft => RIGHT_TO_LEFT,
    };
    let conflict = match conflict {
        Conflict::Newest => "newest",
        Conflict::Left => "left",
        Conflict::Right => "right",
        Conflict::Ask => "ask",
    };
    let pair = [(DIRECTION, direction), (CONFLICT, conflict)];
    let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let towards = crossing.iter().flat_map(|(to, crossing)| {
        towards(crossing).map(|(name, value)| (named(to, name), value)).into_iter()
    });
    pair.into_iter().chain(towards).collect()
}

/// The side from which nothing crossed by these rules; `None` where both did, or it isn't known.
pub fn unheard(stated: &Stated) -> Option<Side> {
    match stated.get(DIRECTION).map(String::as_str) {
        Some(LEFT_TO_RIGHT) => Some(Side::Right),
        Some(RIGHT_TO_LEFT) => Some(Side::Left),
        Some(_) | None => None,
    }
}

/// The fields that copies on each side have to be made anew in. Nothing where it is not known
/// what the rules were.
pub fn renewed(before: &Stated, after: &Stated) -> Sides<FieldSet> {
    Sides::from_fn(|to| {
        let changed = |name| {
            let name = named(to, name);
            Some((before.get(&name)?, after.get(&name)?)).filter(|(old, new)| old != new)
        };
        let mut fields = FieldSet::NONE;
        if let Some((old, new)) = changed("detail") {
            let [old, new] = [old, new].map(|detail| left_out(detail));
            let differing = Field::ALL.into_iter().filter(|f| old.contains(*f) != new.contains(*f));
            fields = fields.union(differing.collect());
        }
        if changed("prefix").is_some() {
            fields = fields.with(Field::Title);
        }
        if changed("show_as").is_some() {
            fields = fields.with(Field::Transparency).with(Field::Status);
        }
        if changed("reminders").is_some() {
            fields = fields.with(Field::Alarms);
        }
        if changed("attendees").is_some() {
            fields = fields.with(Field::Description);
        }
        fields
    })
}

fn named(to: Side, name: &str) -> String {
    format!("to_{to}.{name}")
}

fn towards(crossing: &Crossing) -> [(&'static str, String); 6] {
    let Crossing { detail, prefix, show_as, reminders, attendees, skip } = crossing;
    let detail = match detail {
        Detail::Full => FULL,
        Detail::Title => TITLE,
        Detail::Busy => BUSY,
    };
    let show_as = match show_as {
        ShowAs::Keep => "keep",
        ShowAs::Busy => "busy",
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
    };
    let reminders = match reminders {
        Reminders::Copy => "copy",
        Reminders::None => "none",
    };
    let attendees = match attendees {
        Attendees::Text => "text",
        Attendees::Omit => "omit",
    };
    [
        ("detail", detail.to_owned()),
        ("prefix", prefix.clone()),
        ("show_as", show_as.to_owned()),
        ("reminders", reminders.to_owned()),
        ("attendees", attendees.to_owned()),
        ("skip", skips(skip)),
    ]
}

const FULL: &str = "full";
const TITLE: &str = "title";
const BUSY: &str = "busy";

/// The fields that this much detail keeps back.
fn left_out(detail: &str) -> FieldSet {
    match detail {
        FULL => FieldSet::NONE,
        TITLE => text_fields(Detail::Title),
        _ => text_fields(Detail::Busy),
    }
}

fn skips(skip: &SkipRules) -> String {
    let SkipRules { title, all_day, declined, free, private, categories } = skip;
    let title = title.as_ref().map(|pattern| pattern.text());
    format!(
        "title {title:?}, all_day {all_day}, declined {declined}, free {free}, private {private}, \
         category {categories:?}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a change towards the right makes anew there.
    fn change(from: Crossing, to: Crossing) -> Vec<Field> {
        let of = |right| {
            let crossing = Sides::new(Crossing::default(), right);
            stated(Direction::Both, Conflict::Newest, &crossing)
        };
        let fields = renewed(&of(from), &of(to));
        assert_eq!(fields.left, FieldSet::NONE);
        fields.right.iter().collect()
    }

    #[test]
    fn a_change_renews_what_it_is_about() {
        let full = Crossing::default;
        let detail = |detail| Crossing { detail, ..full() };
        assert_eq!(change(full(), full()), []);
        assert_eq!(change(detail(Detail::Busy), detail(Detail::Title)), [Field::Title]);
        let shown = change(full(), detail(Detail::Title));
        assert!(shown.contains(&Field::Location) && !shown.contains(&Field::Title), "{shown:?}");
        assert!(change(detail(Detail::Busy), full()).contains(&Field::Title));
        let prefixed = Crossing { prefix: "W ".into(), ..full() };
        assert_eq!(change(prefixed, full()), [Field::Title]);
        let free = Crossing { show_as: ShowAs::Free, ..full() };
        assert_eq!(change(full(), free), [Field::Transparency, Field::Status]);
        let silent = Crossing { reminders: Reminders::None, ..full() };
        assert_eq!(change(silent, full()), [Field::Alarms]);
        let alone = Crossing { attendees: Attendees::Omit, ..full() };
        assert_eq!(change(full(), alone), [Field::Description]);
        let skip = SkipRules { private: true, ..SkipRules::default() };
        assert_eq!(change(full(), Crossing { skip, ..full() }), []);
    }

    #[test]
    fn every_rule_is_told_apart() {
        let of = |skip| {
            let right = Crossing { skip, ..Crossing::default() };
            let crossing = Sides::new(Crossing::default(), right);
            stated(Direction::Both, Conflict::Newest, &crossing)
        };
        let title = |text: &str| Some(crate::TitlePattern::new(text, |_| true));
        let all = [
            of(SkipRules::default()),
            of(SkipRules { title: title("a"), ..SkipRules::default() }),
            of(SkipRules { title: title("b"), ..SkipRules::default() }),
            of(SkipRules { free: true, ..SkipRules::default() }),
            of(SkipRules { categories: vec!["a".into()], ..SkipRules::default() }),
            stated(Direction::LeftToRight, Conflict::Newest, &Sides::default()),
            stated(Direction::Both, Conflict::Ask, &Sides::default()),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| one != other), "{one:?}");
        }
    }

    #[test]
    fn what_was_is_not_guessed() {
        let after = stated(Direction::Both, Conflict::Newest, &Sides::default());
        assert_eq!(renewed(&Stated::new(), &after), Sides::default());
    }
}
