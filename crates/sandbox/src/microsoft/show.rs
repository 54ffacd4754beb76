//! Events as answers show them: whole, as the stubs of rounds, or as what was selected.
//!
//! A whole event has every member, null where it is empty; what was not asked for is not there.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::body;
use super::prefer::{IdKind, Prefer};
use super::quirks::{Quirk, Quirks};
use super::recurrence;
use super::state::{Json, Properties, Row, Stamps, change_key, etag};
use super::times::{Span, second, stamp};

/// An event, a series, or one of its occurrences.
#[derive(Clone, Copy)]
pub(super) struct Item<'r> {
    pub(super) row: &'r Row,
    pub(super) slot: Option<Date>,
}

/// How an answer shows events.
pub(super) struct View<'s> {
    pub(super) quirks: &'s Quirks,
    pub(super) prefer: &'s Prefer,
    /// Name and address of the mailbox's owner.
    pub(super) owner: (String, String),
}

/// Letters of a body that its preview shows.
const PREVIEW: usize = 255;

impl<'r> Item<'r> {
    pub(super) fn kind(self) -> &'static str {
        match self.slot {
            Some(slot) if self.row.exception(slot).is_some() => "exception",
            Some(_) => "occurrence",
            None if self.row.series.is_some() => "seriesMaster",
            None => "singleInstance",
        }
    }

    pub(super) fn stamps(self) -> &'r Stamps {
        let exception = self.slot.and_then(|slot| self.row.exception(slot));
        exception.map_or(&self.row.stamps, |one| &one.stamps)
    }

    pub(super) fn etag(self) -> String {
        etag(self.stamps().change)
    }

    pub(super) fn span(self) -> Span {
        self.slot.map_or_else(|| self.row.span.clone(), |slot| self.row.placed(slot))
    }

    /// A member that a client may write: the exception's own, or that of the series.
    fn member(self, name: &str) -> Option<&'r Value> {
        let exception = self.slot.and_then(|slot| self.row.exception(slot));
        let own = exception.and_then(|one| one.event.get(name));
        own.or_else(|| self.row.event.get(name))
    }

    /// The members that a client may write: those of the series, and what an exception differs in.
    pub(super) fn event(self) -> Json {
        let mut event = self.row.event.clone();
        if let Some(exception) = self.slot.and_then(|slot| self.row.exception(slot)) {
            event.extend(exception.event.clone());
        }
        event
    }

    pub(super) fn properties(self) -> Properties {
        let mut all = self.row.properties.clone();
        if let Some(exception) = self.slot.and_then(|slot| self.row.exception(slot)) {
            all.extend(exception.properties.clone());
        }
        all
    }
}

/// The name of a day of a series among what was cancelled.
pub(super) fn occurrence_name(master: &str, slot: Date) -> String {
    format!("OID.{master}.{slot}")
}

impl View<'_> {
    pub(super) fn id(&self, item: Item<'_>) -> String {
        item.row.name(item.slot).id(self.prefer.ids)
    }

    fn times(&self, span: &Span, name: &str) -> Value {
        let moment = if name == "start" { &span.start } else { &span.end };
        moment.shown(self.prefer.zone.as_deref(), span.is_all_day)
    }

    /// What rounds of changes show of an occurrence that nobody changed.
    // quirk: microsoft-1
    pub(super) fn stub(&self, item: Item<'_>) -> Value {
        let span = item.span();
        json!({
            "@odata.type": "#microsoft.graph.event", "@odata.etag": item.etag(),
            "id": self.id(item), "seriesMasterId": item.row.name(None).id(self.prefer.ids),
            "type": item.kind(), "start": self.times(&span, "start"),
            "end": self.times(&span, "end"),
        })
    }

    /// Everything, but what has to be expanded.
    pub(super) fn whole(&self, item: Item<'_>) -> Json {
        let (row, stamps) = (item.row, item.stamps());
        let span = item.span();
        let mut shown = Json::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("@odata.etag", json!(item.etag()));
        put("id", json!(self.id(item)));
        put("changeKey", json!(change_key(stamps.change)));
        put("createdDateTime", json!(stamp(stamps.created)));
        put("lastModifiedDateTime", json!(stamp(stamps.updated)));
        put("type", json!(item.kind()));
        put("start", self.times(&span, "start"));
        put("end", self.times(&span, "end"));
        put("isAllDay", json!(span.is_all_day));
        put("originalStartTimeZone", json!(self.label(row, &span.start.zone)));
        put("originalEndTimeZone", json!(self.label(row, &span.end.zone)));
        put("iCalUId", self.uid(item));
        let master = item.slot.map(|_| row.name(None).id(self.prefer.ids));
        put("seriesMasterId", json!(master));
        let recurrence = row
            .series
            .as_ref()
            .filter(|_| item.slot.is_none())
            .map(|series| recurrence::shown(&series.pattern, &self.label(row, &series.zone)));
        put("recurrence", json!(recurrence));
        for name in PLAIN {
            put(name, item.member(name).cloned().unwrap_or_default());
        }
        let (kept, text) = self.body(item);
        put("bodyPreview", json!(text.chars().take(PREVIEW).collect::<String>()));
        put("body", kept);
        put("hasAttachments", json!(false));
        put("isDraft", json!(false));
        put("onlineMeetingUrl", Value::Null);
        put(
            "webLink",
            json!(format!(
                "https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item",
                row.name(item.slot).id(IdKind::Classic)
            )),
        );
        let (name, address) = &self.owner;
        let owner = json!({"emailAddress": {"name": name, "address": address}});
        put("organizer", item.member("organizer").cloned().unwrap_or(owner));
        if let Some(transaction) = &row.transaction {
            put("transactionId", json!(transaction));
        }
        if let Some(slot) = item.slot {
            put("originalStart", json!(second(row.original(slot))));
        }
        // quirk: microsoft-69
        if self.quirks.has(Quirk::OddMembers) {
            let id = row.name(None).id(self.prefer.ids);
            put("occurrenceId", json!(item.slot.map(|slot| occurrence_name(&id, slot))));
            put("futureMember@odata.type", json!("#microsoft.graph.futureType"));
            put("futureMember", json!({"futureKind": "unknownFutureValue"}));
        }
        shown
    }

    /// The zone's name as it is shown.
    // quirk: microsoft-26
    fn label(&self, row: &Row, zone: &str) -> String {
        match &row.label {
            Some(label) => label.clone(),
            None if zone == "UTC" && self.quirks.has(Quirk::UtcByTzone) => {
                super::zones::UTC_TZONE.to_owned()
            }
            None => zone.to_owned(),
        }
    }

    // quirk: microsoft-21
    fn uid(&self, item: Item<'_>) -> Value {
        match (self.quirks.has(Quirk::LooseUids), item.slot) {
            (true, None) => Value::Null,
            (true, Some(slot)) => json!(format!("{}{}", item.row.uid, slot.strftime("%Y%m%d"))),
            (false, _) => json!(item.row.uid),
        }
    }

    fn body(&self, item: Item<'_>) -> (Value, String) {
        let html = item.member("body").and_then(|body| body["content"].as_str());
        let html = html.unwrap_or_default();
        let breaks = self.quirks.has(Quirk::EmptyBodyBreaks);
        let text = body::text_of(html, breaks);
        let preview = text.trim().to_owned();
        if self.prefer.is_text {
            return (json!({"contentType": "text", "content": text}), preview);
        }
        (json!({"contentType": "html", "content": html}), preview)
    }
}

/// Members that are shown as they are kept.
const PLAIN: &[&str] = &[
    "subject",
    "categories",
    "importance",
    "sensitivity",
    "showAs",
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "location",
    "locations",
    "attendees",
    "responseRequested",
    "allowNewTimeProposals",
    "hideAttendees",
    "isOrganizer",
    "isCancelled",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "onlineMeeting",
    "responseStatus",
];

/// A whole event, or what was selected of it.
pub(super) fn selected(whole: Json, select: Option<&[String]>) -> Value {
    let Some(select) = select else { return Value::Object(whole) };
    let always = |name: &str| name == "@odata.etag" || name == "id" || name.starts_with("@odata");
    let wanted = |name: &str| select.iter().any(|one| one.eq_ignore_ascii_case(name));
    Value::Object(whole.into_iter().filter(|(name, _)| always(name) || wanted(name)).collect())
}
