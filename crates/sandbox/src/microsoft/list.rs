//! Reads: one event, lists, the view of a window, and the instances of a series.

use serde_json::{Value, json};

use super::call::Call;
use super::failure::Failure;
use super::query::{Clause, Expand};
use super::quirks::Quirk;
use super::route::Which;
use super::show::Item;
use super::state::{Row, Service};
use crate::rest::Reply;

/// Items on a page where nothing is asked for, and the most that can be.
// quirk: microsoft-44
const PAGE: usize = 10;
const LARGEST_PAGE: usize = 1000;

const LIST: &[&str] = &["$select", "$expand", "$filter", "$top", "$skip", "$orderby", "$count"];
const WINDOW: &[&str] = &[
    "startdatetime",
    "enddatetime",
    "$select",
    "$expand",
    "$filter",
    "$top",
    "$skip",
    "$orderby",
    "$count",
];

impl Service {
    pub(super) fn get(&self, call: &Call<'_>, which: &Which, id: &str) -> Result<Reply, Failure> {
        call.query.only(&["$select", "$expand"])?;
        let expand = call.query.expand()?;
        let name = self.target(call, which, id)?;
        let row = self.rows.get(&name.key).ok_or_else(Failure::not_found)?;
        let item = Item { row, slot: name.slot };
        let select = call.query.select();
        let mut shown = self.shown(call, item, &expand, select.as_deref());
        if name.slot.is_none() {
            self.with_exceptions(call, row, &expand, &mut shown);
        }
        shown["@odata.context"] =
            json!(format!("{}/v1.0/$metadata#users('me')/events/$entity", call.ask.origin));
        Ok(self.answer(call, 200, &shown).header("ETag", item.etag()))
    }

    /// Single events and series, not their occurrences.
    // quirk: microsoft-45
    pub(super) fn list(&self, call: &Call<'_>, which: &Which) -> Result<Reply, Failure> {
        call.query.only(LIST)?;
        let calendar = self.calendar(&call.account, which)?.id.clone();
        // A search by extended property that names no calendar has been seen to find everywhere.
        let by_property =
            call.query.filter()?.iter().any(|one| matches!(one, Clause::Property(..)));
        let is_wide = by_property && !matches!(which, Which::Named(_));
        let is_own = |row: &&Row| {
            let held = self.calendars.get(&row.calendar);
            held.is_some_and(|held| held.account == call.account && !held.is_gone)
        };
        let rows = self.rows.values().filter(|row| !row.is_gone);
        let rows = rows.filter(|row| row.calendar == calendar || (is_wide && is_own(row)));
        let items = rows.map(|row| Item { row, slot: None }).collect();
        self.page_of(call, items)
    }

    /// What takes place in a window.
    pub(super) fn window(&self, call: &Call<'_>, which: &Which) -> Result<Reply, Failure> {
        call.query.only(WINDOW)?;
        // The metadata says that a calendar's view can't be expanded, a user's can.
        if matches!(which, Which::Named(_)) && call.query.get("$expand").is_some() {
            return Err(Failure::query("$expand is not supported here."));
        }
        let (from, until) = call.query.window()?;
        let calendar = self.calendar(&call.account, which)?.id.clone();
        let rows = self.rows.values().filter(|row| row.calendar == calendar && !row.is_gone);
        let mut items: Vec<Item<'_>> = Vec::new();
        for row in rows {
            if row.series.is_some() {
                let slots = row.within(from, until).into_iter();
                items.extend(slots.map(|slot| Item { row, slot: Some(slot) }));
            } else if row.span.overlaps(from, until) {
                items.push(Item { row, slot: None });
            }
        }
        self.page_of(call, items)
    }

    /// The occurrences and exceptions of a series in a window, in no order.
    pub(super) fn instances(
        &self,
        call: &Call<'_>,
        which: &Which,
        id: &str,
    ) -> Result<Reply, Failure> {
        call.query.only(WINDOW)?;
        let (from, until) = call.query.window()?;
        let name = self.target(call, which, id)?;
        let row = self.rows.get(&name.key).ok_or_else(Failure::not_found)?;
        if row.series.is_none() || name.slot.is_some() {
            let message = "The request is only valid for a recurring master event.";
            return Err(Failure::invalid(message));
        }
        let mut slots = row.within(from, until);
        slots.sort_by_key(|slot| (row.exception(*slot).is_none(), slot.day() % 3, *slot));
        self.page_of(call, slots.into_iter().map(|slot| Item { row, slot: Some(slot) }).collect())
    }

    /// A page of what the options of a call let through.
    fn page_of(&self, call: &Call<'_>, items: Vec<Item<'_>>) -> Result<Reply, Failure> {
        let query = &call.query;
        let (expand, filter) = (query.expand()?, query.filter()?);
        if expand.contains(&Expand::Exceptions) {
            return Err(Failure::query("exceptionOccurrences are expanded on one event alone."));
        }
        let top = query.number("$top", LARGEST_PAGE)?;
        let size = top.or(call.prefer.page).unwrap_or(PAGE);
        let skip = query.number("$skip", usize::MAX)?.unwrap_or(0);
        let by_property = |one: &Clause| matches!(one, Clause::Property(..));
        let is_looked_at = query.get("$orderby").is_some() || !filter.iter().all(by_property);
        let mut found = Vec::new();
        for item in items.into_iter().filter(|item| filter.iter().all(|one| one.may_let(*item))) {
            // What nobody asks about need not be shown twice.
            let whole = match is_looked_at {
                true => Value::Object(self.view(call).whole(item)),
                false => Value::Null,
            };
            if filter.iter().all(|clause| clause.lets(&whole)) {
                found.push((item, whole));
            }
        }
        if let Some(order) = query.get("$orderby") {
            let (path, direction) = order.split_once(' ').unwrap_or((order, "asc"));
            let known = ["start/dateTime", "createdDateTime", "lastModifiedDateTime", "subject"];
            if !known.contains(&path) {
                return Err(Failure::query("The option $orderby is not supported so."));
            }
            let key = |whole: &Value| {
                let held = whole.pointer(&format!("/{path}")).and_then(Value::as_str);
                held.unwrap_or_default().to_owned()
            };
            found.sort_by_key(|(_, whole)| key(whole));
            if direction.eq_ignore_ascii_case("desc") {
                found.reverse();
            }
        }
        let select = query.select();
        let page = found.iter().skip(skip).take(size);
        let value: Vec<Value> =
            page.map(|(item, _)| self.shown(call, *item, &expand, select.as_deref())).collect();
        let mut body = json!({
            "@odata.context": format!("{}/v1.0/$metadata#Collection(event)", call.ask.origin),
            "value": value,
        });
        if query.get("$count") == Some("true") {
            body["@odata.count"] = json!(found.len());
        }
        if skip + size < found.len() {
            let query = next_query(&call.ask.query, skip + size);
            let is_foreign = self.quirks.has(Quirk::ForeignLinks);
            body["@odata.nextLink"] = json!(call.link(&query, is_foreign));
        }
        Ok(self.answer(call, 200, &body))
    }

    /// A single event, or the first occurrence, of a row: for tests of what is there.
    pub(super) fn living(&self, calendar: &str) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(move |row| row.calendar == calendar && !row.is_gone)
    }
}

/// The query as it was sent, with another place to go on from.
fn next_query(query: &str, skip: usize) -> String {
    let is_skip = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        name != "$skip" && name != "%24skip"
    };
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty()).filter(is_skip).collect();
    let rest = rest.join("&");
    if rest.is_empty() { format!("$skip={skip}") } else { format!("{rest}&$skip={skip}") }
}
