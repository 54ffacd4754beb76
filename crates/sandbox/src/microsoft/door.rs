//! The door: who asks, may they, what goes wrong, and which part of the service answers.
//!
//! A request that the reference does not describe, or that nobody sane would send, is answered
//! with an error and noted as a violation.

use serde_json::{Value, json};

use super::Microsoft;
use super::answer;
use super::batch;
use super::call::Call;
use super::catalogue;
use super::failure::{Failure, request_id};
use super::grants::Worth;
use super::ids::Name;
use super::prefer::Prefer;
use super::query::Query;
use super::quirks::{Quirk, RetryAfter};
use super::route::Place;
use super::schema;
use super::state::{Json, Service};
use crate::faults::Fault;
use crate::rest::{Ask, Fate, Kept, Reply};
use crate::world::Denied;
use crate::{Author, Deed, Mail, Op};

/// How long to wait where nothing else is said, in seconds.
const WAIT: u64 = 3;

/// A request on its way through the door.
struct Visit<'v> {
    ask: &'v Ask,
    place: Place,
    account: String,
    fault: Option<Fault>,
    step: u64,
}

impl Microsoft {
    /// Answers a request, whatever goes wrong with it; of a mailbox four at a time.
    // quirk: microsoft-47
    pub(super) async fn handle(&self, ask: &Ask) -> Reply {
        let place = Place::of(&ask.path);
        let account = self.whose(ask, &place);
        let flight = Flight::begin(self, &account, &place, weight(ask, &place));
        if !flight.is_crowded {
            // Whoever else asks meanwhile finds this request in flight.
            tokio::task::yield_now().await;
        }
        self.play(ask, place, account, flight.is_crowded)
    }

    fn whose(&self, ask: &Ask, place: &Place) -> String {
        let service = self.service();
        let now = self.world.now();
        match (place, ask.bearer().map(|token| service.grants.worth(token, now))) {
            (Place::Token(_), _) => service.refresher(ask),
            (_, Some(Worth::Scopes(account, _))) => account.to_owned(),
            (_, Some(Worth::Nothing) | None) => String::new(),
        }
    }

    fn play(&self, ask: &Ask, place: Place, account: String, is_crowded: bool) -> Reply {
        let mut service = self.service();
        let service = &mut *service;
        let op = batch_op(ask, &place).unwrap_or_else(|| place.op(&ask.method));
        let (fault, step) = ask.begin(&self.world, &account, op);
        self.enter(service, ask, &place, &account, step);
        let at = service.log.len() - 1;
        let visit = Visit { ask, place, account, fault, step };
        let mut reply = match self.spoiled(service, &visit, is_crowded) {
            Some(reply) => reply,
            None => self.inside(service, &visit),
        };
        reply.headers.push(("request-id", request_id(step)));
        match fault {
            // quirk: microsoft-22
            Some(Fault::LostReply) => reply.fate = Fate::Lost,
            Some(Fault::Truncated) => {
                reply.body.truncate(reply.body.len() / 2);
                reply.fate = Fate::Cut;
            }
            Some(Fault::Html) => reply = answer::html(200),
            _ => {}
        }
        let status = if reply.fate == Fate::Lost { 0 } else { reply.status };
        service.log[at].status = status;
        self.tell(service, status);
        reply
    }

    fn enter(&self, service: &mut Service, ask: &Ask, place: &Place, account: &str, step: u64) {
        let what = if place.is_api() { Kept::Everything } else { Kept::Line };
        let at = self.world.now();
        service.log.push(ask.exchange(at, step, account, place.call(), what));
    }

    /// Tells the world what was done, and how the request was answered.
    fn tell(&self, service: &mut Service, status: u16) {
        let mut state = self.world.state();
        if let Some(request) = state.requests.last_mut() {
            request.status = status;
        }
        drop(state);
        self.tell_deeds(service);
    }

    /// Tells the world what was done, and which mails would have gone out.
    pub(super) fn tell_deeds(&self, service: &mut Service) {
        let mut state = self.world.state();
        let state = &mut *state;
        for done in service.deeds.drain(..) {
            state.deeds.push(Deed {
                at: done.at,
                number: state.deeds.len() as u64 + 1,
                calendar: done.calendar,
                id: done.id,
                uid: done.uid,
                author: done.author,
                raw: done.raw,
            });
        }
        let at = state.now;
        for (calendar, uid, cause) in service.mails.drain(..) {
            state.outbox.push(Mail { at, calendar, uid, cause });
        }
    }

    fn inside(&self, service: &mut Service, visit: &Visit<'_>) -> Reply {
        let now = self.world.now();
        let (ask, account) = (visit.ask, &visit.account);
        match &visit.place {
            Place::Token(tenant) => {
                let state = self.world.state();
                let is_cut_off = state.accounts.get(account).is_some_and(|held| held.revoked);
                drop(state);
                return service.token(ask, tenant, now, is_cut_off);
            }
            Place::DeviceCode(tenant) => return service.device_code(ask, tenant, now),
            Place::Authorize(tenant) => return service.authorize(ask, tenant, now),
            _ => {}
        }
        let admitted = self.admitted(service, ask, account);
        let refused = |failure: Failure, service: &Service| {
            let is_nested = service.quirks.has(Quirk::NestedErrors);
            failure.reply(now, visit.step, is_nested)
        };
        if let Err(failure) = admitted {
            return refused(failure, service);
        }
        if visit.place == Place::Batch {
            return self.batch(service, visit).unwrap_or_else(|failure| refused(failure, service));
        }
        self.single(service, visit).unwrap_or_else(|failure| refused(failure, service))
    }

    /// One request of the API, alone or in a batch.
    fn single(&self, service: &mut Service, visit: &Visit<'_>) -> Result<Reply, Failure> {
        let (ask, now) = (visit.ask, self.world.now());
        let Some(token) = ask.bearer() else { return Err(Failure::anonymous()) };
        if let Worth::Scopes(_, scopes) = service.grants.worth(token, now) {
            let needed = visit.place.scopes(&ask.method);
            let has = |one: &&str| scopes.iter().any(|scope| scope == one);
            if !needed.is_empty() && !needed.iter().any(has) {
                return Err(Failure::scopes());
            }
        }
        let understood = understood(visit);
        let (query, prefer, body) = understood.inspect_err(|failure| {
            let what = format!("{} {}?{}: {failure:?}", ask.method, ask.path, ask.query);
            service.violations.push(what);
        })?;
        service.fidget(now);
        let (place, account) = (&visit.place, visit.account.clone());
        let fault = visit.fault;
        let call = Call { ask, place, query, prefer, body, account, now, fault };
        service.dispatch(&call)
    }

    /// Whether the bearer may ask now.
    fn admitted(&self, service: &mut Service, ask: &Ask, account: &str) -> Result<(), Failure> {
        let Some(token) = ask.bearer() else {
            service.violations.push(format!("{} {}: no token", ask.method, ask.path));
            return Err(Failure::anonymous());
        };
        let Worth::Scopes(..) = service.grants.worth(token, self.world.now()) else {
            return Err(Failure::token());
        };
        let admitted = self.world.state().admit(account);
        match admitted {
            Ok(()) => Ok(()),
            Err(Denied::Unauthorized) => Err(Failure::token()),
            Err(Denied::Throttled(after)) => {
                Err(self.waiting(service, Failure::throttled(), after))
            }
        }
    }

    /// A refusal that says how long to wait.
    // quirk: microsoft-46
    fn waiting(
        &self,
        service: &Service,
        failure: Failure,
        after: Option<std::time::Duration>,
    ) -> Failure {
        let seconds = after.map_or(WAIT, |after| after.as_secs());
        match service.quirks.retry_after {
            RetryAfter::Absent => failure,
            RetryAfter::Seconds => failure.with("Retry-After", seconds.to_string()),
            RetryAfter::Fraction => {
                let text = format!("{:.3}", (seconds as f64 - 0.128).max(0.0));
                failure.with("Retry-After", text)
            }
            RetryAfter::Date => {
                let wait = jiff::SignedDuration::from_secs(seconds as i64);
                let until = self.world.now().saturating_add(wait).unwrap_or(jiff::Timestamp::MAX);
                failure.with("Retry-After", until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            }
        }
    }

    fn batch(&self, service: &mut Service, visit: &Visit<'_>) -> Result<Reply, Failure> {
        let parts = batch::parts(visit.ask).inspect_err(|failure| {
            service.violations.push(format!("a batch that is none: {failure:?}"));
        })?;
        let mut failed: Vec<String> = Vec::new();
        let mut responses = Vec::new();
        for part in parts {
            let place = Place::of(&part.ask.path);
            self.enter(service, &part.ask, &place, &visit.account, visit.step);
            let at = service.log.len() - 1;
            let is_stuck = part.after.iter().any(|id| failed.contains(id));
            let inner = Visit { ask: &part.ask, place, account: visit.account.clone(), ..*visit };
            let answered = match (&inner.place, visit.fault) {
                _ if is_stuck => Err(Failure::dependency()),
                // Every second one is refused.
                (_, Some(Fault::RateLimited { retry_after })) if responses.len() % 2 == 0 => {
                    Err(self.waiting(service, Failure::crowded(), retry_after))
                }
                (Place::Batch, _) => Err(Failure::nowhere()),
                (place, _) if !place.is_api() => Err(Failure::nowhere()),
                _ => self.single(service, &inner),
            };
            let is_nested = service.quirks.has(Quirk::NestedErrors);
            let reply = answered
                .unwrap_or_else(|failure| failure.reply(self.world.now(), visit.step, is_nested));
            if reply.status >= 400 {
                failed.push(part.id.clone());
            }
            service.log[at].status = reply.status;
            responses.push(batch::response(&part.id, &reply));
        }
        if visit.fault == Some(Fault::Omitted) {
            responses.pop();
        }
        let responses = service.shuffled(responses);
        Ok(answer::json(200, &json!({"responses": responses})))
    }

    /// What is said instead of an answer.
    fn spoiled(&self, service: &Service, visit: &Visit<'_>, is_crowded: bool) -> Option<Reply> {
        let now = self.world.now();
        let said = |failure: Failure| Some(failure.reply(now, visit.step, false));
        if is_crowded {
            let is_busy = service.quirks.has(Quirk::BusyAs503);
            let failure = if is_busy { Failure::transient(503) } else { Failure::crowded() };
            return said(self.waiting(service, failure, None));
        }
        let is_batch = visit.place == Place::Batch;
        match visit.fault? {
            // Waits are for each of its items.
            Fault::RateLimited { .. } if is_batch => None,
            Fault::FailBefore => Some(Reply::lost()),
            Fault::RateLimited { retry_after: None } => said(Failure::throttled()),
            Fault::RateLimited { retry_after } => {
                said(self.waiting(service, Failure::throttled(), retry_after))
            }
            // quirk: microsoft-49
            Fault::OutOfOrder { retry_after } => {
                let mut reply = match visit.step % 3 {
                    0 => answer::html(503),
                    1 => Reply::empty(503),
                    _ => Failure::unknown(503).reply(now, visit.step, false),
                };
                if let Some(after) = retry_after {
                    reply.headers.push(("Retry-After", after.as_secs().to_string()));
                }
                Some(reply)
            }
            Fault::WriteFails => said(Failure::transient(500)),
            Fault::Locked => said(Failure::unknown(504)),
            // quirk: microsoft-63
            Fault::RefusedOnce => said(Failure::token()),
            Fault::Misdirected => Some(answer::html(502)),
            Fault::Rejected => said(Failure::property()),
            Fault::LostReply
            | Fault::CursorExpired
            | Fault::SilentFull
            | Fault::Race
            | Fault::Lag(_)
            | Fault::Ghost
            | Fault::Truncated
            | Fault::EmptyListing
            | Fault::Html
            | Fault::Omitted
            | Fault::RewrittenAfter => None,
        }
    }
}

/// How many requests one is: of a batch those run at once that wait for no other, up to four.
fn weight(ask: &Ask, place: &Place) -> u32 {
    let parts = if *place == Place::Batch { batch::parts(ask).ok() } else { None };
    let alone = parts.map(|parts| parts.iter().filter(|part| part.after.is_empty()).count());
    alone.map_or(1, |count| count.clamp(1, 4) as u32)
}

/// The kind of call that a batch is: that of its first write, if it has one.
fn batch_op(ask: &Ask, place: &Place) -> Option<Op> {
    if *place != Place::Batch {
        return None;
    }
    let parts = batch::parts(ask).ok()?;
    let ops = parts.iter().map(|part| Place::of(&part.ask.path).op(&part.ask.method));
    ops.into_iter().find(|op| matches!(op, Op::Create | Op::Update | Op::Delete))
}

/// What a request says, if it is one that Graph understands.
fn understood(visit: &Visit<'_>) -> Result<(Query, Prefer, Json), Failure> {
    let (ask, place) = (visit.ask, &visit.place);
    place.check_method(&ask.method)?;
    let query = Query::read(&ask.query)?;
    let prefer = Prefer::read(ask.header("prefer"))?;
    if !matches!(ask.method.as_str(), "POST" | "PATCH") {
        if !ask.body.is_empty() {
            return Err(Failure::unreadable());
        }
        return Ok((query, prefer, Json::new()));
    }
    let is_json = ask.header("content-type").is_some_and(|kind| kind.contains("application/json"));
    if !is_json {
        let message = "The Content-Type header is missing or is not application/json.";
        return Err(Failure::new(415, "UnsupportedMediaType", message));
    }
    let body: Value = serde_json::from_slice(&ask.body).map_err(|_| Failure::unreadable())?;
    schema::check("event", &body)?;
    if !query.is_empty() {
        query.only(&["$select"])?;
    }
    match body {
        Value::Object(body) => Ok((query, prefer, body)),
        _ => Err(Failure::unreadable()),
    }
}

impl Service {
    fn dispatch(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        if call.fault == Some(Fault::Race) {
            self.race(call);
        }
        let reply = match (call.place, call.ask.method.as_str()) {
            (Place::Me, _) => self.me(call),
            (Place::MailboxSettings, _) => Ok(catalogue::mailbox_settings()),
            (Place::Zones { iana }, _) => Ok(catalogue::supported_zones(*iana)),
            (Place::Categories, _) => Ok(catalogue::categories()),
            (Place::Groups, _) => Ok(catalogue::groups()),
            (Place::Calendars | Place::GroupCalendars, _) => self.calendars(call),
            (Place::Calendar(which), _) => self.one_calendar(call, which),
            (Place::Events(which), "POST") => self.create(call, which),
            (Place::Events(which), _) => self.list(call, which),
            (Place::View(which), _) => self.window(call, which),
            (Place::ViewDelta(which), _) => self.view_delta(call, which),
            (Place::EventsDelta(which), _) => self.events_delta(call, which),
            (Place::Event(which, id), "PATCH") => self.change(call, which, id),
            (Place::Event(which, id), "DELETE") => self.delete(call, which, id),
            (Place::Event(which, id), _) => self.get(call, which, id),
            (Place::Instances(which, id), _) => self.instances(call, which, id),
            (
                Place::Batch
                | Place::Authorize(_)
                | Place::Token(_)
                | Place::DeviceCode(_)
                | Place::Nowhere,
                _,
            ) => Err(Failure::nowhere()),
        };
        if let Err(Failure { code: "ErrorInvalidUrlQuery" | "BadRequest", .. }) = &reply {
            let what = format!("the query {} of {} is refused", call.ask.query, call.ask.path);
            self.violations.push(what);
        }
        let reply = reply?;
        // quirk: microsoft-11
        if call.fault == Some(Fault::RewrittenAfter) {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let id = body["id"].as_str().and_then(Name::read);
            if let Some((name, _)) = id
                && self.churn(name.key, call.now)
            {
                self.note(name.key, Author::Service, call.now);
            }
        }
        Ok(reply)
    }

    /// Somebody else's edit, right before a client's write: more behind the title.
    fn race(&mut self, call: &Call<'_>) {
        let Place::Event(_, id) = call.place else { return };
        let Some((name, _)) = Name::read(id) else { return };
        let row = self.rows.get(&name.key).filter(|row| !row.is_gone).cloned();
        let Some(mut row) = row else { return };
        let title = format!("{} edited meanwhile {}", row.text("subject"), row.revision);
        row.event.insert("subject".to_owned(), json!(title));
        self.store(row, call.now);
        self.note(name.key, Author::User, call.now);
    }
}

/// A request that is being answered.
struct Flight<'f> {
    microsoft: &'f Microsoft,
    account: Option<String>,
    /// How many of the mailbox's requests it is.
    weight: u32,
    is_crowded: bool,
}

impl<'f> Flight<'f> {
    fn begin(microsoft: &'f Microsoft, account: &str, place: &Place, weight: u32) -> Self {
        if account.is_empty() || !place.is_api() {
            return Self { microsoft, account: None, weight, is_crowded: false };
        }
        let mut service = microsoft.service();
        let most = service.quirks.at_once;
        let count = service.in_flight.entry(account.to_owned()).or_default();
        let is_crowded = *count >= most;
        *count += weight;
        drop(service);
        Self { microsoft, account: Some(account.to_owned()), weight, is_crowded }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let Some(account) = &self.account else { return };
        if let Some(count) = self.microsoft.service().in_flight.get_mut(account) {
            *count = count.saturating_sub(self.weight);
        }
    }
}
