//! Meetings on a server that really writes to people: alice has invited bob, both on Cyrus, and
//! each keeps a copy of the calendar elsewhere. Whatever is done to the copies, the other's inbox
//! stays as it is.
//!
//! docs/decisions/0009-meetings.md says what is synced of a meeting and what is not.

use std::time::Duration;

use calpair_tests::http::Collection;
use calpair_tests::rig::{self, Rig};
use calpair_tests::servers::{self, Account, Server};
use calpair_tests::{caldav_account, text, wait};
use model::{Side, Sides};
use tokio::runtime::Runtime;

/// As the server names its users (calendar-user-address-set).
const MEETING: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\n\
    UID:meeting-1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T090000Z\r\n\
    DTEND:20260302T100000Z\r\nSUMMARY:Budget\r\nORGANIZER;CN=Alice:mailto:alice@internal\r\n\
    ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@internal\r\n\
    ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@internal\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

/// How long a server may take to deliver.
const PATIENCE: Duration = Duration::from_secs(10);

/// Another calendar of the same user.
fn beside(account: &Account, name: &str) -> Account {
    let (home, _) = account.calendar.trim_end_matches('/').rsplit_once('/').expect("a path");
    Account { calendar: format!("{home}/{name}/"), ..account.clone() }
}

fn inbox_of(account: &Account) -> Collection {
    beside(account, "Inbox").collection()
}

fn end(account: &Account) -> rig::End {
    let provider = caldav_account(account.origin(), &account.user, &account.password);
    let calendar = provider.calendar_id(&account.calendar).expect("a calendar there");
    rig::End::caldav(provider, calendar)
}

/// A calendar, a copy of it on a server that sends nothing, and what the other person has.
struct Stage {
    rig: Rig,
    calendar: Collection,
    copy: Collection,
    theirs: [Collection; 2],
    runtime: Runtime,
    _elsewhere: Server,
}

impl Stage {
    /// `other`: the other person's calendar with the meeting.
    fn new(account: &Account, other: &Account, elsewhere: Server) -> Self {
        let right = elsewhere.alice();
        let rig = Rig::new(Sides::new(end(account), end(&right)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let stage = Self {
            rig,
            calendar: account.collection(),
            copy: right.collection(),
            theirs: [inbox_of(other), other.collection()],
            runtime: runtime.expect("a runtime"),
            _elsewhere: elsewhere,
        };
        stage.sync();
        stage
    }

    fn sync(&self) {
        self.runtime.block_on(self.rig.rest());
    }

    /// Everything that the other person sees.
    fn seen(&self) -> Vec<Vec<u8>> {
        self.theirs.iter().flat_map(Collection::texts).collect()
    }

    /// Changes the copy, syncs, and expects the meeting as it was; what is said about it.
    fn copied_change_stays(&self, change: impl FnOnce(&Collection)) -> String {
        let before = (only(&self.calendar), self.seen());
        change(&self.copy);
        self.sync();
        assert!(before == (only(&self.calendar), self.seen()), "the change went through");
        let problems = self.rig.problems();
        let [problem] = problems.as_slice() else { panic!("not one problem: {problems:?}") };
        assert_eq!((problem.uid.as_str(), problem.side), ("meeting-1", Side::Left));
        problem.reason.clone()
    }
}

/// The one event of a calendar: its name and text.
fn only(calendar: &Collection) -> (String, String) {
    let names: Vec<String> = calendar.versions().into_keys().collect();
    let [name] = names.as_slice() else { panic!("not one event: {names:?}") };
    let raw = calendar.get(name).expect("what is listed is there");
    (name.clone(), String::from_utf8(raw).expect("text"))
}

fn retitle(calendar: &Collection, title: &str) {
    let (name, raw) = only(calendar);
    let raw = text::with_title(raw.as_bytes(), title);
    assert!(calendar.put(&name, &raw).status < 300);
}

/// Alice's meeting, of which bob has had word; her calendar and the one where he has it.
fn invited() -> Option<(Server, Account, Account)> {
    let server = servers::start("cyrus")?;
    let (alice, bob) = (server.alice(), beside(&server.bob(), "Default"));
    let stored = alice.collection().put("meeting.ics", MEETING.as_bytes());
    assert!(stored.status < 300, "{}", stored.reason());
    let inbox = inbox_of(&bob);
    let told = wait::until(PATIENCE, || (!inbox.versions().is_empty()).then_some(()));
    assert!(told.is_some(), "this server is to show that it writes to guests");
    Some((server, alice, bob))
}

#[test]
fn guests_hear_nothing_of_what_happens_to_a_copy() {
    let Some((_server, alice, bob)) = invited() else { return };
    let Some(elsewhere) = servers::start("radicale") else { return };
    let stage = Stage::new(&alice, &bob, elsewhere);
    let plain = MEETING.replace("meeting-1", "plain-1");
    let plain = plain.lines().filter(|line| !line.contains("internal"));
    let plain: String = plain.map(|line| format!("{line}\r\n")).collect();

    let said = stage.copied_change_stays(|copy| retitle(copy, "Moved by the copy"));
    assert!(said.ends_with("make this change there"), "{said}");

    // Everything else goes on.
    let (name, _) = only(&stage.copy);
    assert!(stage.copy.put("plain.ics", plain.as_bytes()).status < 300);
    stage.sync();
    assert_eq!(stage.calendar.versions().len(), 2);
    assert!(stage.copy.delete("plain.ics").status < 300);
    stage.sync();

    let said = stage.copied_change_stays(|copy| drop(copy.delete(&name)));
    assert!(said.ends_with("delete it there"), "{said}");

    // The server would have told bob: it does when alice does it herself.
    let before = stage.seen();
    assert!(stage.calendar.delete("meeting.ics").status < 300);
    let told = wait::until(PATIENCE, || (stage.seen() != before).then_some(()));
    assert!(told.is_some(), "bob would have seen nothing anyway");
}

#[test]
fn an_organizer_hears_nothing_of_what_happens_to_a_copy() {
    let Some((_server, alice, bob)) = invited() else { return };
    let Some(elsewhere) = servers::start("radicale") else { return };
    let stage = Stage::new(&bob, &alice, elsewhere);

    // An alarm of bob's own is his business.
    let (name, text) = only(&stage.copy);
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT7M\r\nDESCRIPTION:x\r\nEND:VALARM";
    let text = text.replace("END:VEVENT", &format!("{alarm}\r\nEND:VEVENT"));
    let before = stage.seen();
    assert!(stage.copy.put(&name, text.as_bytes()).status < 300);
    stage.sync();
    let (_, held) = only(&stage.calendar);
    assert!(held.contains("TRIGGER:-PT7M") && held.contains("PARTSTAT=NEEDS-ACTION"), "{held}");
    assert!(stage.seen() == before);
    assert!(stage.rig.problems().is_empty());

    let said = stage.copied_change_stays(|copy| retitle(copy, "Moved by the copy"));
    assert!(said.contains("only its organizer"), "{said}");
    let said = stage.copied_change_stays(|copy| drop(copy.delete(&name)));
    assert!(said.ends_with("delete it there"), "{said}");
}
