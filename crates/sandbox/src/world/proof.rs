//! What can be asked of a world afterwards, and what must never have happened.
//!
//! The assertions panic with the reason: they are for tests, of which a failure is the news.

use std::collections::BTreeSet;

use model::CalendarId;

use super::World;
use super::shapes::{Author, Deed, Mail, Op, Request};

impl World {
    /// Every request and call so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// How many requests and calls an account has sent.
    pub fn request_count(&self, account: &str) -> usize {
        self.state().requests.iter().filter(|request| request.account == account).count()
    }

    /// How many writes (create, update, delete) an account has sent.
    pub fn write_count(&self, account: &str) -> usize {
        let state = self.state();
        let written = state.requests.iter().filter(|request| {
            let write = matches!(request.op, Op::Create | Op::Update | Op::Delete);
            write && request.account == account
        });
        written.count()
    }

    /// Forgets the requests so far, so that the next question is about what comes.
    pub fn forget_requests(&self) {
        self.state().requests.clear();
    }

    /// Forgets the mails so far, of which a test knows that a user's own client caused them.
    pub fn forget_mail(&self) {
        self.state().outbox.clear();
    }

    /// Mails that would have gone out.
    pub fn outbox(&self) -> Vec<Mail> {
        self.state().outbox.clone()
    }

    /// Everything that was ever done to a calendar's resources, in order.
    pub fn deeds(&self, calendar: &CalendarId) -> Vec<Deed> {
        let state = self.state();
        state.deeds.iter().filter(|deed| deed.calendar == *calendar).cloned().collect()
    }

    /// Every version that users ever wrote in a calendar, in order.
    pub fn user_versions(&self, calendar: &CalendarId) -> Vec<Deed> {
        let mut deeds = self.deeds(calendar);
        deeds.retain(|deed| deed.author == Author::User);
        deeds
    }

    /// Nothing sent mail to anybody (SCENARIOS U8).
    pub fn assert_no_mail(&self) {
        let outbox = self.outbox();
        let about: Vec<_> = outbox.iter().map(|mail| (&mail.uid, mail.cause)).collect();
        assert!(about.is_empty(), "mail would have gone out: {about:?}");
    }

    /// No client tried to delete a whole collection.
    pub fn assert_no_collection_delete(&self) {
        let tried = self.requests().into_iter().find(|request| {
            request.method == "DELETE" && !request.host.is_empty() && !is_item(&request.path)
        });
        assert!(tried.is_none(), "DELETE of a collection: {tried:?}");
    }

    /// Credentials went to these hosts (`address:port`) only.
    pub fn assert_auth_only_to(&self, hosts: &[&str]) {
        let requests = self.requests();
        let sent: BTreeSet<&str> = requests
            .iter()
            .filter(|request| request.authorized)
            .map(|request| request.host.as_str())
            .collect();
        let strangers: Vec<_> = sent.iter().filter(|host| !hosts.contains(host)).collect();
        assert!(strangers.is_empty(), "a credential went to {strangers:?}");
    }

    /// An account sent at most `limit` requests.
    pub fn assert_requests_at_most(&self, account: &str, limit: usize) {
        let count = self.request_count(account);
        assert!(count <= limit, "{account} sent {count} requests, more than {limit}");
    }

    /// Every PUT and DELETE was conditional, and never on `*` for an update.
    pub fn assert_conditional_writes(&self) {
        for request in self.requests() {
            let update = request.headers.get("if-match").map(String::as_str);
            let create = request.headers.get("if-none-match").map(String::as_str);
            let conditional = match request.method.as_str() {
                "PUT" => create == Some("*") || update.is_some_and(|version| version != "*"),
                "DELETE" => update.is_some_and(|version| version != "*"),
                _ => true,
            };
            let (method, path) = (&request.method, &request.path);
            assert!(conditional, "unconditional {method} {path} (step {})", request.step);
        }
    }
}

fn is_item(path: &str) -> bool {
    !path.ends_with('/') && (path.ends_with(".ics") || path.contains("/events/"))
}
