//! Exceptions are keyed by original start, so a series that is moved renames all of them. This
//! finds the new name of an occurrence, as far as there is one.
//!
//! A pure shift moves every occurrence by the same wall-clock difference, or to another zone or
//! kind. A changed end (`UNTIL`, `COUNT`) or extra occurrences rename nothing. Any other change of
//! the rule makes other occurrences, and what belonged to the old ones belongs to nothing.

use model::civil::DateTime;
use model::{Event, Frequency, Recurrence, Rule, Series, When};

/// How the occurrences of an earlier state are named in a later one.
#[derive(Clone, Debug)]
pub(crate) enum Renaming {
    /// As before.
    Same,
    /// Shifted with the start.
    Shift(Shift),
}

/// A pure shift.
#[derive(Clone, Debug)]
pub(crate) struct Shift {
    from: When,
    to: When,
    /// What `to` is for the wall clock: on `from`'s day where the rule pins the days.
    wall: DateTime,
}

impl Renaming {
    /// From one state of a series to another; `None` when there is no telling.
    pub(crate) fn between(before: &Series, after: &Series) -> Option<Renaming> {
        let (Some(old), Some(new)) = (&before.master, &after.master) else {
            return Some(Renaming::Same);
        };
        if before.exceptions.is_empty()
            && after.exceptions.is_empty()
            && old.start == new.start
            && before.recurrence.is_empty()
        {
            return Some(Renaming::Same);
        }
        let grids = (&before.recurrence, &after.recurrence);
        let moved_days = old.start.wall().date() != new.start.wall().date();
        if old.start == new.start {
            return same_grid(grids.0, grids.1).then_some(Renaming::Same);
        }
        let days_follow = if same_grid(grids.0, grids.1) {
            if pins_hours(grids.0) && old.start.wall().time() != new.start.wall().time() {
                return None;
            }
            !pins_days(grids.0)
        } else if moved_days && weekdays_moved_along(grids, old, new) {
            true
        } else {
            return None;
        };
        let wall = if days_follow {
            new.start.wall()
        } else {
            DateTime::from_parts(old.start.wall().date(), new.start.wall().time())
        };
        let shift = Shift { from: old.start.clone(), to: new.start.clone(), wall };
        let reversible =
            before.exceptions.keys().all(|key| shift.back(&shift.forward(key)) == *key)
                && after.exceptions.keys().all(|key| shift.forward(&shift.back(key)) == *key);
        reversible.then_some(Renaming::Shift(shift))
    }

    /// The later name of an earlier key.
    pub(crate) fn forward(&self, key: &When) -> When {
        match self {
            Renaming::Same => key.clone(),
            Renaming::Shift(shift) => shift.forward(key),
        }
    }

    /// The earlier name of a later key.
    pub(crate) fn back(&self, key: &When) -> When {
        match self {
            Renaming::Same => key.clone(),
            Renaming::Shift(shift) => shift.back(key),
        }
    }
}

impl Shift {
    fn forward(&self, key: &When) -> When {
        self.to.with_wall(key.wall().saturating_add(self.from.wall().duration_until(self.wall)))
    }

    fn back(&self, key: &When) -> When {
        self.from.with_wall(key.wall().saturating_add(self.wall.duration_until(self.from.wall())))
    }
}

/// The occurrence of `key` as the master makes it.
pub(crate) fn implied(series: &Series, key: &When) -> Option<Event> {
    let master = series.master.as_ref()?;
    let lasts = master.start.wall().duration_until(master.end.wall());
    let mut event = master.clone();
    event.start = key.clone();
    event.end = master.end.with_wall(key.wall().saturating_add(lasts));
    Some(event)
}

/// Whether two times are of one kind and in one zone, so that keys of one mean something in the
/// other.
pub(crate) fn same_frame(one: &When, other: &When) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other) && one.zone() == other.zone()
}

/// Whether two repetitions make the same occurrences, but for where they end and for extra ones.
pub(crate) fn same_grid(one: &Recurrence, other: &Recurrence) -> bool {
    one.rules.len() == other.rules.len()
        && one.exclusions == other.exclusions
        && one.rules.iter().zip(&other.rules).all(|(one, other)| endless(one) == endless(other))
}

fn endless(rule: &Rule) -> Rule {
    Rule { count: None, until: None, ..rule.clone() }
}

fn pins_days(recurrence: &Recurrence) -> bool {
    recurrence.rules.iter().any(|rule| {
        !(rule.by_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_year_day.is_empty()
            && rule.by_week_number.is_empty()
            && rule.by_month.is_empty()
            && rule.by_set_position.is_empty())
    })
}

fn pins_hours(recurrence: &Recurrence) -> bool {
    recurrence.rules.iter().any(|rule| {
        !(rule.by_hour.is_empty() && rule.by_minute.is_empty() && rule.by_second.is_empty())
    })
}

/// A weekly series dragged to another day: clients move its `BYDAY` along.
fn weekdays_moved_along(grids: (&Recurrence, &Recurrence), old: &Event, new: &Event) -> bool {
    let ([before], [after]) = (grids.0.rules.as_slice(), grids.1.rules.as_slice()) else {
        return false;
    };
    let days = old.start.wall().date().weekday().until(new.start.wall().date().weekday());
    let mut moved: Vec<_> = before
        .by_day
        .iter()
        .map(|day| (day.ordinal, day.weekday.wrapping_add(days).to_monday_zero_offset()))
        .collect();
    let mut stated: Vec<_> =
        after.by_day.iter().map(|day| (day.ordinal, day.weekday.to_monday_zero_offset())).collect();
    moved.sort_unstable();
    stated.sort_unstable();
    let without_days = |rule: &Rule| Rule { by_day: Vec::new(), ..endless(rule) };
    before.frequency == Frequency::Weekly
        && before.by_day.iter().all(|day| day.ordinal.is_none())
        && moved == stated
        && without_days(before) == without_days(after)
        && grids.0.exclusions == grids.1.exclusions
}
