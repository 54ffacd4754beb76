//! Rounds of changes: of a window, with occurrences as stubs, or of events and series alone.
//!
//! Any change of a series tells all of it again. What changes outside the window is told as
//! removed, and so is what leaves it; of a deleted occurrence nothing is told at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::failure::Failure;
use super::ids::Name;
use super::paging::{Entry, Round, Stand, Told, Track};
use super::quirks::{EventsDelta, Expiry, Quirk};
use super::route::Which;
use super::show::Item;
use super::state::{Row, Service};
use crate::faults::Fault;
use crate::rest::Reply;

/// Ids that nobody was ever told, for tombstones of them and for ghosts.
const STRANGE: u64 = 1 << 50;

impl Service {
    /// A page of a round about a window.
    pub(super) fn view_delta(&mut self, call: &Call<'_>, which: &Which) -> Result<Reply, Failure> {
        // quirk: microsoft-16
        let known = ["startdatetime", "enddatetime", "$skiptoken", "$deltatoken"];
        call.query.only(&known)?;
        let calendar = self.calendar(&call.account, which)?.id.clone();
        if let Some(reply) = self.by_token(call, &calendar)? {
            return Ok(reply);
        }
        let (from, until) = call.query.window()?;
        self.first(call, &calendar, Track::View { from, until })
    }

    /// A page of a round about events and series.
    pub(super) fn events_delta(
        &mut self,
        call: &Call<'_>,
        which: &Which,
    ) -> Result<Reply, Failure> {
        if self.quirks.events_delta == EventsDelta::Unsupported {
            let message = "Unsupported request: Change tracking is not supported against \
                           'microsoft.graph.event'.";
            return Err(Failure::new(400, "ErrorInvalidRequest", message));
        }
        call.query.only(&["startdatetime", "$select", "$skiptoken", "$deltatoken"])?;
        let calendar = self.calendar(&call.account, which)?.id.clone();
        if let Some(reply) = self.by_token(call, &calendar)? {
            return Ok(reply);
        }
        let from = call.query.get("startdatetime").map(|text| {
            super::times::bound(text).ok_or_else(|| Failure::parameter("Invalid startDateTime."))
        });
        self.first(call, &calendar, Track::Events { from: from.transpose()? })
    }

    /// The first page of a first round.
    fn first(&mut self, call: &Call<'_>, calendar: &str, track: Track) -> Result<Reply, Failure> {
        let epoch = self.calendars.get(calendar).map_or(0, |held| held.epoch);
        let stand = Stand {
            calendar: calendar.to_owned(),
            account: call.account.clone(),
            track,
            revision: 0,
            before: 0,
            epoch,
            told: Arc::new(Told::new()),
        };
        self.begin(call, &stand)
    }

    /// What a token of a call means; `None` where there is none, or an empty one.
    fn by_token(&mut self, call: &Call<'_>, calendar: &str) -> Result<Option<Reply>, Failure> {
        if let Some(token) = call.query.get("$skiptoken") {
            let Some((round, group, had_blank)) = self.rounds.page(token) else {
                return Err(Failure::query("The value of '$skiptoken' is not valid."));
            };
            self.check_stand(call, round, calendar)?;
            return self.page(call, round, group, had_blank).map(Some);
        }
        let Some(token) = call.query.get("$deltatoken").filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        let Some(stand) = self.rounds.stand(token).cloned() else {
            let message = format!("The value '{token}' of parameter '$deltaToken' is invalid.");
            return Err(Failure::new(400, "InvalidDeltaToken", message));
        };
        if stand.account != call.account || stand.calendar != calendar {
            return Err(Failure::new(400, "SyncStateInvalid", "Badly formed token."));
        }
        let epoch = self.calendars.get(calendar).map_or(0, |held| held.epoch);
        if epoch != stand.epoch || call.fault == Some(Fault::CursorExpired) {
            return Err(self.expired(call, stand.track));
        }
        match call.fault {
            Some(Fault::SilentFull) => {
                let stand = Stand { revision: 0, before: 0, told: Arc::default(), ..stand };
                self.begin(call, &stand).map(Some)
            }
            _ => self.begin(call, &stand).map(Some),
        }
    }

    fn check_stand(&self, call: &Call<'_>, round: usize, calendar: &str) -> Result<(), Failure> {
        let next = self.rounds.round(round).map(|round| &round.next);
        let epoch = self.calendars.get(calendar).map_or(0, |held| held.epoch);
        match next {
            Some(next) if next.account != call.account || next.calendar != calendar => {
                Err(Failure::new(400, "SyncStateInvalid", "Badly formed token."))
            }
            Some(next) if next.epoch != epoch => Err(self.expired(call, next.track)),
            // Without a start, the first link of a long round is refused.
            Some(Stand { track: Track::Events { from: None }, .. }) => {
                let message = "The value of parameter '$deltaToken' is invalid.";
                Err(Failure::new(400, "InvalidDeltaToken", message))
            }
            _ => Ok(()),
        }
    }

    // quirk: microsoft-13
    fn expired(&self, call: &Call<'_>, track: Track) -> Failure {
        let again = match track {
            Track::View { from, until } => {
                format!("startDateTime={from}&endDateTime={until}&$deltatoken=")
            }
            Track::Events { from } => {
                let from = from.map(|from| format!("startDateTime={from}&"));
                format!("{}$deltatoken=", from.unwrap_or_default())
            }
        };
        match self.quirks.expiry {
            Expiry::NotFound => {
                let message = "The sync state generation is not found; generation=149;\
                               [highest=157][157][155][156].";
                let failure = Failure::new(410, "SyncStateNotFound", message);
                failure.with("Location", call.link(&again, false))
            }
            Expiry::Resync => {
                let message = "Resync required. Replace any local items with the server's version.";
                Failure::new(410, "resyncRequired", message)
            }
            Expiry::Invalid => {
                Failure::new(400, "SyncStateInvalid", "The sync state is not valid.")
            }
            Expiry::DeltaToken => {
                let message = "The value of parameter '$deltaToken' is invalid.";
                Failure::new(400, "InvalidDeltaToken", message)
            }
        }
    }

    /// Begins a round: what changed since a stand, or everything. Its first page.
    fn begin(&mut self, call: &Call<'_>, stand: &Stand) -> Result<Reply, Failure> {
        let is_full = stand.revision == 0;
        let reached = self.revision;
        // quirk: microsoft-9
        let is_replay = self.quirks.has(Quirk::Replay) && !is_full;
        let since = if is_replay { stand.before } else { stand.revision };
        let mut told = (*stand.told).clone();
        let mut groups = Vec::new();
        for row in self.rows.values().filter(|row| row.calendar == stand.calendar) {
            if row.revision > since && row.lag == 0 {
                groups.extend(entries(row, stand.track, is_full, &mut told));
            }
        }
        for (calendar, name, revision) in &self.departed {
            if *calendar == stand.calendar && *revision > since && !is_full {
                groups.push(gone(*name, &mut told));
            }
        }
        // quirk: microsoft-70
        let late: Vec<u64> = self.lagging(&stand.calendar);
        self.catch_up(&late);
        if !is_full && self.quirks.has(Quirk::StrangeTombstones) {
            // quirk: microsoft-6
            groups.push(vec![Entry::Gone(Name::master(STRANGE + self.random.below(1000), 0))]);
        }
        if call.fault == Some(Fault::Ghost) {
            groups.push(vec![Entry::Ghost(STRANGE + self.random.below(1000))]);
        }
        // quirk: microsoft-8
        if self.quirks.has(Quirk::Shuffled) && !groups.is_empty() {
            let twice = groups[0].clone();
            groups.reverse();
            groups.push(twice);
        }
        let mut next = Stand { revision: reached, before: stand.revision, ..stand.clone() };
        next.told = if told == *stand.told { stand.told.clone() } else { Arc::new(told) };
        if call.fault == Some(Fault::EmptyListing) && is_full {
            groups.clear();
        }
        let round = self.rounds.keep_round(Round { next, groups });
        self.page(call, round, 0, false)
    }

    /// Rows that this round leaves out.
    fn lagging(&self, calendar: &str) -> Vec<u64> {
        let own = self.rows.values().filter(|row| row.calendar == calendar && row.lag > 0);
        own.map(|row| row.key).collect()
    }

    /// Counts a round; what was late long enough is a change of the next one.
    fn catch_up(&mut self, late: &[u64]) {
        for key in late {
            let Some(row) = self.rows.get_mut(key) else { continue };
            row.lag -= 1;
            if row.lag == 0 {
                self.revision += 1;
                row.revision = self.revision;
            }
        }
    }

    /// A page of a round, from one of its groups on.
    fn page(
        &mut self,
        call: &Call<'_>,
        number: usize,
        group: usize,
        had_blank: bool,
    ) -> Result<Reply, Failure> {
        let Some(round) = self.rounds.round(number) else { return Err(Failure::not_found()) };
        let size = call.prefer.page.unwrap_or(self.quirks.page);
        // quirk: microsoft-7
        let is_blank = group > 0 && !had_blank && self.quirks.has(Quirk::EmptyPages);
        let mut until = group;
        let mut entries: Vec<&Entry> = Vec::new();
        while !is_blank && until < round.groups.len() && entries.len() < size {
            entries.extend(&round.groups[until]);
            until += 1;
        }
        let is_last = until >= round.groups.len() && !is_blank;
        let (next, track) = (round.next.clone(), round.next.track);
        let shown = entries.into_iter().filter_map(|entry| self.entry(call, entry, track));
        let value: Vec<Value> = shown.collect();
        let mut body = json!({
            "@odata.context": format!("{}/v1.0/$metadata#Collection(event)", call.ask.origin),
            "value": value,
        });
        let is_foreign = self.quirks.has(Quirk::ForeignLinks);
        // quirk: microsoft-12
        let is_endless = self.quirks.has(Quirk::EndlessPages) && call.prefer.page.is_some();
        if is_endless {
            let token = self.rounds.keep_page(number, group, true);
            body["@odata.nextLink"] = json!(call.link(&format!("$skiptoken={token}"), is_foreign));
        } else if is_last {
            let token = self.rounds.keep_stand(next);
            body["@odata.deltaLink"] =
                json!(call.link(&format!("$deltatoken={token}"), is_foreign));
        } else {
            let token = self.rounds.keep_page(number, until, is_blank || had_blank);
            body["@odata.nextLink"] = json!(call.link(&format!("$skiptoken={token}"), is_foreign));
        }
        let mut applied = vec!["odata.track-changes".to_owned()];
        applied.extend(call.prefer.applied.iter().cloned());
        Ok(answer::json(200, &body).header("Preference-Applied", applied.join(", ")))
    }

    /// What a page shows of an entry: nothing of an occurrence that was deleted meanwhile.
    // quirk: microsoft-2
    fn entry(&self, call: &Call<'_>, entry: &Entry, track: Track) -> Option<Value> {
        let view = self.view(call);
        match entry {
            Entry::Ghost(key) => Some(ghost(&Name::master(*key, 0).id(call.prefer.ids))),
            Entry::Gone(name) => Some(tombstone(&name.id(call.prefer.ids))),
            Entry::Living { key, slot } => {
                let row = self.rows.get(key)?;
                if row.is_gone {
                    return Some(tombstone(&row.name(*slot).id(call.prefer.ids)));
                }
                if slot.is_some_and(|slot| !row.has(slot)) {
                    return None;
                }
                let item = Item { row, slot: *slot };
                let stub = view.stub(item);
                match track {
                    Track::Events { .. } => Some(bare(&stub)),
                    Track::View { .. } if item.kind() == "occurrence" => Some(stub),
                    Track::View { .. } => {
                        let mut whole = view.whole(item);
                        whole.insert("@odata.type".to_owned(), json!("#microsoft.graph.event"));
                        Some(Value::Object(whole))
                    }
                }
            }
        }
    }
}

/// An event that nothing else knows.
fn ghost(id: &str) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.event", "@odata.etag": "W/\"AAAA\"", "id": id,
        "type": "singleInstance", "subject": "Ghost", "isAllDay": false,
        "start": {"dateTime": "2026-02-02T08:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-02-02T09:00:00.0000000", "timeZone": "UTC"},
    })
}

/// What `events/delta` shows of an event.
fn bare(stub: &Value) -> Value {
    let known = ["@odata.type", "@odata.etag", "id", "type", "start", "end"];
    let members = known.iter().map(|name| ((*name).to_owned(), stub[*name].clone()));
    Value::Object(members.collect())
}

/// What a round tells of a row that changed.
// quirk: microsoft-3, microsoft-5
fn entries(row: &Row, track: Track, is_full: bool, told: &mut Told) -> Option<Vec<Entry>> {
    let name = row.name(None);
    let slots = if row.is_gone { None } else { inside(row, track) };
    let Some(slots) = slots else {
        return (!is_full).then(|| gone(name, told));
    };
    told.insert(row.key, slots.iter().copied().collect());
    let mut group = vec![Entry::Living { key: row.key, slot: None }];
    group.extend(slots.into_iter().map(|slot| Entry::Living { key: row.key, slot: Some(slot) }));
    Some(group)
}

/// The tombstones of a row: its own, and those of the occurrences that were told.
fn gone(name: Name, told: &mut Told) -> Vec<Entry> {
    let slots: BTreeSet<Date> = match name.slot {
        Some(_) => BTreeSet::new(),
        None => told.remove(&name.key).unwrap_or_default(),
    };
    let mut group = vec![Entry::Gone(name)];
    group.extend(slots.into_iter().map(|slot| Entry::Gone(Name { slot: Some(slot), ..name })));
    group
}

/// The occurrences of a row that a track is about; `None` when it is not about the row.
fn inside(row: &Row, track: Track) -> Option<Vec<Date>> {
    match track {
        Track::View { from, until } if row.series.is_some() => {
            let slots = row.within(from, until);
            (!slots.is_empty()).then_some(slots)
        }
        Track::View { from, until } => row.span.overlaps(from, until).then(Vec::new),
        Track::Events { from: None } => Some(Vec::new()),
        Track::Events { from: Some(from) } if row.series.is_some() => {
            let far = from.saturating_add(jiff::SignedDuration::from_hours(24 * 365 * 20));
            let is_there = !row.within(from, far.unwrap_or(Timestamp::MAX)).is_empty();
            is_there.then(Vec::new)
        }
        Track::Events { from: Some(from) } => {
            row.span.overlaps(from, Timestamp::MAX).then(Vec::new)
        }
    }
}

// quirk: microsoft-6
fn tombstone(id: &str) -> Value {
    let mut shown = json!({"id": id, "@removed": {"reason": "deleted"}});
    // Some say what they were, most do not.
    if id.ends_with('A') {
        shown["@odata.type"] = json!("#microsoft.graph.event");
    }
    shown
}
