//! GET, PUT, DELETE of items. The order of decisions for a PUT is that of reference notes on
//! iCloud: place, right, type, content, condition, UID, then the effect.

use super::Server;
use super::content;
use super::exchange::{Answer, Ask};
use super::paths::Place;
use super::profile::{PutVersion, Quirk, VersionStyle};
use super::xml::{CALDAV, DAV, Node};
use crate::faults::Fault;
use crate::world::{Author, Condition, Kind, Refusal, State};

impl Server {
    pub(super) fn get(&self, state: &State, place: &Place) -> Answer {
        let Place::Item(account, segment, name) = place else { return Answer::empty(405) };
        let held = state.calendar(&format!("{account}/{segment}")).ok();
        let Some(stored) = held.and_then(|held| held.resources.get(name)) else {
            return Answer::empty(404);
        };
        // quirk: caldav-15
        if held.is_some_and(|held| held.withheld.contains(name)) {
            return Answer::empty(500);
        }
        let mut answer = Answer::empty(200);
        answer.body.clone_from(&stored.raw);
        answer
            .header("Content-Type", "text/calendar; charset=utf-8")
            .header("ETag", self.etag(&stored.version))
    }

    pub(super) fn put(
        &self,
        state: &mut State,
        ask: &Ask,
        place: &Place,
        fault: Option<Fault>,
    ) -> Answer {
        let Place::Item(account, segment, name) = place else { return Answer::empty(405) };
        let id = format!("{account}/{segment}");
        let Ok(held) = state.calendar(&id) else { return Answer::empty(404) };
        let there = held.resources.contains_key(name);
        if held.rights == model::Rights::Read {
            return self.forbidden();
        }
        let kind = ask.header("content-type").unwrap_or("");
        if !kind.to_ascii_lowercase().starts_with("text/calendar") {
            return Answer::empty(415);
        }
        if let Err((status, condition)) = content::check(&ask.body, &self.profile) {
            return self.precondition(status, condition);
        }
        match fault {
            Some(Fault::WriteFails) => return Answer::empty(500),
            Some(Fault::Locked) => return Answer::empty(423),
            Some(Fault::Rejected) => return Answer::empty(403),
            Some(Fault::Race) => state.race(&id, name),
            _ => {}
        }
        let condition = self.condition(ask);
        // quirk: icloud-52
        if there && condition == Condition::Nothing && self.profile.has(Quirk::ConditionNeeded) {
            return Answer::empty(412);
        }
        let put = match state.put(&id, name, &ask.body, &condition, Author::Client) {
            Ok(put) => put,
            Err(refusal) => return self.refused(refusal),
        };
        if let (Some(Fault::Lag(listings)), Ok(held)) = (fault, state.calendar_mut(&id))
            && let Some(stored) = held.resources.get_mut(name)
        {
            // quirk: icloud-59
            stored.unlisted = listings;
        }
        if fault == Some(Fault::RewrittenAfter) {
            // quirk: icloud-54
            state.churn(&id, name);
        }
        let answer = Answer::empty(if put.created { 201 } else { 204 });
        // quirk: icloud-53
        let stated = match self.profile.put_version {
            PutVersion::Always => true,
            PutVersion::Verbatim => put.verbatim,
            PutVersion::Never => false,
        };
        if !stated {
            return answer;
        }
        let weak = self.profile.version_style == VersionStyle::WeakOnPut;
        let version = self.etag(&put.version);
        answer.header("ETag", if weak { format!("W/{version}") } else { version })
    }

    pub(super) fn delete(
        &self,
        state: &mut State,
        ask: &Ask,
        place: &Place,
        fault: Option<Fault>,
    ) -> Answer {
        let (account, segment, name) = match place {
            Place::Item(account, segment, name) => (account, segment, name),
            // quirk: icloud-64 (it is done, and the world remembers who asked)
            Place::Collection(account, segment) => {
                let held = state.calendar_mut(&format!("{account}/{segment}"));
                return match held {
                    Ok(held) => {
                        held.gone = true;
                        Answer::empty(204)
                    }
                    Err(_) => Answer::empty(404),
                };
            }
            _ => return Answer::empty(403),
        };
        // quirk: icloud-63
        if ask.header("depth").is_some() && self.profile.has(Quirk::NoDeleteDepth) {
            return Answer::empty(400);
        }
        let id = format!("{account}/{segment}");
        match fault {
            Some(Fault::WriteFails) => return Answer::empty(500),
            Some(Fault::Locked) => return Answer::empty(423),
            Some(Fault::Race) => state.race(&id, name),
            _ => {}
        }
        let condition = self.condition(ask);
        match state.remove(&id, name, &condition, Author::Client) {
            Ok(()) => Answer::empty(204),
            // quirk: icloud-62
            Err(Refusal::NotFound | Refusal::NoCalendar) => Answer::empty(404),
            Err(refusal) => self.refused(refusal),
        }
    }

    /// MKCALENDAR (RFC 4791 section 5.3.1).
    pub(super) fn make(&self, state: &mut State, place: &Place, root: Option<&Node>) -> Answer {
        let Place::Collection(account, segment) = place else { return Answer::empty(403) };
        if state.calendar(&format!("{account}/{segment}")).is_ok() {
            return Answer::empty(405);
        }
        let wanted =
            root.and_then(|root| root.child(DAV, "set")).and_then(|set| set.child(DAV, "prop"));
        let name = wanted.and_then(|prop| prop.child(DAV, "displayname"));
        let name = name.map_or(segment.as_str(), |node| node.text.trim());
        let parts = wanted.and_then(|prop| prop.child(CALDAV, "supported-calendar-component-set"));
        let events = parts.is_none_or(|parts| {
            parts.children.iter().any(|part| part.named("name") == Some("VEVENT"))
        });
        let kind = if events { Kind::Events } else { Kind::Tasks };
        state.found(account, segment, name, kind);
        Answer::empty(201)
    }

    /// What the request makes its write depend on.
    fn condition(&self, ask: &Ask) -> Condition {
        if ask.header("if-none-match").is_some_and(|value| value.trim() == "*") {
            return Condition::Absent;
        }
        let Some(value) = ask.header("if-match").map(str::trim) else { return Condition::Nothing };
        if value == "*" {
            // quirk: icloud-51
            let inverted = self.profile.has(Quirk::InvertedStar);
            return if inverted { Condition::Absent } else { Condition::Present };
        }
        // A weak tag never matches (RFC 9110 section 13.1.1).
        let strong = match self.profile.version_style {
            VersionStyle::Quoted | VersionStyle::WeakOnPut => {
                value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
            }
            VersionStyle::Unquoted => Some(value.trim_matches('"')),
            VersionStyle::Sogo => value
                .strip_prefix("\"gcs")
                .and_then(|rest| rest.strip_suffix('"'))
                .map(|rest| rest.trim_start_matches('0')),
        };
        Condition::Version(strong.unwrap_or("never").to_owned())
    }

    fn refused(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::NoCalendar => Answer::empty(404),
            Refusal::Differs | Refusal::Exists | Refusal::NotFound => Answer::empty(412),
            // quirk: icloud-49
            Refusal::UidTaken(..) => {
                let (status, condition) = self.profile.uid_taken;
                self.precondition(status, condition)
            }
            // quirk: icloud-50
            Refusal::Tombstone => Answer::empty(412),
            Refusal::ReadOnly => self.forbidden(),
            Refusal::Content(_) => self.precondition(403, Some("valid-calendar-data")),
        }
    }

    fn forbidden(&self) -> Answer {
        self.refusal(403, Some(Node::new(DAV, "need-privileges")))
    }

    fn precondition(&self, status: u16, name: Option<&str>) -> Answer {
        self.refusal(status, name.map(|name| Node::new(CALDAV, name)))
    }
}
