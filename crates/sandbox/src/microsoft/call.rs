//! A call that was let in, and what answers have in common.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer;
use super::failure::Failure;
use super::ids::Name;
use super::prefer::{IdKind, Prefer};
use super::query::{Expand, Query, properties};
use super::route::{Place, Which};
use super::show::{Item, View, occurrence_name, selected};
use super::state::{Calendar, Json, Row, Service};
use crate::faults::Fault;
use crate::rest::{Ask, Reply};

/// A call.
pub(super) struct Call<'c> {
    pub(super) ask: &'c Ask,
    pub(super) place: &'c Place,
    pub(super) query: Query,
    pub(super) prefer: Prefer,
    pub(super) body: Json,
    pub(super) account: String,
    pub(super) now: Timestamp,
    pub(super) fault: Option<Fault>,
}

impl Call<'_> {
    /// An absolute link to the same path with another query.
    // quirk: microsoft-74
    pub(super) fn link(&self, query: &str, is_foreign: bool) -> String {
        let origin =
            if is_foreign { "https://outlook.office365.example" } else { &self.ask.origin };
        format!("{origin}{}?{query}", self.ask.path)
    }
}

impl Service {
    /// The calendar that a call names, if the account has it.
    // quirk: microsoft-60
    pub(super) fn calendar(&self, account: &str, which: &Which) -> Result<&Calendar, Failure> {
        let held = match which {
            Which::Named(id) => self.calendars.get(id).filter(|held| held.account == account),
            Which::Default | Which::Any => self.default_calendar(account),
        };
        held.filter(|held| !held.is_gone).ok_or_else(Failure::not_found)
    }

    /// The row and the occurrence that an id of a call means.
    pub(super) fn target(&self, call: &Call<'_>, which: &Which, id: &str) -> Result<Name, Failure> {
        if *which != Which::Any {
            self.calendar(&call.account, which)?;
        }
        let (name, kind) = Name::read(id).ok_or_else(Failure::malformed_id)?;
        let row = self.rows.get(&name.key).filter(|row| !row.is_gone);
        let row = row.ok_or_else(Failure::not_found)?;
        let held = self.calendars.get(&row.calendar).filter(|held| !held.is_gone);
        let held = held.ok_or_else(Failure::not_found)?;
        if held.account != call.account {
            return Err(Failure::malformed_id());
        }
        // quirk: microsoft-19
        if kind == IdKind::Classic && name.moves != row.moves {
            return Err(Failure::not_found());
        }
        if let Which::Named(calendar) = which
            && *calendar != held.id
        {
            return Err(Failure::not_found());
        }
        match name.slot {
            Some(slot) if !row.has(slot) => Err(Failure::not_found()),
            Some(_) | None => Ok(name),
        }
    }

    pub(super) fn view<'s>(&'s self, call: &'s Call<'_>) -> View<'s> {
        let address = self.accounts.get(&call.account).cloned().unwrap_or_default();
        let owner = (call.account.clone(), address);
        View { quirks: &self.quirks, prefer: &call.prefer, owner }
    }

    /// An event as an answer to a call shows it.
    pub(super) fn shown(
        &self,
        call: &Call<'_>,
        item: Item<'_>,
        expand: &[Expand],
        select: Option<&[String]>,
    ) -> Value {
        let view = self.view(call);
        let mut shown = selected(view.whole(item), select);
        for expand in expand {
            if let Expand::Properties(ids) = expand
                && let Some(found) = properties(&item.properties(), ids)
            {
                shown["singleValueExtendedProperties"] = found;
            }
        }
        shown
    }

    /// What only a look at one series by its id shows, and only if it is selected.
    // quirk: microsoft-43
    pub(super) fn with_exceptions(
        &self,
        call: &Call<'_>,
        row: &Row,
        expand: &[Expand],
        shown: &mut Value,
    ) {
        let select = call.query.select().unwrap_or_default();
        let is_selected = |name: &str| select.iter().any(|one| one.eq_ignore_ascii_case(name));
        let Some(series) = &row.series else { return };
        let id = row.name(None).id(call.prefer.ids);
        if is_selected("cancelledOccurrences") {
            let names = series.cancelled.iter().map(|slot| occurrence_name(&id, *slot));
            shown["cancelledOccurrences"] = names.collect();
        }
        if is_selected("exceptionOccurrences") && expand.contains(&Expand::Exceptions) {
            let view = self.view(call);
            // What the pattern does not have any more does not take place, and is not shown.
            let whole = series.exceptions.keys().filter(|slot| row.has(**slot));
            let whole =
                whole.map(|slot| Value::Object(view.whole(Item { row, slot: Some(*slot) })));
            shown["exceptionOccurrences"] = whole.collect();
        }
    }

    /// An answer with what was preferred.
    pub(super) fn answer(&self, call: &Call<'_>, status: u16, body: &Value) -> Reply {
        let reply = answer::json(status, body);
        if call.prefer.applied.is_empty() {
            return reply;
        }
        reply.header("Preference-Applied", call.prefer.applied.join(", "))
    }

    /// An answer that is one event.
    pub(super) fn event_answer(&self, call: &Call<'_>, status: u16, name: Name) -> Reply {
        let Some(row) = self.rows.get(&name.key) else { return Reply::empty(status) };
        let item = Item { row, slot: name.slot };
        let select = call.query.select();
        let mut shown = self.shown(call, item, &[], select.as_deref());
        shown["@odata.context"] = json!(format!(
            "{}/v1.0/$metadata#users('{}')/events/$entity",
            call.ask.origin, call.account
        ));
        self.answer(call, status, &shown).header("ETag", item.etag())
    }
}
