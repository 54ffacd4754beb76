//! One write of several requests: how its rows are made, changed and deleted.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{CalendarId, CreateKey};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::fields::{Body, Frame, Refused, Unread};
use crate::requests::create::{self, Made};
use crate::requests::delete;
use crate::requests::get;
use crate::requests::update::{self, Changed};
use crate::row::Row;
use crate::server::Server;

pub(super) struct Job<'s> {
    pub(super) server: &'s Server,
    pub(super) calendar: &'s CalendarId,
    pub(super) frame: Frame,
    /// The creation that it is, or carries on.
    pub(super) key: Option<&'s CreateKey>,
    /// Whether a row of it is written.
    has_written: AtomicBool,
}

impl<'s> Job<'s> {
    pub(super) fn new(server: &'s Server, calendar: &'s CalendarId) -> Self {
        let has_written = AtomicBool::new(false);
        Self { server, calendar, frame: server.frame(), key: None, has_written }
    }

    pub(super) fn creating(
        server: &'s Server,
        calendar: &'s CalendarId,
        key: &'s CreateKey,
    ) -> Self {
        Self { key: Some(key), ..Self::new(server, calendar) }
    }

    /// What the end of a write says of the whole: once a row is written, nobody may believe that
    /// nothing was.
    pub(super) fn told<T>(&self, end: Result<T>) -> Result<T> {
        let is_partly = self.has_written.load(Ordering::Relaxed);
        end.map_err(|error| match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Malformed => error,
            _ if !is_partly => error,
            _ => {
                let sentence = format!("a part of the event is written: {}", error.sentence());
                Error::new(ErrorKind::Unavailable, sentence).because(error)
            }
        })
    }

    fn wrote<T>(&self, end: Result<T>) -> Result<T> {
        self.has_written.fetch_or(end.is_ok(), Ordering::Relaxed);
        end
    }

    /// Creates a row; `None` when its transaction was carried out before.
    // quirk: microsoft-22
    pub(super) async fn create(&self, body: &Body, transaction: &str) -> Result<Option<Row>> {
        let mut body = body.clone();
        body.insert("transactionId".to_owned(), Value::from(transaction));
        let whole = Value::Object(body.clone());
        let ask = create::prepare(self.server.graph(), self.calendar.as_str(), &whole);
        let answer = self.server.ask_of(self.calendar, ask).await?;
        Ok(match self.wrote(create::parse(&answer))? {
            Made::Row(row) => Some(with_marks(*row, None, &body)),
            Made::Before => None,
        })
    }

    /// Changes a master or an event that takes place once.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when people would get mail of it.
    pub(super) async fn patch(&self, row: &Row, body: &Body) -> Result<Row> {
        check_private(row, body)?;
        match self.send(row, body).await? {
            Changed::Row(answer) => Ok(with_marks(*answer, Some(row), body)),
            Changed::Crossing => Err(Error::new(
                ErrorKind::Rejected,
                "its occurrences would cross one another, which Exchange does not allow",
            )),
        }
    }

    /// Changes an occurrence. Others of its series may have been changed just now, and nobody
    /// documents whether that changes its etag: a refusal is looked into once.
    // quirk: microsoft-50
    pub(super) async fn patch_occurrence(&self, row: &Row, body: &Body) -> Result<Changed> {
        check_private(row, body)?;
        match self.send(row, body).await {
            Err(error) if error.kind() == ErrorKind::Stale => {
                let row = self.unchanged(row, error).await?;
                self.send(&row, body).await
            }
            other => other,
        }
    }

    async fn send(&self, row: &Row, body: &Body) -> Result<Changed> {
        let whole = Value::Object(body.clone());
        let etag = row.etag().ok_or_else(stale)?;
        let ask = update::prepare(self.server.graph(), row.id(), &whole, &etag)?;
        self.wrote(update::parse(&self.server.ask_of(self.calendar, ask).await?))
    }

    pub(super) async fn delete(&self, row: &Row) -> Result<()> {
        let etag = row.etag().ok_or_else(stale)?;
        let ask = delete::prepare(self.server.graph(), row.id(), &etag)?;
        self.wrote(delete::parse(&self.server.ask_of(self.calendar, ask).await?))
    }

    /// Deletes an occurrence, as [`Job::patch_occurrence`] changes one.
    // quirk: microsoft-50
    pub(super) async fn delete_occurrence(&self, row: &Row) -> Result<()> {
        match self.delete(row).await {
            Err(error) if error.kind() == ErrorKind::Stale => {
                let row = self.unchanged(row, error).await?;
                self.delete(&row).await
            }
            other => other,
        }
    }

    /// An occurrence with its etag of now, if it still says the same.
    async fn unchanged(&self, row: &Row, error: Error) -> Result<Row> {
        let graph = self.server.graph();
        let ask = get::prepare_occurrence(graph, self.calendar.as_str(), row.id());
        let now = get::parse_occurrence(&self.server.ask_of(self.calendar, ask).await?)?;
        now.filter(|now| now.says_the_same(row)).ok_or(error)
    }
}

fn stale() -> Error {
    Error::new(ErrorKind::Stale, "Microsoft stated no version to write on")
}

/// Refuses what people would get mail of: everything but what is its owner's alone.
// quirk: microsoft-53, microsoft-54
fn check_private(row: &Row, body: &Body) -> Result<()> {
    if !row.has_attendees() {
        return Ok(());
    }
    let private = |name: &String| {
        matches!(
            name.as_str(),
            "isReminderOn"
                | "reminderMinutesBeforeStart"
                | "categories"
                | "showAs"
                | "sensitivity"
                | "importance"
                | "singleValueExtendedProperties"
        )
    };
    if body.keys().all(private) {
        return Ok(());
    }
    let sentence = if row.is_organizer() {
        "people are invited to it, who would get mail of the change"
    } else {
        "it is somebody else's meeting, whose next update would take the change back"
    };
    Err(Error::new(ErrorKind::Rejected, sentence))
}

/// An answer shows no properties: those that the row had and those that were written just now.
// quirk: microsoft-23
pub(super) fn with_marks(row: Row, held: Option<&Row>, body: &Body) -> Row {
    const NAME: &str = "singleValueExtendedProperties";
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let written = list(body.get(NAME));
    let mut marks = list(held.and_then(|row| row.get(NAME)));
    marks.retain(|held| written.iter().all(|new| new["id"] != held["id"]));
    marks.extend(written);
    let mut value = row.value().clone();
    if let Value::Object(members) = &mut value {
        members.insert(NAME.to_owned(), Value::Array(marks));
        // quirk: microsoft-43
        let name = "cancelledOccurrences";
        if let Some(known) = held.and_then(|row| row.get(name)) {
            members.insert(name.to_owned(), known.clone());
        }
    }
    Row::new(value).unwrap_or(row)
}

pub(super) fn refused(refused: Refused) -> Error {
    Error::new(ErrorKind::Rejected, refused.0)
}

pub(super) fn unread(unread: Unread) -> Error {
    Error::new(ErrorKind::Rejected, unread.0)
}
