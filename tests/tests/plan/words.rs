//! What a person is told: changes in words, and what a side can't hold.

use model::{
    Alarm, AlarmAction, ByDay, Class, Extra, Field, FieldSet, Frequency, Geo, Link, People, Person,
    Recurrence, Redacted, Rule, Series, Status, Transparency, Trigger, Until, When, civil,
};
use reconcile::{cannot_hold, difference};

use crate::world::*;

#[track_caller]
fn check(before: Option<&Series>, after: Option<&Series>, wanted: &[&str]) {
    let text = |value: &Option<Redacted<String>>| {
        value.as_ref().map_or("-".to_owned(), |value| value.expose().clone())
    };
    let got: Vec<String> = difference(before, after)
        .iter()
        .map(|change| {
            format!("{}: {} > {}", change.field, text(&change.before), text(&change.after))
        })
        .collect();
    assert_eq!(got, wanted);
}

#[test]
fn changes_of_fields() {
    let a = single("a");
    check(Some(&a), Some(&a), &[]);
    check(Some(&a), Some(&single("b")), &["title: a > b"]);
    check(Some(&a), Some(&single("")), &["title: a > -"]);
    check(
        None,
        Some(&a),
        &[
            "times: - > 2026-03-02T09:00 to 10:00 Europe/Berlin",
            "title: - > a",
            "transparency: - > busy",
        ],
    );
    check(
        Some(&a),
        None,
        &[
            "times: 2026-03-02T09:00 to 10:00 Europe/Berlin > -",
            "title: a > -",
            "transparency: busy > -",
        ],
    );
}

#[test]
fn every_field_has_words() {
    let a = single("a");
    let everything = with(a.clone(), |event| {
        event.end = When::Utc(civil::date(2026, 3, 3).at(9, 30, 15, 0));
        event.description = Some("text".into());
        event.location = Some("town".into());
        event.geo = Some(Redacted::new(Geo { latitude: 52_516_275, longitude: -13_377_704 }));
        event.url = Some("https://example.org".into());
        event.categories = ["x".into(), "y".into()].into();
        event.color = Some("red".into());
        event.class = Class::Private;
        event.transparency = Transparency::Transparent;
        event.status = Status::Tentative;
        event.priority = Some(1);
        event.alarms = [
            Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-600) },
            Alarm { action: AlarmAction::Email, trigger: Trigger::End(7200) },
            Alarm { action: AlarmAction::Display, trigger: Trigger::Start(0) },
        ]
        .into();
        let person = |name: &str| Person { name: Some(name.into()), email: Some("a@b.c".into()) };
        event.people = People { organizer: Some(person("ann")), attendees: [person("bob")].into() };
        let link = Link { uri: "https://call".into(), label: Some("call".into()) };
        event.conferences = [link.clone()].into();
        event.attachments = [Link { label: None, ..link }].into();
    });
    check(
        Some(&a),
        Some(&everything),
        &[
            "times: 2026-03-02T09:00 to 10:00 Europe/Berlin > \
             2026-03-02T09:00 Europe/Berlin to 2026-03-03T09:30:15 UTC",
            "description: - > text",
            "location: - > town",
            "geo: - > 52.516275, -13.377704",
            "url: - > https://example.org",
            "categories: - > x, y",
            "color: - > red",
            "class: - > private",
            "transparency: busy > free",
            "status: - > tentative",
            "priority: - > 1",
            "reminders: - > 10 minutes before the start, at the start, \
             2 hours after the end by email",
            "people: - > ann <a@b.c> (organizer), bob <a@b.c>",
            "conferences: - > https://call (call)",
            "attachments: - > https://call",
        ],
    );
}

#[test]
fn whole_days_end_on_their_last_day() {
    let days = |first: i8, after: i8| {
        let date = |day| When::Date(civil::date(2026, 3, day));
        with(single("a"), |event| (event.start, event.end) = (date(first), date(after)))
    };
    check(Some(&days(2, 3)), Some(&days(2, 4)), &["times: 2026-03-02 > 2026-03-02 to 2026-03-03"]);
}

#[test]
fn changes_of_occurrences() {
    let base = daily("a");
    let own = with_override(base.clone(), 4, |event| event.title = Some("x".into()));
    check(Some(&base), Some(&own), &["title of 2026-03-04T09:00: a > x"]);
    check(Some(&own), Some(&base), &["title of 2026-03-04T09:00: x > a"]);
    check(
        Some(&base),
        Some(&cancelled(base.clone(), 4)),
        &["occurrence of 2026-03-04T09:00: takes place > cancelled"],
    );
    check(
        Some(&cancelled(base.clone(), 4)),
        Some(&base),
        &["occurrence of 2026-03-04T09:00: cancelled > takes place"],
    );
    check(
        Some(&cancelled(base.clone(), 4)),
        Some(&own),
        &[
            "occurrence of 2026-03-04T09:00: cancelled > takes place",
            "times of 2026-03-04T09:00: - > 2026-03-04T09:00 to 10:00 Europe/Berlin",
            "title of 2026-03-04T09:00: - > x",
            "transparency of 2026-03-04T09:00: - > busy",
        ],
    );
}

#[test]
fn rules_in_words() {
    let says = |wanted: &str, change: &dyn Fn(&mut Recurrence)| {
        let mut series = single("a");
        change(&mut series.recurrence);
        check(Some(&single("a")), Some(&series), &[&format!("recurrence: - > {wanted}")]);
    };
    let rule = |frequency, change: &dyn Fn(&mut Rule)| {
        let mut rule = Rule::new(frequency);
        change(&mut rule);
        rule
    };
    let monday = ByDay { ordinal: None, weekday: civil::Weekday::Monday };
    let last_friday = ByDay { ordinal: Some(-1), weekday: civil::Weekday::Friday };
    says("every day, 10 times", &|r| {
        r.rules = vec![rule(Frequency::Daily, &|r| r.count = Some(10))]
    });
    says("every 2 weeks on Monday until 2026-12-31", &|r| {
        r.rules = vec![rule(Frequency::Weekly, &|r| {
            r.interval = 2;
            r.by_day = vec![monday];
            r.until = Some(Until::Date(civil::date(2026, 12, 31)));
        })];
    });
    says("every month on last Friday; also 2026-03-09T09:00", &|r| {
        r.rules = vec![rule(Frequency::Monthly, &|r| r.by_day = vec![last_friday])];
        r.extras = [Extra { start: at(9, 9), end: None }].into();
    });
    says("every year on day 1, 15 of the month in month 3", &|r| {
        r.rules = vec![rule(Frequency::Yearly, &|r| {
            r.by_month_day = vec![1, 15];
            r.by_month = vec![model::Month { number: 3, leap: false }];
        })];
    });
}

#[test]
fn what_a_side_cannot_hold_is_named_without_its_content() {
    let mut series = daily("secret");
    assert_eq!(cannot_hold(&series, FieldSet::ALL), [""; 0]);
    series = with_override(series, 4, |event| event.color = Some("red".into()));
    let poor = FieldSet::ALL.without(Field::Color).without(Field::Recurrence).without(Field::Geo);
    assert_eq!(cannot_hold(&series, poor), ["recurrence", "color"]);
}
