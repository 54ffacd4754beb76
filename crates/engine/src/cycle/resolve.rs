//! Which calendars a pair is about. A calendar is found once by the name that the configuration
//! gives it, and remembered by its id: renaming it at the provider changes nothing.

use model::{Calendar, CalendarId, Rights, Side, Sides};
use store::PairRow;

use super::at;
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

async fn look_up(
    ctx: &Context,
    asked: &PairSide,
    side: Side,
    row: &PairRow,
) -> Result<CalendarId, Failure> {
    let (id, rights) = if let Some(known) = &asked.known {
        (known.clone(), Rights::Write)
    } else {
        let calendars = asked.provider.calendars().await.map_err(at(side))?;
        let calendar = choose(&asked.asked, &calendars)
            .map_err(|reason| Failure::Calendar { side, reason })?;
        (calendar.id.clone(), calendar.rights)
    };
    ctx.store.resolve_calendar(row.id, side, &id, rights)?;
    Ok(id)
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
