//! REPORT: what changed, what is in these, what matches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Server;
use super::exchange::{Answer, Ask, Member};
use super::find::Wanted;
use super::paths::Place;
use super::profile::{Layout, Multiget, Quirk, TokenRefusal, Tokens};
use super::xml::{CALDAV, DAV, Node};
use crate::faults::Fault;
use crate::text::Component;
use crate::world::{Calendar, Entry, State};

/// The calendar that a report is about: account and segment.
type Here<'a> = (&'a str, &'a str);

impl Server {
    pub(super) fn report(
        &self,
        state: &mut State,
        ask: &Ask,
        here: Here<'_>,
        root: &Node,
        fault: Option<Fault>,
    ) -> Answer {
        let id = format!("{}/{}", here.0, here.1);
        if state.calendar(&id).is_err() {
            return Answer::empty(404);
        }
        match (root.space.as_str(), root.name.as_str()) {
            (DAV, "sync-collection") if self.profile.tokens != Tokens::None => {
                self.sync(state, here, root, fault)
            }
            (CALDAV, "calendar-multiget") => self.multiget(state, here, root, fault),
            (CALDAV, "calendar-query") if ask.depth() == "1" => {
                self.query(state, here, root, fault)
            }
            // quirk: icloud-44 (free-busy among them)
            _ => Answer::empty(400),
        }
    }

    fn sync(&self, state: &mut State, here: Here<'_>, root: &Node, fault: Option<Fault>) -> Answer {
        let id = format!("{}/{}", here.0, here.1);
        let habits = state.habits(&id);
        let asked = root.child(DAV, "sync-token").map_or("", |node| node.text.trim());
        let Ok(held) = state.calendar_mut(&id) else { return Answer::empty(404) };
        let since = match (asked, fault) {
            ("", _) => Since::Beginning,
            (_, Some(Fault::CursorExpired)) => Since::Unknown,
            (_, Some(Fault::SilentFull)) => Since::Beginning,
            (token, _) => self.since(token, held),
        };
        let since = match (since, self.profile.tokens) {
            (Since::Place(seq), _) => Some(seq),
            // quirk: icloud-30
            (Since::Beginning, _) | (_, Tokens::Sync(TokenRefusal::SilentFull)) => None,
            // quirk: icloud-28
            (Since::Unknown, Tokens::Sync(TokenRefusal::Stated(status))) => {
                return self.refusal(status, Some(Node::new(DAV, "valid-sync-token")));
            }
            // quirk: icloud-29
            (Since::Unknown, Tokens::Sync(TokenRefusal::Bare(status))) => {
                return Answer::empty(status);
            }
            (Since::Unknown, Tokens::None) => return Answer::empty(400),
        };
        let mut upto = held.seq;
        let hidden = held.begin_listing();
        let mut entries = held.changed_since(since.unwrap_or(0), &habits);
        entries.retain(|entry| {
            entry.seq <= upto && !hidden.contains(&entry.id) && (since.is_some() || !entry.gone)
        });
        if fault == Some(Fault::EmptyListing) {
            entries.clear();
        }
        let limit = match self.limit(root) {
            Ok(limit) => limit,
            Err(answer) => return answer,
        };
        let cut = limit.is_some_and(|limit| entries.len() > limit);
        if let Some(limit) = limit {
            entries.truncate(limit);
        }
        // quirk: icloud-34 (with the newest token although something is left)
        let silent = self.profile.has(Quirk::SilentLimit);
        if cut && !silent {
            upto = entries.last().map_or(upto, |entry| entry.seq);
        }
        let Ok(held) = state.calendar(&id) else { return Answer::empty(404) };
        // quirk: icloud-32
        let token = (!self.profile.has(Quirk::OmittedToken))
            .then(|| Node::new(DAV, "sync-token").text(self.token(held, upto)));
        let mut members = self.members(state, here, held, &entries, &Wanted::of(Some(root)));
        if cut && !silent {
            // quirk: icloud-33
            let href = self.collection_path(state, here.0, here.1);
            members.push(Member::with_status(href, 507));
        }
        if fault == Some(Fault::Ghost) {
            let href = self.item_path(state, here, &format!("ghost-{upto}.ics"));
            members.push(Member::with(href, vec![self.version_property("ghost")]));
        }
        self.multistatus(members, token)
    }

    /// How many members an answer may have.
    fn limit(&self, root: &Node) -> Result<Option<usize>, Answer> {
        let asked = root.child(DAV, "limit").and_then(|limit| limit.child(DAV, "nresults"));
        let asked: Option<usize> = asked.and_then(|node| node.text.trim().parse().ok());
        // quirk: icloud-35
        if asked.is_some() && self.profile.has(Quirk::RefusedLimit) {
            let reason = Node::new(DAV, "number-of-matches-within-limits");
            return Err(self.refusal(507, Some(reason)));
        }
        // quirk: icloud-23
        let asked = asked.filter(|_| !self.profile.has(Quirk::IgnoredLimit));
        Ok(match (asked, self.profile.truncate) {
            (Some(asked), Some(own)) => Some(asked.min(own)),
            (asked, own) => asked.or(own),
        })
    }

    fn members(
        &self,
        state: &State,
        here: Here<'_>,
        held: &Calendar,
        entries: &[Entry],
        wanted: &Wanted,
    ) -> Vec<Member> {
        let mut members = Vec::new();
        // quirk: icloud-24
        if self.profile.has(Quirk::SelfMember) {
            let href = self.collection_path(state, here.0, here.1);
            members.push(Member::with(href, vec![self.version_property("collection")]));
        }
        for entry in entries {
            let href = || self.item_path(state, here, &entry.id);
            let stored = held.resources.get(&entry.id);
            let version = stored.map(|stored| stored.version.as_str());
            // quirk: icloud-36
            let ghost = held.ghosts.contains(&entry.id).then_some("ghost");
            let Some(version) = version.or(ghost) else {
                members.push(Member::with_status(href(), 404));
                continue;
            };
            let mut has = vec![self.version_property(version)];
            // iCloud never hands data out here, whatever is asked.
            if self.profile.layout == Layout::Plain
                && let Some(stored) = stored
            {
                has.push(data(&stored.raw));
            }
            // quirk: icloud-27
            if self.profile.has(Quirk::TwiceListed) {
                members.push(wanted.member(href(), has.clone()));
            }
            members.push(wanted.member(href(), has));
        }
        members
    }

    fn multiget(
        &self,
        state: &mut State,
        here: Here<'_>,
        root: &Node,
        fault: Option<Fault>,
    ) -> Answer {
        let wanted = Wanted::of(Some(root));
        let asked: Vec<String> = root
            .children
            .iter()
            .filter(|node| node.is(DAV, "href"))
            .map(|node| node.text.trim().to_owned())
            .collect();
        // quirk: icloud-39
        if self.profile.multiget == Multiget::Broken {
            return self.multistatus(Vec::new(), None);
        }
        // quirk: caldav-15
        if asked.iter().any(|address| self.is_withheld(state, address)) {
            return Answer::empty(500);
        }
        // quirk: icloud-40
        let parts = root
            .child(DAV, "prop")
            .and_then(|prop| prop.child(CALDAV, "calendar-data"))
            .is_some_and(|data| !data.children.is_empty());
        let hollow = parts && self.profile.has(Quirk::NoParts);
        let mut members = Vec::new();
        for (at, address) in asked.iter().enumerate() {
            // quirk: icloud-38
            let patchy = self.profile.has(Quirk::PatchyMultiget) && asked.len() > 1 && at % 3 == 2;
            if patchy || (fault == Some(Fault::Omitted) && at % 2 == 0) {
                continue;
            }
            match self.read(state, here, address, hollow) {
                Some(has) => members.push(wanted.member(address.clone(), has)),
                None => match self.profile.multiget {
                    Multiget::Stated => members.push(Member::with_status(address.clone(), 404)),
                    Multiget::Silent | Multiget::Broken => {}
                    Multiget::WholeFails => return Answer::empty(404),
                },
            }
        }
        if self.profile.has(Quirk::PatchyMultiget) {
            members.reverse();
        }
        self.multistatus(members, None)
    }

    fn is_withheld(&self, state: &State, address: &str) -> bool {
        let place = self.path_of(address).map(|path| self.place(state, path));
        let Some(Place::Item(account, segment, name)) = place else { return false };
        let held = state.calendar(&format!("{account}/{segment}"));
        held.is_ok_and(|held| held.withheld.contains(&name))
    }

    /// Version and text of the item at an address in this calendar.
    fn read(
        &self,
        state: &mut State,
        here: Here<'_>,
        address: &str,
        hollow: bool,
    ) -> Option<Vec<Node>> {
        let place = self.place(state, self.path_of(address)?);
        let Place::Item(account, segment, name) = place else { return None };
        if (account.as_str(), segment.as_str()) != here {
            return None;
        }
        let held = state.calendar_mut(&format!("{account}/{segment}")).ok()?;
        let stored = held.resources.get_mut(&name)?;
        // quirk: icloud-37
        if stored.unready > 0 {
            stored.unready -= 1;
            return None;
        }
        let empty = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let text = if hollow { data(empty) } else { data(&stored.raw) };
        Some(vec![self.version_property(&stored.version), text])
    }

    fn query(
        &self,
        state: &mut State,
        here: Here<'_>,
        root: &Node,
        fault: Option<Fault>,
    ) -> Answer {
        let filter = root.child(CALDAV, "filter").and_then(|f| f.child(CALDAV, "comp-filter"));
        let event = filter.and_then(|calendar| calendar.child(CALDAV, "comp-filter"));
        // quirk: icloud-42
        let Some(event) = event else {
            let refused = self.profile.has(Quirk::ComponentFilterNeeded);
            return if refused { Answer::empty(400) } else { self.everything(state, here, root) };
        };
        let filters = |name: &str| event.children.iter().any(|node| node.is(CALDAV, name));
        // quirk: icloud-41
        if filters("prop-filter") && self.profile.has(Quirk::UidFilterRefused) {
            return Answer::empty(412);
        }
        if event.named("name") != Some("VEVENT") || fault == Some(Fault::EmptyListing) {
            return self.multistatus(Vec::new(), None);
        }
        let touching = self.profile.has(Quirk::TouchingDays);
        let matches = |raw: &[u8]| matches_filter(raw, event, touching);
        self.matching(state, here, root, matches)
    }

    fn everything(&self, state: &mut State, here: Here<'_>, root: &Node) -> Answer {
        self.matching(state, here, root, |_| true)
    }

    fn matching(
        &self,
        state: &mut State,
        here: Here<'_>,
        root: &Node,
        matches: impl Fn(&[u8]) -> bool,
    ) -> Answer {
        let wanted = Wanted::of(Some(root));
        let id = format!("{}/{}", here.0, here.1);
        let Ok(held) = state.calendar_mut(&id) else { return Answer::empty(404) };
        let hidden = held.begin_listing();
        let Ok(held) = state.calendar(&id) else { return Answer::empty(404) };
        let shown = held
            .resources
            .iter()
            .filter(|(name, stored)| !hidden.contains(*name) && matches(&stored.raw));
        let members = shown.map(|(name, stored)| {
            let has = vec![self.version_property(&stored.version), data(&stored.raw)];
            wanted.member(self.item_path(state, here, name), has)
        });
        self.multistatus(members.collect(), None)
    }

    /// The token of a place in a calendar's log.
    pub(super) fn token(&self, held: &Calendar, seq: u64) -> String {
        // quirk: icloud-31 (it moves only with every fourth change)
        let stuck = self.profile.has(Quirk::StuckToken);
        let seq = if stuck { seq - seq % 4 } else { seq };
        self.opaque(&format!("sync:{}:{}:{seq}", held.born, held.epoch))
    }

    /// A text that clients can't take apart: iCloud's are no URLs, against RFC 6578.
    pub(super) fn opaque(&self, text: &str) -> String {
        let coded = STANDARD.encode(text.bytes().rev().collect::<Vec<u8>>());
        match self.profile.layout {
            Layout::Apple => format!("HwoQEgwAAFak{coded}"),
            Layout::Plain => format!("http://calendars.example/ns/{coded}"),
        }
    }

    fn since(&self, token: &str, held: &Calendar) -> Since {
        let read = || {
            let coded = match self.profile.layout {
                Layout::Apple => token.strip_prefix("HwoQEgwAAFak")?,
                Layout::Plain => token.strip_prefix("http://calendars.example/ns/")?,
            };
            let mut bytes = STANDARD.decode(coded).ok()?;
            bytes.reverse();
            let text = String::from_utf8(bytes).ok()?;
            let mut parts = text.strip_prefix("sync:")?.split(':');
            let mut number = || parts.next()?.parse::<u64>().ok();
            let (born, epoch, seq) = (number()?, number()?, number()?);
            let known = born == held.born && epoch == held.epoch && seq <= held.seq;
            (known && seq >= held.floor).then_some(seq)
        };
        read().map_or(Since::Unknown, Since::Place)
    }
}

/// Where a sync begins.
enum Since {
    Beginning,
    Place(u64),
    Unknown,
}

fn data(raw: &[u8]) -> Node {
    Node::new(CALDAV, "calendar-data").text(String::from_utf8_lossy(raw))
}

/// A coarse filter, as a server's index: wall clocks are compared as if there were no zones, and
/// what repeats matches from its start on.
fn matches_filter(raw: &[u8], filter: &Node, touching: bool) -> bool {
    let Some(root) = Component::parse(raw) else { return true };
    root.components().filter(|inner| inner.name == "VEVENT").any(|event| {
        filter.children.iter().all(|node| match node.name.as_str() {
            "time-range" => in_range(event, node, touching),
            "prop-filter" => has_text(event, node),
            _ => true,
        })
    })
}

fn in_range(event: &Component, range: &Node, touching: bool) -> bool {
    let clock = |name: &str| {
        let value = event.line(name)?.value.trim_end_matches('Z').to_owned();
        Some(if value.len() == 8 { format!("{value}T000000") } else { value })
    };
    let bound = |name: &str| range.named(name).map(|value| value.trim_end_matches('Z').to_owned());
    let Some(start) = clock("DTSTART") else { return true };
    let end = clock("DTEND").unwrap_or_else(|| start.clone());
    let repeats = event.line("RRULE").is_some() || event.line("RDATE").is_some();
    let before_end = bound("end").is_none_or(|bound| start < bound);
    // quirk: icloud-43
    let after_start = bound("start").is_none_or(|bound| {
        repeats || end > bound || (touching && end == bound) || (start == end && start >= bound)
    });
    before_end && after_start
}

fn has_text(event: &Component, filter: &Node) -> bool {
    let wanted = filter.child(CALDAV, "text-match").map(|node| node.text.as_str());
    let line = filter.named("name").and_then(|name| event.line(&name.to_ascii_uppercase()));
    line.is_some_and(|line| wanted.is_none_or(|text| line.value.contains(text)))
}
