//! The door: who asks, may they, what goes wrong, and which part of the service answers.
//!
//! A request that the discovery document does not describe, or that nobody sane would send, is
//! answered with an error and noted as a violation.

use serde_json::{Value, json};

use super::Google;
use super::answer;
use super::call::Call;
use super::catalogue::{colors, settings};
use super::discovery::{Parameters, Route};
use super::failure::Failure;
use super::grants::Worth;
use super::quirks::Quirk;
use super::state::{Json, Service, Updated};
use crate::faults::Fault;
use crate::rest::{Ask, Fate, Kept, Reply};
use crate::world::Denied;
use crate::{Author, Deed, Mail, Op};

/// What a request is about.
enum Place {
    Api(Option<Route>),
    Token,
    Revoke,
    Consent,
    Nowhere,
}

impl Place {
    fn of(ask: &Ask) -> Self {
        match ask.path.as_str() {
            "/token" => Place::Token,
            "/revoke" => Place::Revoke,
            "/auth" => Place::Consent,
            path if path.starts_with("/calendar/v3/") => Place::Api(Route::find(&ask.method, path)),
            _ => Place::Nowhere,
        }
    }

    const fn call(&self) -> &'static str {
        match self {
            Place::Api(Some(route)) => route.method,
            Place::Api(None) | Place::Token | Place::Revoke | Place::Consent | Place::Nowhere => "",
        }
    }

    fn op(&self) -> Op {
        match self.call() {
            "calendar.calendarList.list" => Op::Calendars,
            "calendar.events.list" => Op::Changes,
            "calendar.events.get" | "calendar.events.instances" => Op::Fetch,
            "calendar.events.insert" | "calendar.events.import" => Op::Create,
            "calendar.events.patch" | "calendar.events.update" | "calendar.events.move" => {
                Op::Update
            }
            "calendar.events.delete" => Op::Delete,
            _ => Op::Identity,
        }
    }
}

impl Google {
    /// Answers a request, whatever goes wrong with it.
    pub(super) fn handle(&self, ask: &Ask) -> Reply {
        let mut service = self.service();
        let service = &mut *service;
        let now = self.world.now();
        let place = Place::of(ask);
        let account = match (&place, ask.bearer().map(|token| service.grants.worth(token, now))) {
            (Place::Token, _) => service.refresher(ask),
            (_, Some(Worth::Scopes(account, _))) => account.to_owned(),
            (_, Some(Worth::Nothing) | None) => String::new(),
        };
        let (fault, step) = ask.begin(&self.world, &account, place.op());
        self.enter(service, ask, &place, &account, step);
        // Nobody's credential is refused for a moment where credentials are made.
        let is_grant = matches!(place, Place::Token | Place::Revoke | Place::Consent);
        let fault = fault.filter(|fault| !(is_grant && *fault == Fault::RefusedOnce));
        let mut reply = match spoiled(fault, step) {
            Some(reply) => reply,
            None => self.inside(service, ask, place, &account, (fault, step)),
        };
        match fault {
            // quirk: google-21
            Some(Fault::LostReply) => reply.fate = Fate::Lost,
            // quirk: google-52
            Some(Fault::Truncated) => {
                reply.body.truncate(reply.body.len() / 2);
                reply.fate = Fate::Cut;
            }
            Some(Fault::Html) => reply = answer::html(200),
            _ => {}
        }
        self.tell(service, if reply.fate == Fate::Lost { 0 } else { reply.status });
        reply
    }

    fn enter(&self, service: &mut Service, ask: &Ask, place: &Place, account: &str, step: u64) {
        let what = if matches!(place, Place::Api(_)) { Kept::Everything } else { Kept::Line };
        let at = self.world.now();
        service.log.push(ask.exchange(at, step, account, place.call(), what));
    }

    /// Tells the logs how a request was answered, and the world what was done.
    fn tell(&self, service: &mut Service, status: u16) {
        if let Some(last) = service.log.last_mut() {
            last.status = status;
        }
        if let Some(last) = self.world.state().requests.last_mut() {
            last.status = status;
        }
        self.tell_deeds(service);
    }

    /// Tells the world what was done.
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

    fn inside(
        &self,
        service: &mut Service,
        ask: &Ask,
        place: Place,
        account: &str,
        (fault, step): (Option<Fault>, u64),
    ) -> Reply {
        let now = self.world.now();
        let is_cut_off = self.world.state().accounts.get(account).is_some_and(|held| held.revoked);
        let route = match place {
            Place::Token => return service.token(ask, now, is_cut_off),
            Place::Revoke => return service.revoke(ask),
            Place::Consent if ask.method == "GET" => return service.consent(ask, now),
            Place::Api(Some(route)) => route,
            // quirk: google-57
            Place::Api(None) | Place::Consent | Place::Nowhere => {
                let what = format!("{} {}: there is no such method", ask.method, ask.path);
                service.violations.push(what);
                return Failure::not_found().into();
            }
        };
        if let Err(failure) = self.admitted(service, ask, &route, account, step) {
            return failure.into();
        }
        let (parameters, body) = match understood(service, ask, &route) {
            Ok(understood) => understood,
            Err(failure) => return failure.into(),
        };
        let calendar = service.calendar_id(account, route.calendar());
        service.fidget(&calendar, now);
        let account = account.to_owned();
        let (route, parameters) = (&route, &parameters);
        let call = Call { ask, route, parameters, body, account, calendar, now, fault };
        service.dispatch(&call).unwrap_or_else(Reply::from)
    }

    /// Whether the bearer may call the method now.
    fn admitted(
        &self,
        service: &mut Service,
        ask: &Ask,
        route: &Route,
        account: &str,
        step: u64,
    ) -> Result<(), Failure> {
        let Some(token) = ask.bearer() else {
            service.violations.push(format!("{} {}: no token", ask.method, ask.path));
            return Err(Failure::anonymous());
        };
        let Worth::Scopes(_, scopes) = service.grants.worth(token, self.world.now()) else {
            // quirk: google-53
            return Err(Failure::credentials(step));
        };
        match self.world.state().admit(account) {
            Ok(()) => {}
            Err(Denied::Unauthorized) => return Err(Failure::credentials(step)),
            // quirk: google-49
            Err(Denied::Throttled(_)) => return Err(Failure::throttled(step)),
        }
        if service.is_disabled {
            return Err(Failure::service_disabled());
        }
        // quirk: google-55
        if route.is_allowed(scopes) { Ok(()) } else { Err(Failure::scopes(route.method)) }
    }
}

/// What is said instead of an answer.
// quirk: google-51
fn spoiled(fault: Option<Fault>, step: u64) -> Option<Reply> {
    let wait = |reply: Reply, after: Option<std::time::Duration>| match after {
        Some(after) => reply.header("Retry-After", after.as_secs().to_string()),
        None => reply,
    };
    match fault? {
        Fault::FailBefore => Some(Reply::lost()),
        Fault::RateLimited { retry_after } => {
            Some(wait(Failure::throttled(step).into(), retry_after))
        }
        Fault::OutOfOrder { retry_after } => {
            let reply = match step % 3 {
                0 => answer::html(503),
                1 => Reply::empty(503),
                _ => Failure::backend(503).into(),
            };
            Some(wait(reply, retry_after))
        }
        Fault::WriteFails => Some(Failure::backend(500).into()),
        Fault::Locked => Some(Failure::backend(503).into()),
        Fault::RefusedOnce => Some(Failure::credentials(step).into()),
        Fault::Misdirected => Some(answer::html(502)),
        Fault::Rejected => Some(Failure::invalid("Invalid value.").into()),
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

/// The parameters and the body of a request, if it is one that Google understands.
fn understood(
    service: &mut Service,
    ask: &Ask,
    route: &Route,
) -> Result<(Parameters, Json), Failure> {
    let mut wrong = |what: String| {
        service.violations.push(format!("{} {}: {what}", ask.method, ask.path));
    };
    let parameters = route.parameters(&ask.query).inspect_err(|failure| {
        wrong(format!("the query {} is refused ({})", ask.query, failure.reason));
    })?;
    if parameters.get("fields").is_some() {
        wrong("a selection of fields is not played".to_owned());
        return Err(Failure::parameter("Invalid field selection".to_owned()));
    }
    if !route.has_body() {
        if !ask.body.is_empty() {
            wrong("a body where none belongs".to_owned());
            return Err(Failure::bad_request());
        }
        return Ok((parameters, Json::new()));
    }
    let body: Value = serde_json::from_slice(&ask.body).map_err(|_| {
        wrong("the body is no JSON".to_owned());
        Failure::syntax()
    })?;
    let is_json =
        ask.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json {
        wrong("the body does not say that it is JSON".to_owned());
        return Err(Failure::bad_request());
    }
    if let Err(sentence) = route.check_body(&body) {
        wrong(sentence.clone());
        return Err(Failure::invalid(format!("Invalid JSON payload received. {sentence}")));
    }
    match body {
        Value::Object(body) => Ok((parameters, body)),
        _ => Err(Failure::syntax()),
    }
}

impl Service {
    fn dispatch(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        if call.fault == Some(Fault::Race) {
            self.race(call);
        }
        let reply = match call.route.method {
            "calendar.calendarList.list" => self.calendar_list(call),
            "calendar.calendarList.get" => self.calendar_entry(call),
            "calendar.calendars.get" => self.calendar_itself(call),
            "calendar.colors.get" => Ok(colors()),
            "calendar.settings.list" => Ok(settings()),
            // quirk: google-9, google-51
            "calendar.events.list" => match self.list(call) {
                Err(failure)
                    if failure.reason == "fullSyncRequired"
                        && self.quirks.has(Quirk::BareExpiry) =>
                {
                    Ok(answer::html(failure.status))
                }
                listed => listed,
            },
            "calendar.events.get" => self.get(call),
            "calendar.events.instances" => self.instances(call),
            "calendar.events.insert" => self.insert(call),
            "calendar.events.import" => self.import(call),
            "calendar.events.patch" => self.patch(call),
            "calendar.events.update" => self.update(call),
            "calendar.events.delete" => self.delete(call),
            "calendar.events.move" => self.relocate(call),
            _ => Err(Failure::not_found()),
        }?;
        // quirk: google-45
        if call.fault == Some(Fault::RewrittenAfter) {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let id = body["id"].as_str().unwrap_or_default();
            if self.churn(&call.calendar, id, call.now) {
                self.note(&call.calendar, id, Author::Service, call.now);
            }
        }
        Ok(reply)
    }

    /// Somebody else's edit, right before a client's write: another title.
    fn race(&mut self, call: &Call<'_>) {
        let held = self.calendars.get(&call.calendar);
        let id = call.route.event();
        let row = held.and_then(|held| {
            let of_series = || held.rows.get(super::recurrence::split_id(id)?.0);
            held.rows.get(id).or_else(of_series)
        });
        let Some(row) = row.filter(|row| !row.is_cancelled()) else { return };
        let (id, mut event) = (row.id.clone(), row.event.clone());
        let title = event.get("summary").and_then(Value::as_str).unwrap_or_default();
        let title = format!("{title} edited meanwhile {}", row.revision);
        event.insert("summary".to_owned(), json!(title));
        self.store(&call.calendar, &id, event, call.now, Updated::Moved);
        self.note(&call.calendar, &id, Author::User, call.now);
    }
}
