//! Which calendars a pair is about. A calendar is found once by the name that the configuration
//! gives it, and remembered by its id: renaming it at the provider changes nothing.
//!
//! What may be done there is asked again: with the daily audit, and once in a cycle that finds
//! something waiting for a side that may only be read, or a write refused. So a quiet cycle asks
//! nothing, whatever waits.

use model::{Calendar, CalendarId, Rights, Side, Sides};
use store::PairRow;

use super::{Cycle, at};
use crate::report::Failure;
use crate::{Context, Pair, PairSide};

pub(super) async fn calendars(
    ctx: &Context,
    pair: &Pair,
    row: &PairRow,
) -> Result<Sides<CalendarId>, Failure> {
    let mut found = Sides::new(None, None);
    for side in Side::BOTH {
        found[side] = match &row.sides[side].calendar {
            Some(calendar) => Some(calendar.clone()),
            None => Some(look_up(ctx, &pair.sides[side], side, row).await?),
        };
    }
    let (Some(left), Some(right)) = (found.left, found.right) else {
        unreachable!("both sides were looked up")
    };
    if pair.sides.left.account == pair.sides.right.account && left == right {
        return Err(Failure::Calendar {
            side: Side::Right,
            reason: "this is the calendar of the left side as well; a pair needs two".to_owned(),
        });
    }
    Ok(Sides::new(left, right))
}

impl Cycle<'_> {
    /// Asks for the rights of the sides whose audit is due.
    pub(super) async fn audit_rights(&mut self) -> Result<(), Failure> {
        let is_due = |side| {
            let row = &self.row.sides[side];
            row.full_at.is_some() && self.is_audit_due(row)
        };
        self.doubted = Sides::from_fn(is_due);
        self.review_rights().await.map(drop)
    }

    /// Something waits for this side, or was refused there: is that still, or already, so?
    pub(super) const fn doubt(&mut self, side: Side) {
        match side {
            Side::Left => self.doubted.left = true,
            Side::Right => self.doubted.right = true,
        }
    }

    /// Asks for the rights of the doubted sides, once in a cycle. Whether there is something to
    /// plan anew: what waited for a side that may be written now.
    pub(super) async fn review_rights(&mut self) -> Result<bool, Failure> {
        let doubted = std::mem::take(&mut self.doubted);
        let mut waited = 0;
        for side in Side::BOTH {
            if !doubted[side] || std::mem::replace(&mut self.reviewed[side], true) {
                continue;
            }
            let before = self.row.sides[side].rights;
            let Some(now) = self.rights(side).await?.filter(|now| *now != before) else { continue };
            let (pair, calendar) = (&self.pair.name, &self.calendars[side]);
            tracing::info!(%pair, %side, rights = ?now, "what may be done in a calendar changed");
            if now == Rights::Write {
                // First: if the rest is lost, it is found waiting again.
                waited += self.ctx.store.retry_problems_of(self.id(), side)?;
            }
            self.ctx.store.resolve_calendar(self.id(), side, calendar, now)?;
            self.row.sides[side].rights = now;
        }
        Ok(waited > 0)
    }

    /// What the provider says may be done in a side's calendar. What it doesn't say stays as it is:
    /// not every calendar that has an address is listed.
    async fn rights(&self, side: Side) -> Result<Option<Rights>, Failure> {
        match self.pair.sides[side].provider.calendars().await {
            Ok(calendars) => {
                let mut calendars = calendars.into_iter();
                let ours = calendars.find(|calendar| calendar.id == self.calendars[side]);
                Ok(ours.map(|calendar| calendar.rights))
            }
            Err(error) if error.kind().is_of_account() => Err(at(side)(error)),
            Err(error) => {
                tracing::debug!(%side, %error, "the rights could not be asked for");
                Ok(None)
            }
        }
    }
}

/// Where the configuration names a calendar otherwise than before, that is the one that was
/// observed so far: nothing that is known of it is forgotten.
///
/// # Errors
/// [`Failure::Calendar`] where it is another one.
pub(super) async fn by_another_name(
    ctx: &Context,
    pair: &Pair,
    row: &PairRow,
) -> Result<(), Failure> {
    for side in Side::BOTH {
        let known = &row.sides[side];
        if known.calendar.is_some() {
            continue;
        }
        let (id, rights) = find(&pair.sides[side], side).await?;
        if let Some(was) = known.observed.as_ref().filter(|was| **was != id) {
            let reason = format!("it was the calendar {was}, and is {id} now");
            return Err(Failure::Calendar { side, reason });
        }
        ctx.store.resolve_calendar(row.id, side, &id, rights)?;
    }
    Ok(())
}

async fn look_up(
    ctx: &Context,
    asked: &PairSide,
    side: Side,
    row: &PairRow,
) -> Result<CalendarId, Failure> {
    let (id, rights) = find(asked, side).await?;
    ctx.store.resolve_calendar(row.id, side, &id, rights)?;
    Ok(id)
}

async fn find(asked: &PairSide, side: Side) -> Result<(CalendarId, Rights), Failure> {
    if let Some(known) = &asked.known {
        return Ok((known.clone(), Rights::Write));
    }
    let calendars = asked.provider.calendars().await.map_err(at(side))?;
    let calendar =
        choose(&asked.asked, &calendars).map_err(|reason| Failure::Calendar { side, reason })?;
    Ok((calendar.id.clone(), calendar.rights))
}

/// The calendar that `asked` means: its id, `primary`, or its display name where only one has it.
fn choose<'c>(asked: &str, calendars: &'c [Calendar]) -> Result<&'c Calendar, String> {
    if let Some(calendar) = calendars.iter().find(|calendar| calendar.id.as_str() == asked) {
        return Ok(calendar);
    }
    let primary = |calendar: &&Calendar| asked == "primary" && calendar.primary;
    let named: Vec<&Calendar> = match calendars.iter().find(primary) {
        Some(calendar) => vec![calendar],
        None => calendars.iter().filter(|calendar| calendar.name == asked).collect(),
    };
    match named[..] {
        [calendar] => Ok(calendar),
        [] if calendars.is_empty() => Err("the account has no calendar yet".to_owned()),
        [] => Err(format!("no calendar is called {asked:?}; see `calpair calendars`")),
        _ => Err(format!("{} calendars are called {asked:?}; use the id", named.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(id: &str, name: &str, primary: bool) -> Calendar {
        Calendar { id: id.into(), name: name.into(), primary, rights: Rights::Write, color: None }
    }

    #[test]
    fn a_calendar_is_chosen_by_id_then_primary_then_name() {
        let all = [
            calendar("/1/", "Home", true),
            calendar("/2/", "Work", false),
            calendar("/3/", "Work", false),
        ];
        let chosen = |asked| choose(asked, &all).map(|calendar| calendar.id.as_str());
        assert_eq!(chosen("/2/"), Ok("/2/"));
        assert_eq!(chosen("primary"), Ok("/1/"));
        assert_eq!(chosen("Home"), Ok("/1/"));
        assert!(chosen("Work").is_err_and(|reason| reason.starts_with("2 calendars")));
        assert!(chosen("Hom").is_err_and(|reason| reason.contains("calpair calendars")));
        assert!(choose("Home", &[]).is_err());
    }
}
