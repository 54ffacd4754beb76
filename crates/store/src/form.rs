//! The forms that the database ever had: which one it has, and the way to the present one.

use refinery::{Migration, Runner};
use rusqlite::{Connection, OptionalExtension};

use crate::{Error, Result};

/// One step to a later form: refinery's name for it, and its text.
pub(crate) type Form = (&'static str, &'static str);

/// Every form the database ever had, in order; each file is one step to the next.
pub(crate) const ALL: &[Form] = &[
    ("V1__initial", include_str!("../../../migrations/0001_initial.sql")),
    ("V2__rules_and_proposals", include_str!("../../../migrations/0002_rules_and_proposals.sql")),
    ("V3__copies_of_others", include_str!("../../../migrations/0003_copies_of_others.sql")),
    ("V4__limited_writes", include_str!("../../../migrations/0004_limited_writes.sql")),
    ("V5__choices", include_str!("../../../migrations/0005_choices.sql")),
    ("V6__answers", include_str!("../../../migrations/0006_answers.sql")),
    ("V7__sign_ins", include_str!("../../../migrations/0007_sign_ins.sql")),
    ("V8__addresses", include_str!("../../../migrations/0008_addresses.sql")),
    ("V9__unread", include_str!("../../../migrations/0009_unread.sql")),
    ("V10__beside", include_str!("../../../migrations/0010_beside.sql")),
    ("V11__former", include_str!("../../../migrations/0011_former.sql")),
    ("V12__undelivered", include_str!("../../../migrations/0012_undelivered.sql")),
    ("V13__errands", include_str!("../../../migrations/0013_errands.sql")),
    ("V14__entering", include_str!("../../../migrations/0014_entering.sql")),
    ("V15__places", include_str!("../../../migrations/0015_places.sql")),
    ("V16__overtaken", include_str!("../../../migrations/0016_overtaken.sql")),
    ("V17__sealed_texts", include_str!("../../../migrations/0017_sealed_texts.sql")),
];

/// The form of a database: the number of the last migration it went through.
pub(crate) fn of(connection: &Connection) -> Result<i32> {
    let known = "SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history'";
    if connection.query_row(known, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let query = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(query, [], |row| row.get(0))?)
}

/// Brings a database to the last of these forms, or leaves it as it is.
///
/// # Errors
/// As the disk refuses it, else that it is damaged.
pub(crate) fn migrate(connection: &mut Connection, forms: &[Form]) -> Result<()> {
    let steps: Vec<_> = forms
        .iter()
        .map(|(name, text)| {
            Migration::unapplied(name, text).expect("the names of migrations are tested")
        })
        .collect();
    Runner::new(&steps).set_grouped(true).run(connection).map_err(not_migrated)?;
    Ok(())
}

/// A full disk is no damage, whatever it interrupts.
fn not_migrated(source: refinery::Error) -> Error {
    type Cause = dyn std::error::Error;
    let causes = std::iter::successors(Some(&source as &Cause), |error| error.source());
    let ours = |error: &Cause| error.downcast_ref::<rusqlite::Error>().map(crate::error::meaning);
    match causes.into_iter().find_map(ours) {
        Some((kind, sentence)) if kind.passes() => Error::new(kind, sentence).because(source),
        _ => Error::corrupt("the database can't be brought to the present form").because(source),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use model::Side;
    use testkit::canary::files;

    use super::*;
    use crate::open::connect;
    use crate::testing::{World, at, filled, folder, mode, open, refused, snapshots};
    use crate::{ErrorKind, Store};

    #[test]
    fn the_names_of_migrations_are_in_order_and_refinery_takes_them() {
        for (number, (name, text)) in ALL.iter().enumerate() {
            assert!(name.starts_with(&format!("V{}__", number + 1)), "{name}");
            assert!(Migration::unapplied(name, text).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_older_form_is_copied_and_migrated_and_a_newer_one_refused() {
        let folder = folder();
        filled(&folder);
        let present = i32::try_from(ALL.len()).unwrap();
        let name: &'static str = format!("V{}__later", present + 1).leak();
        let mut later = ALL.to_vec();
        later.push((name, "ALTER TABLE pair ADD COLUMN later TEXT"));
        let store = Store::open_in_form(folder.path(), at(7), &later).unwrap();
        assert_eq!(snapshots(&store), 200);
        let backup =
            folder.path().join("backups").join(format!("calpair-20260101T000007Z-v{present}.db"));
        let copied = of(&connect(&backup).unwrap()).unwrap();
        assert_eq!((mode(&backup), copied), (0o600, present));
        store.close().unwrap();
        let error = refused(&folder);
        assert_eq!(error.kind(), &ErrorKind::Newer);
        let form = format!("its form is {}", present + 1);
        assert!(error.sentence().contains(&form), "{error}");
        // The copy can be put back in its place.
        fs::copy(backup, folder.path().join("calpair.db")).unwrap();
        assert_eq!(snapshots(&open(&folder).unwrap()), 200);
    }

    #[test]
    fn starts_that_can_t_migrate_leave_everything_as_it_was() {
        let folder = folder();
        let store = open(&folder).unwrap();
        let copy = store.backup(at(1)).unwrap().unwrap();
        store.close().unwrap();
        let name: &'static str = format!("V{}__later", ALL.len() + 1).leak();
        let mut later = ALL.to_vec();
        later.push((name, "ALTER TABLE pair ADD COLUMN later TEXT; SELECT * FROM nowhere"));
        for start in 2..12 {
            let error = Store::open_in_form(folder.path(), at(start), &later).err().unwrap();
            assert_eq!(error.kind(), &ErrorKind::Corrupt { backup: Some(copy.clone()) });
            assert_eq!(files(&folder.path().join("backups")), std::slice::from_ref(&copy));
        }
        assert_eq!(snapshots(&open(&folder).unwrap()), 0);
    }

    #[test]
    fn changes_of_before_places_were_kept_are_of_the_calendar_that_the_pair_has() {
        let folder = folder();
        let store = Store::open_in_form(folder.path(), at(0), &ALL[..14]).unwrap();
        let pair = World::over(store.clone()).pair;
        let calendar = model::CalendarId::new("/cal/1/");
        store.resolve_calendar(pair, Side::Left, &calendar, model::Rights::Write).unwrap();
        store.close().unwrap();
        let line = |pair: i64, side: u8| {
            format!(
                "INSERT INTO history (at, run, pair, pair_name, side, action, uid, reason)
                 VALUES (0, 1, {pair}, 'family', {side}, 'delete', '1', 'r');"
            )
        };
        // The right side was never found, and another pair is gone.
        let lines = [line(pair.0, 0), line(pair.0, 1), line(pair.0 + 1, 0)].concat();
        connect(&folder.path().join("calpair.db")).unwrap().execute_batch(&lines).unwrap();
        let store = open(&folder).unwrap();
        let mut changes = store.history(None, None, 10).unwrap();
        changes.reverse();
        let place = crate::PlaceRow { account: "a".into(), calendar };
        let places: Vec<_> = changes.into_iter().map(|change| change.place).collect();
        assert_eq!(places, [Some(place), None, None]);
    }
}
