//! PROPFIND: who is it, where are the calendars, what are they, what is in them.

use super::Server;
use super::exchange::{Answer, Ask, Member};
use super::paths::Place;
use super::profile::{Layout, Quirk, Tokens, VersionStyle};
use super::xml::{APPLE, CALDAV, DAV, Node, SERVER};
use crate::Scheduling;
use crate::faults::Fault;
use crate::world::{Calendar, Kind, State};

/// The properties that a request names; `None` for `allprop`.
pub(super) struct Wanted(Option<Vec<(String, String)>>);

impl Wanted {
    /// From a `propfind` or a report, which holds a `prop`.
    pub(super) fn of(root: Option<&Node>) -> Self {
        let named = root.and_then(|root| root.child(DAV, "prop"));
        Self(named.map(|prop| {
            prop.children.iter().map(|node| (node.space.clone(), node.name.clone())).collect()
        }))
    }

    /// Sorts what a thing has into what was asked for and what it lacks.
    pub(super) fn member(&self, href: String, has: Vec<Node>) -> Member {
        let Some(names) = &self.0 else {
            // quirk: icloud-44 (allprop leaves the type out)
            let found = has.into_iter().filter(|node| node.name != "resourcetype").collect();
            return Member::with(href, found);
        };
        let mut member = Member::with(href, Vec::new());
        for (space, name) in names {
            match has.iter().find(|node| node.is(space, name)) {
                Some(node) => member.found.push(node.clone()),
                None => member.missing.push(Node::new(space, name)),
            }
        }
        member
    }
}

impl Server {
    pub(super) fn propfind(
        &self,
        state: &mut State,
        ask: &Ask,
        place: &Place,
        root: Option<&Node>,
        (account, fault): (&str, Option<Fault>),
    ) -> Answer {
        let wanted = Wanted::of(root);
        let deep = ask.depth() != "0";
        if ask.depth() == "infinity" {
            return self.refusal(403, Some(Node::new(DAV, "propfind-finite-depth")));
        }
        let members = match place {
            Place::Root | Place::WellKnown => {
                vec![wanted.member(ask.path.clone(), vec![self.principal_property(state, account)])]
            }
            // quirk: icloud-44
            Place::Principal(_) if deep && self.profile.layout == Layout::Apple => {
                return Answer::edge();
            }
            Place::Principal(_) => {
                let href = self.principal_path(state, account);
                vec![wanted.member(href, self.principal(state, account))]
            }
            Place::Home(_) => self.home(state, (account, deep), &wanted, fault),
            Place::Collection(_, segment) => {
                match self.listing(state, (account, segment), deep, &wanted, fault) {
                    Some(members) => members,
                    None => return Answer::empty(404),
                }
            }
            Place::Item(_, segment, name) => {
                let id = format!("{account}/{segment}");
                let calendar = state.calendar(&id).ok();
                let Some(stored) = calendar.and_then(|held| held.resources.get(name)) else {
                    return Answer::empty(404);
                };
                let href = self.item_path(state, (account, segment), name);
                vec![wanted.member(href, self.item(&stored.version))]
            }
            Place::Nowhere => return Answer::empty(404),
        };
        self.multistatus(members, None)
    }

    /// A multistatus, with what stands behind its responses.
    pub(super) fn multistatus(&self, members: Vec<Member>, tail: Option<Node>) -> Answer {
        let members = members.into_iter().map(|member| member.node(&self.profile));
        self.xml(207, &Node::new(DAV, "multistatus").all(members).all(tail))
    }

    fn principal_property(&self, state: &State, account: &str) -> Node {
        let href = Node::new(DAV, "href").text(self.principal_path(state, account));
        Node::new(DAV, "current-user-principal").with(href)
    }

    fn principal(&self, state: &State, account: &str) -> Vec<Node> {
        let path = self.home_path(state, account);
        // quirk: icloud-9
        let home = if self.profile.has(Quirk::AbsoluteHome) {
            format!("{}{path}", self.partition_origin())
        } else {
            path
        };
        let user = state.accounts.get(account).map_or("", |account| &account.user);
        let href = |text: String| Node::new(DAV, "href").text(text);
        // quirk: caldav-14
        let has_address = self.scheduling(state, account) != Scheduling::Addressless;
        let address = href(format!("mailto:{user}")).attribute("preferred", "1");
        let addresses = has_address.then_some(address);
        vec![
            self.principal_property(state, account),
            Node::new(CALDAV, "calendar-home-set").with(href(home)),
            Node::new(CALDAV, "calendar-user-address-set").all(addresses),
            Node::new(DAV, "displayname").text(account),
            Node::new(DAV, "resourcetype").with(Node::new(DAV, "principal")),
        ]
    }

    /// The home and, for a deep question, what is in it.
    // quirk: icloud-18
    fn home(
        &self,
        state: &State,
        (account, deep): (&str, bool),
        wanted: &Wanted,
        fault: Option<Fault>,
    ) -> Vec<Member> {
        let path = self.home_path(state, account);
        let own = state.calendars.values().filter(|held| held.account == account && !held.gone);
        let changes: u64 = own.clone().map(|held| held.seq + held.born).sum();
        let itself = vec![
            Node::new(DAV, "displayname").text(account),
            Node::new(DAV, "resourcetype").with(Node::new(DAV, "collection")),
            components(&["VEVENT", "VTODO", "VFREEBUSY"]),
            Node::new(SERVER, "getctag").text(self.opaque(&format!("home:{changes}"))),
            self.principal_property(state, account),
        ];
        let mut members = vec![wanted.member(path.clone(), itself)];
        // quirk: icloud-69
        if !deep || fault == Some(Fault::EmptyListing) {
            return members;
        }
        for held in own {
            let href = self.collection_path(state, account, &held.segment);
            members.push(wanted.member(href, self.collection(state, held)));
        }
        if self.profile.layout == Layout::Apple {
            for (name, space, kind) in [
                ("inbox", CALDAV, "schedule-inbox"),
                ("outbox", CALDAV, "schedule-outbox"),
                ("notification", SERVER, "notification"),
            ] {
                members.push(wanted.member(format!("{path}{name}/"), vec![typed(space, kind)]));
            }
        }
        // quirk: icloud-22
        if self.profile.has(Quirk::TasksList) {
            let tasks = vec![
                Node::new(DAV, "displayname").text("Reminders ⚠️"),
                typed(CALDAV, "calendar"),
                components(&["VTODO"]),
            ];
            members.push(wanted.member(format!("{path}tasks/"), tasks));
        }
        members
    }

    /// What a calendar has.
    fn collection(&self, state: &State, held: &Calendar) -> Vec<Node> {
        let mut kind = Node::new(DAV, "resourcetype").with(Node::new(DAV, "collection"));
        // quirk: icloud-19
        if held.kind != Kind::Subscribed || self.profile.has(Quirk::SubscriptionAsCalendar) {
            kind = kind.with(Node::new(CALDAV, "calendar"));
        }
        if held.kind == Kind::Subscribed {
            kind = kind.with(Node::new(SERVER, "subscribed"));
        }
        let parts = if held.kind == Kind::Tasks { ["VTODO"] } else { ["VEVENT"] };
        let owner = Node::new(DAV, "href").text(self.principal_path(state, &held.account));
        let mut has = vec![
            Node::new(DAV, "displayname").text(&held.name),
            kind,
            components(&parts),
            privileges(held),
            reports(self.profile.tokens),
            Node::new(DAV, "owner").with(owner),
            Node::new(SERVER, "getctag").text(self.tag(held)),
            self.principal_property(state, &held.account),
        ];
        if self.profile.layout == Layout::Apple {
            let color = Node::new(APPLE, "calendar-color").text("#1BADF8FF");
            has.push(color.attribute("symbolic-color", "custom"));
            has.push(Node::new(APPLE, "calendar-order").text(held.born.to_string()));
        }
        if self.profile.tokens != Tokens::None {
            has.push(Node::new(DAV, "sync-token").text(self.token(held, held.seq)));
        }
        has
    }

    /// A calendar and, for a deep question, its members.
    fn listing(
        &self,
        state: &mut State,
        (account, segment): (&str, &str),
        deep: bool,
        wanted: &Wanted,
        fault: Option<Fault>,
    ) -> Option<Vec<Member>> {
        let id = format!("{account}/{segment}");
        let href = self.collection_path(state, account, segment);
        let hidden =
            if deep { state.calendar_mut(&id).ok()?.begin_listing() } else { Default::default() };
        let held = state.calendar(&id).ok()?;
        let mut members = vec![wanted.member(href, self.collection(state, held))];
        if !deep || fault == Some(Fault::EmptyListing) {
            return Some(members);
        }
        for (name, stored) in held.resources.iter().filter(|(name, _)| !hidden.contains(*name)) {
            let href = self.item_path(state, (account, segment), name);
            members.push(wanted.member(href, self.item(&stored.version)));
        }
        // quirk: icloud-36
        let struck = (fault == Some(Fault::Ghost)).then(|| format!("ghost-{}.ics", held.seq));
        for name in held.ghosts.iter().chain(&struck) {
            let href = self.item_path(state, (account, segment), name);
            members.push(wanted.member(href, self.item("ghost")));
        }
        Some(members)
    }

    /// What an item has, without its text.
    fn item(&self, version: &str) -> Vec<Node> {
        vec![
            self.version_property(version),
            Node::new(DAV, "getcontenttype").text("text/calendar; charset=utf-8"),
            Node::new(DAV, "resourcetype"),
        ]
    }

    pub(super) fn version_property(&self, version: &str) -> Node {
        Node::new(DAV, "getetag").text(self.etag(version))
    }

    /// An ETag as everything but a PUT states it.
    pub(super) fn etag(&self, version: &str) -> String {
        // quirk: icloud-58
        match self.profile.version_style {
            VersionStyle::Quoted | VersionStyle::WeakOnPut => format!("\"{version}\""),
            VersionStyle::Unquoted => version.to_owned(),
            VersionStyle::Sogo => format!("\"gcs{version:0>8}\""),
        }
    }

    /// A collection's tag.
    fn tag(&self, held: &Calendar) -> String {
        // quirk: icloud-60
        let behind = u64::from(self.profile.has(Quirk::LaggingTag));
        let place = format!("tag:{}:{}", held.born, held.seq.saturating_sub(behind));
        self.opaque(&place)
    }
}

fn typed(space: &str, kind: &str) -> Node {
    let collection = Node::new(DAV, "collection");
    Node::new(DAV, "resourcetype").with(collection).with(Node::new(space, kind))
}

fn components(names: &[&str]) -> Node {
    let one = |name: &&str| Node::new(CALDAV, "comp").attribute("name", name);
    Node::new(CALDAV, "supported-calendar-component-set").all(names.iter().map(one))
}

// quirk: icloud-20, icloud-21
fn privileges(held: &Calendar) -> Node {
    let names: &[&str] = match held.rights {
        model::Rights::Read => &["read", "read-free-busy", "read-current-user-privilege-set"],
        model::Rights::Write => &[
            "read",
            "read-free-busy",
            "read-current-user-privilege-set",
            "write",
            "write-properties",
            "write-content",
            "bind",
            "unbind",
        ],
    };
    let one = |name: &&str| Node::new(DAV, "privilege").with(Node::new(DAV, name));
    Node::new(DAV, "current-user-privilege-set").all(names.iter().map(one))
}

fn reports(tokens: Tokens) -> Node {
    let mut known = vec![(CALDAV, "calendar-query"), (CALDAV, "calendar-multiget")];
    if tokens != Tokens::None {
        known.push((DAV, "sync-collection"));
    }
    let one = |(space, name): (&str, &str)| {
        let report = Node::new(DAV, "report").with(Node::new(space, name));
        Node::new(DAV, "supported-report").with(report)
    };
    Node::new(DAV, "supported-report-set").all(known.into_iter().map(one))
}
