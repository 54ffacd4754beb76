//! What is sent: a new event, or what differs. Pure; nothing here knows when it is sent.

use std::collections::BTreeSet;

use ical::Repetition;
use model::{CreateKey, Event, Exception, Extra, Field, FieldSet, Series, When};
use serde_json::{Map, Value, json};

use crate::fields::{self, Body, Frame, HELD, Refused, Role, recurrence, times::Names};
use crate::ident;
use crate::kept::{self, Whole};
use crate::row::Row;
use crate::rows::Rows;
use crate::series::{Anchor, ReadRow, read_instance, read_row};

/// Why occurrences of a series that can't be seen stay as they are, and none is made.
pub(crate) const ALONE: &str = "it is a part of a series that this calendar lacks";

/// What of an event that came by mail may be changed.
// quirk: google-65
const OF_MAIL: [&str; 5] = ["reminders", "colorId", "visibility", "status", "extendedProperties"];

/// What of a locked event may not.
// quirk: google-66
const LOCKED: [&str; 6] = ["summary", "description", "location", "start", "end", "recurrence"];

/// A series as it is to be, as far as Google can be told.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The series; what changes an occurrence that no rule makes has an extra occurrence to change.
    series: Series,
    /// The master with its repetition.
    whole: Whole,
}

impl Target {
    /// # Errors
    /// When it has no master: Google has nowhere to put occurrences of nothing.
    pub(crate) fn of(target: &Series) -> Result<Self, Refused> {
        let event = target.master.clone();
        let event = event.ok_or(Refused(ALONE))?;
        let mut series = target.clone();
        let overrides = target.exceptions.iter().filter_map(|(key, one)| match one {
            Exception::Override(_) => Some(key),
            Exception::Cancelled => None,
        });
        let known = ical::made(target, overrides.clone());
        for key in overrides.filter(|key| !known.contains(*key)) {
            series.recurrence.extras.insert(Extra { start: key.clone(), end: None });
        }
        let whole = Whole { event, recurrence: target.recurrence.clone() };
        Ok(Self { series, whole })
    }

    pub(crate) fn series(&self) -> &Series {
        &self.series
    }

    pub(crate) fn master(&self) -> &Event {
        &self.whole.event
    }

    pub(crate) fn repeats(&self) -> bool {
        !self.series.recurrence.is_empty()
    }

    fn role(&self) -> Role {
        if self.repeats() { Role::Master } else { Role::Single }
    }

    /// What does not take place although the rules say so.
    fn cancelled(&self) -> BTreeSet<When> {
        let keys = self.series.exceptions.iter();
        let keys = keys.filter(|(_, one)| **one == Exception::Cancelled).map(|(key, _)| key);
        ical::made(&self.series, keys)
    }

    /// The occurrences beside those of the rules.
    fn extras(&self) -> BTreeSet<When> {
        self.series.recurrence.extras.iter().map(|extra| extra.start.clone()).collect()
    }

    /// Whether anything of it has no zone.
    pub(crate) fn floats(&self) -> bool {
        let floats = |when: &When| matches!(when, When::Floating(_));
        self.series.events().any(|event| floats(&event.start) || floats(&event.end))
    }

    /// Whether a master is where, and repeats as, this one does.
    pub(crate) fn is_anchored_like(&self, master: &Row) -> bool {
        read_row(master).is_ok_and(|read| {
            read.exact.event.start == self.whole.event.start
                && read.exact.same(&self.whole, Field::Recurrence)
        })
    }

    fn lines(&self, cancelled: BTreeSet<When>, frame: &Frame) -> Result<Vec<String>, Refused> {
        let recurrence = self.series.recurrence.clone();
        recurrence::write(&Repetition { recurrence, cancelled }, frame)
    }
}

/// A new event, whole, with what does not take place. Occurrences that differ are written after.
///
/// # Errors
/// When Google can't hold it.
pub(crate) fn new_event(
    target: &Target,
    key: &CreateKey,
    generation: u8,
    floating: &str,
    names: Names,
) -> Result<Value, Refused> {
    let frame = Frame { role: target.role(), floating: floating.to_owned(), names };
    let mut body = Body::new();
    body.insert("id".to_owned(), ident::event_id(key, generation).into());
    write_fields(HELD, &target.whole.event, None, &frame, &mut body)?;
    if target.repeats() {
        body.insert("recurrence".to_owned(), target.lines(target.cancelled(), &frame)?.into());
    }
    let mut properties = ident::mark(key, generation, &target.series.uid);
    properties.extend(kept::remember(&target.whole, &plain(&body.clone().into())?));
    body.insert("extendedProperties".to_owned(), json!({"private": properties}));
    Ok(without_nulls(body.into()))
}

/// The fields of a series that Google shows as near as it can, not as they are.
///
/// # Errors
/// When Google can't hold it.
pub(crate) fn rounded(series: &Series) -> Result<FieldSet, Refused> {
    let target = Target::of(series)?;
    let event = new_event(&target, &CreateKey::new("shown"), 0, "UTC", Names::Present)?;
    Ok(kept::differing(&target.whole, &plain(&event)?))
}

/// What turns a master into the target's, if anything.
///
/// # Errors
/// When Google can't hold it, or allows no change of it.
pub(crate) fn master_patch(
    held: &Rows,
    target: &Target,
    floating: &str,
    names: Names,
) -> Result<Option<Value>, Refused> {
    let row = held.master.as_ref().ok_or(Refused("its series can't be seen"))?;
    let read = read_row(row).map_err(|unread| Refused(unread.0))?;
    let frame = Frame { role: target.role(), floating: floating.to_owned(), names };
    let differing = kept::differing(&read.exact, &target.whole);
    let mut body = Body::new();
    let begins_to_repeat = target.repeats() && !row.repeats();
    // What repeats needs a zone, and a single event may have none.
    // quirk: google-29
    let written = if begins_to_repeat { differing.with(Field::Times) } else { differing };
    write_fields(written, &target.whole.event, Some(row), &frame, &mut body)?;
    let moved = read.exact.event.start != target.whole.event.start;
    let extras_differ = extras_differ(held, &read, target);
    let stands: BTreeSet<When> = read.cancelled.into_iter().collect();
    let wanted = target.cancelled();
    if !target.repeats() {
        if row.repeats() {
            body.insert("recurrence".to_owned(), Value::Null);
        }
    } else if moved || begins_to_repeat {
        body.insert("recurrence".to_owned(), target.lines(wanted, &frame)?.into());
    } else {
        // One more that does not take place is written to the occurrence; the series stays.
        let by_row = cancelled_rows(held, &read.anchor);
        let takes_back = differing.contains(Field::Recurrence);
        let kept = |key: &&When| stands.contains(*key) || takes_back && !by_row.contains(*key);
        let cancelled: BTreeSet<When> = wanted.iter().filter(kept).cloned().collect();
        if takes_back || cancelled != stands || extras_differ {
            body.insert("recurrence".to_owned(), target.lines(cancelled, &frame)?.into());
        }
    }
    finish(row, body, &target.whole)
}

/// Whether a master has extra occurrences that nothing needs any more, or lacks one for what no row
/// stands for. One that was left under a start of before needs none.
// quirk: google-41
fn extras_differ(held: &Rows, read: &ReadRow, target: &Target) -> bool {
    let wanted = target.extras();
    let rows = held.exceptions.values().filter(|row| !row.is_cancelled());
    let rows = rows.filter_map(|row| read.anchor.key(row.original()?));
    let stands: BTreeSet<When> = rows.chain(read.extras.iter().cloned()).collect();
    !read.extras.is_subset(&wanted) || !wanted.is_subset(&stands)
}

/// The occurrences that a master's rows, and not its lines, take back.
fn cancelled_rows(held: &Rows, anchor: &Anchor) -> BTreeSet<When> {
    let rows = held.exceptions.values().filter(|row| row.is_cancelled());
    rows.filter_map(|row| anchor.key(row.original()?)).collect()
}

/// What turns a row of an occurrence into that event, if anything. Where nothing can be read of
/// the row, everything is written, for nobody knows what it was.
///
/// # Errors
/// When Google can't hold it, or allows no change of it.
pub(crate) fn instance_patch(
    row: &Row,
    master: &Event,
    target: &Event,
    floating: &str,
    names: Names,
) -> Result<Option<Value>, Refused> {
    let frame = Frame { role: Role::Instance, floating: floating.to_owned(), names };
    let mut target = target.clone();
    target.class = master.class;
    let whole = Whole::once(target);
    let mut body = Body::new();
    if row.is_cancelled() || row.value().get("start").is_none() {
        write_fields(HELD, &whole.event, Some(row), &frame, &mut body)?;
        body.entry("status").or_insert_with(|| "confirmed".into());
    } else {
        let current = read_instance(row, master, floating).map_err(|unread| Refused(unread.0))?;
        let current = Whole::once(current);
        let differing = kept::differing(&current, &whole);
        write_fields(differing, &whole.event, Some(row), &frame, &mut body)?;
    }
    finish(row, body, &whole)
}

/// The row of an occurrence that nobody has changed yet: what Google would show of it.
///
/// # Errors
/// When the occurrence can't be named.
pub(crate) fn untouched(master: &Row, anchor: &Anchor, key: &When) -> Result<Row, Refused> {
    let id = ident::instance_id(master.id(), key, &anchor.zone());
    let id = id.ok_or(Refused("its time zone is not known"))?;
    let event = read_row(master).map_err(|unread| Refused(unread.0))?.plain.event;
    let plain_key = ical::in_kind_of(key, &event.start);
    let mut times = Body::new();
    let floating = anchor.zone_name();
    let frame = Frame { role: Role::Instance, floating, names: Names::Present };
    fields::write(Field::Times, &ical::implied(&event, &plain_key), None, &frame, &mut times)?;
    times.insert("id".to_owned(), id.into());
    times.insert("recurringEventId".to_owned(), master.id().into());
    times.insert("recurrence".to_owned(), Value::Null);
    // Whole objects are replaced here, as Google has them.
    let blank = master.overlaid(&json!({"start": null, "end": null}));
    Ok(blank.overlaid(&times.into()))
}

fn write_fields(
    which: FieldSet,
    event: &Event,
    held: Option<&Row>,
    frame: &Frame,
    body: &mut Body,
) -> Result<(), Refused> {
    which.iter().try_for_each(|field| fields::write(field, event, held, frame, body))
}

/// The patch with what has to be remembered; `None` when nothing differs.
fn finish(row: &Row, mut body: Body, target: &Whole) -> Result<Option<Value>, Refused> {
    let after = row.overlaid(&body.clone().into());
    let plain = plain(after.value())?;
    let mut properties = kept::remember(target, &plain);
    // A cancelled row may hide what it remembers.
    // quirk: google-5
    properties.retain(|name, value| row.is_cancelled() || value.as_str() != row.private(name));
    if !properties.is_empty() {
        body.insert("extendedProperties".to_owned(), json!({"private": properties}));
    }
    check_allowed(row, &body)?;
    Ok((!body.is_empty()).then(|| body.into()))
}

/// What a row with these keys will read as.
fn plain(keys: &Value) -> Result<Whole, Refused> {
    let row = Row::new(without_nulls(keys.clone())).ok_or(Refused("it has no id"))?;
    let read = read_row(&row).map_err(|_| Refused("Google would not understand it"))?;
    Ok(read.plain)
}

fn check_allowed(row: &Row, body: &Body) -> Result<(), Refused> {
    let says = |name: &str| row.value().get(name);
    let by_mail = says("eventType").and_then(Value::as_str) == Some("fromGmail");
    if by_mail && body.keys().any(|key| !OF_MAIL.contains(&key.as_str())) {
        return Err(Refused("it came by mail, and Google allows no such change of it"));
    }
    let locked = says("locked").and_then(Value::as_bool) == Some(true);
    if locked && body.keys().any(|key| LOCKED.contains(&key.as_str())) {
        return Err(Refused("it is locked, and Google allows no such change of it"));
    }
    Ok(())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            let fields: Map<_, _> =
                fields.map(|(name, value)| (name, without_nulls(value))).collect();
            Value::Object(fields)
        }
        other => other,
    }
}
