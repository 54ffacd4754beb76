//! Exceptions are keyed by original start, so a series that is moved renames all of them. This
//! finds the new name of an occurrence, as far as there is one.
//!
//! A pure shift moves every occurrence by the same wall-clock difference, or to another zone or
//! kind. A changed end (`UNTIL`, `COUNT`) or extra occurrences rename nothing. Any other change of
//! the rule makes other occurrences, and what belonged to the old ones belongs to nothing.
//!
//! Not everybody renames: Google leaves exceptions under the original starts that they had, and a
//! user may change one before the series and another after it. So a key that is still there after
//! a shift, or that only the old start makes, has stayed; each of the others has moved along. All
//! have, where the shift gives occurrences the names that others had (a daily series by a day), but
//! for exceptions that are what they were to the last.

use std::collections::BTreeSet;

use model::civil::DateTime;
use model::{Event, Exception, Frequency, Recurrence, Rule, Series, Side, Sides, When};

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
    /// The keys that are the same before and after.
    stayed: BTreeSet<When>,
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
        let (from, to) = (old.start.clone(), new.start.clone());
        let shift = Shift { from, to, wall, stayed: BTreeSet::new() }.sorted(before, after)?;
        Some(Renaming::Shift(shift))
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

    /// What the later series itself calls the occurrence of an earlier key, whether or not an
    /// exception has stayed under that.
    pub(crate) fn made(&self, key: &When) -> When {
        match self {
            Renaming::Same => key.clone(),
            Renaming::Shift(shift) => shift.moved(key),
        }
    }

    /// Whether something has stayed under this key.
    pub(crate) fn stayed(&self, key: &When) -> bool {
        match self {
            Renaming::Same => false,
            Renaming::Shift(shift) => shift.stayed.contains(key),
        }
    }

    /// Whether these make one name of no two.
    pub(crate) fn distinct(renamings: &Sides<Renaming>, names: &BTreeSet<When>) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let later = names.iter().map(|key| renamings[side].forward(key));
            later.collect::<BTreeSet<_>>().len() == names.len()
        })
    }
}

impl Shift {
    fn moved(&self, key: &When) -> When {
        self.to.with_wall(key.wall().saturating_add(self.from.wall().duration_until(self.wall)))
    }

    fn forward(&self, key: &When) -> When {
        if self.stayed.contains(key) { key.clone() } else { self.moved(key) }
    }

    fn back(&self, key: &When) -> When {
        if self.stayed.contains(key) {
            return key.clone();
        }
        self.from.with_wall(key.wall().saturating_add(self.wall.duration_until(self.from.wall())))
    }

    /// Finds out which keys have stayed; `None` where a name would mean two occurrences.
    fn sorted(mut self, before: &Series, after: &Series) -> Option<Self> {
        let explained = if self.swaps_names(&before.recurrence) {
            if before.exceptions == after.exceptions {
                self.stayed = before.exceptions.keys().cloned().collect();
            }
            true
        } else if same_frame(&self.from, &self.to) {
            self.sort(before, after)
        } else {
            // What stayed has the same instant, and so another name in this frame too.
            let gone = |key: &When| !after.exceptions.contains_key(&self.moved(key));
            let new = |key: &When| !before.exceptions.contains_key(&self.back(key));
            !(before.exceptions.keys().any(gone) && after.exceptions.keys().any(new))
        };
        let reversible = before.exceptions.keys().all(|key| self.back(&self.forward(key)) == *key)
            && after.exceptions.keys().all(|key| self.forward(&self.back(key)) == *key);
        (explained && reversible).then_some(self)
    }

    /// Goes along the shift, so that a key which another one has moved to is seen as taken.
    fn sort(&mut self, before: &Series, after: &Series) -> bool {
        let along = |series: &Series| {
            let mut keys: Vec<When> = series.exceptions.keys().cloned().collect();
            if self.wall < self.from.wall() {
                keys.reverse();
            }
            keys
        };
        let (old, new) = (along(before), along(after));
        let mut taken = BTreeSet::new();
        for key in old {
            let next = self.moved(&key);
            let was = before.exceptions.get(&key);
            let free = |key: &When| after.exceptions.get(key).filter(|_| !taken.contains(key));
            let (here, there) = (free(&key), free(&next));
            let along =
                there.is_some() && (there == was || there == self.moved_along(was).as_ref());
            let stayed = here.is_some() && (here == was || !along);
            if stayed {
                self.stayed.insert(key.clone());
                taken.insert(key);
            } else if there.is_some() {
                taken.insert(next);
            }
        }
        for key in new.into_iter().filter(|key| !taken.contains(key)) {
            // What would have moved here has stayed: this name has two meanings.
            if self.stayed.contains(&self.back(&key)) {
                return false;
            }
            if self.is_of_before(&key, &before.recurrence) {
                if before.exceptions.contains_key(&key) {
                    return false;
                }
                self.stayed.insert(key);
            }
        }
        true
    }

    /// Whether the shifted series calls its occurrences as others were called before it. Then no
    /// key tells whether it has stayed, and all are taken to have moved along, unless nothing has.
    fn swaps_names(&self, grid: &Recurrence) -> bool {
        let (from, to) = (self.from.wall(), self.wall);
        let days = (to.date() - from.date()).get_days();
        let again = |rule: &Rule| {
            let several = rule.by_day.len().max(rule.by_month_day.len()).max(rule.by_month.len());
            match rule.frequency {
                Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => true,
                Frequency::Daily => true,
                Frequency::Weekly => several > 1 || days % 7 == 0,
                Frequency::Monthly | Frequency::Yearly => several > 1,
            }
        };
        same_frame(&self.from, &self.to)
            && from.time() == self.to.wall().time()
            && (grid.rules.is_empty() || grid.rules.iter().any(again))
    }

    /// An exception as a shift makes it that takes its times along.
    fn moved_along(&self, exception: Option<&Exception>) -> Option<Exception> {
        let moved = |when: &When| self.moved(when);
        match exception? {
            Exception::Cancelled => Some(Exception::Cancelled),
            Exception::Override(event) => Some(Exception::Override(Box::new(Event {
                start: moved(&event.start),
                end: moved(&event.end),
                ..(**event).clone()
            }))),
        }
    }

    /// Whether only the start before the shift makes an occurrence at that time of day.
    fn is_of_before(&self, key: &When, grid: &Recurrence) -> bool {
        let times = [key, &self.from, &self.to].map(|when| when.wall().time());
        let within_days = |rule: &Rule| match rule.frequency {
            Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => true,
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => false,
        };
        times[0] == times[1] && times[1] != times[2] && !grid.rules.iter().any(within_days)
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
