//! One side of a real pair: a calendar on a server, and the door behind calpair's back.

use std::collections::BTreeMap;
use std::sync::Arc;

use caldav::{CalDav, CalDavOptions, Flavour};
use google::GoogleOptions;
use microsoft::MicrosoftOptions;
use model::{CalendarId, Field, Timestamp};
use provider::Provider as _;
use sandbox::dav::{Options, Profile, Running, serve};
use sandbox::google::Google;
use sandbox::microsoft::Microsoft;
use sandbox::{Habits, World};
use testkit::described;
use transport::{Credential, Wire};

use crate::http::{Answer, Collection};
use crate::rig::{self, RealClock};
use crate::servers::{self, Account, Server};
use crate::{caldav_account, text};

/// The longest private property that Google keeps.
const LONGEST_MARK: usize = 1024;

/// The zone in which times without one are written where a mailbox has no other.
const ZONE: &str = "Europe/Amsterdam";

/// A side.
pub struct End {
    /// What it is called in reports.
    pub name: &'static str,
    account: Option<rig::End>,
    keeper: Keeper,
}

enum Keeper {
    Real(Collection, Server),
    ICloud { door: Collection, world: World, calendar: CalendarId, _running: Running },
    Google { google: Google, world: World, calendar: CalendarId },
    Microsoft { microsoft: Microsoft, world: World, calendar: CalendarId },
}

impl End {
    /// A calendar on a real server; `None` where that is missing.
    ///
    /// # Panics
    /// When the server has no such calendar.
    pub fn real(name: &'static str, user: fn(&Server) -> Account) -> Option<Self> {
        let server = servers::start(name)?;
        let account = user(&server);
        let provider = caldav_account(account.origin(), &account.user, &account.password);
        let calendar = provider.calendar_id(&account.calendar).expect("a calendar there");
        let keeper = Keeper::Real(account.collection(), server);
        Some(Self { name, account: Some(rig::End::caldav(provider, calendar)), keeper })
    }

    /// A calendar on a simulated iCloud, over HTTP.
    ///
    /// # Panics
    /// When loopback has no free ports.
    pub async fn icloud() -> Self {
        let world = World::new(5);
        world.set_now(engine::Clock::now(&RealClock));
        world.account("sam", Habits::default());
        let inside = world.add_calendar("sam", "Family");
        let options = Options::new(Profile::icloud(), "sam");
        let running = serve(&world, options).await.expect("a free port");
        let password = world.password("sam").expect("the account was just made");
        let clock = world.clone();
        let options = CalDavOptions {
            url: running.url().parse().expect("an address"),
            username: "sam@example.com".to_owned(),
            password: password.as_str().into(),
            flavour: Flavour::ICloud,
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
        };
        let provider = CalDav::new(options).expect("loopback is allowed");
        let calendars = provider.calendars().await.expect("calendars");
        let calendar = calendars.into_iter().find(|calendar| calendar.name == "Family");
        let calendar = calendar.expect("the calendar that was made").id;
        let url = format!("http://{}{}", running.partitions[0], calendar.as_str());
        let door = Collection::new(&url, "sam@example.com", &password);
        let keeper = Keeper::ICloud { door, world, calendar: inside, _running: running };
        Self { name: "icloud", account: Some(rig::End::caldav(provider, calendar)), keeper }
    }

    /// A calendar on a simulated Google, without sockets.
    ///
    /// # Panics
    /// When the adapter takes no loopback address.
    pub fn google() -> Self {
        let world = World::new(6);
        world.set_now(engine::Clock::now(&RealClock));
        world.account("work", Habits::default());
        let google = Google::new(&world, 6);
        google.open("work");
        let calendar = google.add_calendar("work", "Family");
        let (clock, answering) = (world.clone(), google.clone());
        let options = GoogleOptions {
            api_url: "http://127.0.0.1:1/calendar/v3".parse().expect("an address"),
            credential: Credential::Token(google.access_token("work").into()),
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
            wire: Wire::InProcess(Arc::new(move |request| {
                let google = answering.clone();
                Box::pin(async move { google.answer(request).await })
            })),
        };
        let provider = google::Google::new(options).expect("loopback is allowed");
        let account = Some(rig::End::google(provider, calendar.clone()));
        Self { name: "google", account, keeper: Keeper::Google { google, world, calendar } }
    }

    /// A calendar on a simulated Microsoft, without sockets.
    ///
    /// # Panics
    /// When the adapter takes no loopback address.
    pub fn microsoft() -> Self {
        let world = World::new(8);
        world.set_now(engine::Clock::now(&RealClock));
        world.account("office", Habits::default());
        let microsoft = Microsoft::new(&world, 8);
        microsoft.open("office");
        let calendar = microsoft.add_calendar("office", "Family");
        let (clock, answering) = (world.clone(), microsoft.clone());
        let options = MicrosoftOptions {
            api_url: "http://127.0.0.1:1/v1.0".parse().expect("an address"),
            credential: Credential::Token(microsoft.access_token("office").into()),
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
            wire: Wire::InProcess(Arc::new(move |request| {
                let microsoft = answering.clone();
                Box::pin(async move { microsoft.answer(request).await })
            })),
            window: None,
            zone: Some(ZONE.to_owned()),
        };
        let provider = ::microsoft::Microsoft::new(options).expect("loopback is allowed");
        let account = Some(rig::End::microsoft(provider, calendar.clone()));
        let keeper = Keeper::Microsoft { microsoft, world, calendar };
        Self { name: "microsoft", account, keeper }
    }

    /// The adapter, for a rig.
    ///
    /// # Panics
    /// When it is asked for twice.
    pub fn account(&mut self) -> rig::End {
        self.account.take().expect("a side is in one rig")
    }

    /// Stores a text behind calpair's back, as a user does: in place of what has its name or UID.
    pub fn put(&self, name: &str, raw: &[u8]) -> Answer {
        match &self.keeper {
            Keeper::Real(door, _) => door.put(name, raw),
            // It takes nothing in place of what is there but under a condition.
            Keeper::ICloud { world, calendar, .. } if self.texts().contains_key(name) => {
                world.user(calendar).put(name, raw);
                Answer::made(204)
            }
            Keeper::ICloud { door, world, .. } => by_hand(world, || door.put(name, raw)),
            Keeper::Google { google, calendar, .. } => {
                let put = google.user(calendar).put(&String::from_utf8_lossy(raw));
                Answer::made(if put { 200 } else { 400 })
            }
            Keeper::Microsoft { microsoft, calendar, .. } => {
                let put = microsoft.user(calendar).put(&String::from_utf8_lossy(raw));
                Answer::made(if put { 200 } else { 400 })
            }
        }
    }

    /// A text, by its name.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        match &self.keeper {
            Keeper::Real(door, _) | Keeper::ICloud { door, .. } => door.get(name),
            Keeper::Google { .. } | Keeper::Microsoft { .. } => self.texts().remove(name),
        }
    }

    /// Deletes behind calpair's back, by name.
    pub fn delete(&self, name: &str) {
        match &self.keeper {
            Keeper::Real(door, _) => drop(door.delete(name)),
            Keeper::ICloud { door, world, .. } => drop(by_hand(world, || door.delete(name))),
            Keeper::Google { google, calendar, .. } => {
                let held = google.held(calendar).into_iter().find(|held| held.id == name);
                held.map(|held| google.user(calendar).delete(&held.uid));
            }
            Keeper::Microsoft { microsoft, calendar, .. } => {
                let held = microsoft.held(calendar).into_iter().find(|held| held.id == name);
                held.map(|held| microsoft.user(calendar).delete(&held.uid));
            }
        }
    }

    /// Everything that the server holds: name and text.
    pub fn texts(&self) -> BTreeMap<String, Vec<u8>> {
        let held = match &self.keeper {
            Keeper::Real(door, _) => {
                let names = door.versions().into_keys();
                return names.filter_map(|name| Some((name.clone(), door.get(&name)?))).collect();
            }
            Keeper::ICloud { world, calendar, .. } => world.held(calendar),
            Keeper::Google { google, calendar, .. } => google.held(calendar),
            Keeper::Microsoft { microsoft, calendar, .. } => microsoft.held(calendar),
        };
        held.into_iter().map(|held| (held.id, held.raw)).collect()
    }

    /// What changes with anything that is written: names and versions, or texts.
    pub fn print(&self) -> BTreeMap<String, Vec<u8>> {
        match &self.keeper {
            Keeper::Real(door, _) => {
                let versions = door.versions().into_iter();
                versions.map(|(name, version)| (name, version.into_bytes())).collect()
            }
            Keeper::ICloud { .. } | Keeper::Google { .. } | Keeper::Microsoft { .. } => {
                self.texts()
            }
        }
    }

    /// Names and texts by UID; of a copy, by the UID of what it is a copy of. Of single events that
    /// stand for the occurrences of a series, all in one text, by the name of the first.
    pub fn by_uid(&self) -> BTreeMap<String, (String, Vec<u8>)> {
        let mut found: BTreeMap<String, (String, Vec<u8>)> = BTreeMap::new();
        for (name, raw) in self.texts() {
            let Some(uid) = text::origin(&raw) else { continue };
            match found.get_mut(&uid) {
                Some((_, whole)) if text::slot(&raw).is_some() || text::slot(whole).is_some() => {
                    *whole = text::joined(whole, &raw);
                }
                Some(_) | None => drop(found.insert(uid, (name, raw))),
            }
        }
        found
    }

    /// Whether a copy of an event with this UID says which it is a copy of.
    pub fn tells(&self, uid: &str) -> bool {
        match &self.keeper {
            Keeper::Real(..) | Keeper::ICloud { .. } => true,
            Keeper::Microsoft { .. } => true,
            // quirk: google-39
            Keeper::Google { .. } => uid.len() <= LONGEST_MARK,
        }
    }

    /// The zone in which times without one take place there, where calpair chooses it.
    pub fn zone(&self) -> Option<&'static str> {
        matches!(self.keeper, Keeper::Microsoft { .. }).then_some(ZONE)
    }

    /// The field that calpair reads there otherwise than it stands: Google's texts may be HTML.
    pub fn reads_otherwise(&self) -> Option<Field> {
        self.as_google().map(|_| Field::Description)
    }

    /// The UID that this side's users see of the event with this UID.
    fn own(&self, uid: &str) -> String {
        let (_, raw) = self.by_uid().remove(uid).expect("the event is there");
        text::uid(&raw).expect("every event has one")
    }

    /// Somebody edits the text of an event.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) {
        match &self.keeper {
            Keeper::Real(..) | Keeper::ICloud { .. } => {
                let (name, raw) = self.by_uid().remove(uid).expect("the event is there");
                let after = change(&String::from_utf8_lossy(&raw));
                let answer = self.put(&name, after.as_bytes());
                assert!((200..300).contains(&answer.status), "{}", answer.reason());
            }
            Keeper::Google { google, calendar, .. } => {
                assert!(google.user(calendar).edit(&self.own(uid), change), "Google takes it");
            }
            Keeper::Microsoft { microsoft, calendar, .. } => {
                let user = microsoft.user(calendar);
                assert!(user.edit(&self.own(uid), change), "Outlook takes it");
            }
        }
    }

    /// Somebody sets a property of an event, in Google's or Microsoft's own calendar.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn set(&self, uid: &str, property: &str, value: &str) {
        let own = self.own(uid);
        let is_done = match &self.keeper {
            Keeper::Google { google, calendar, .. } => {
                google.user(calendar).set(&own, property, value)
            }
            Keeper::Microsoft { microsoft, calendar, .. } => {
                microsoft.user(calendar).set(&own, property, value)
            }
            Keeper::Real(..) | Keeper::ICloud { .. } => false,
        };
        assert!(is_done, "{property} is set");
    }

    /// Somebody moves an occurrence there.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn move_occurrence(&self, uid: &str, original: Timestamp, start: Timestamp) {
        let own = self.own(uid);
        let is_done = match &self.keeper {
            Keeper::Google { google, calendar, .. } => {
                google.user(calendar).move_occurrence(&own, original, start)
            }
            Keeper::Microsoft { microsoft, calendar, .. } => {
                microsoft.user(calendar).move_occurrence(&own, original, start)
            }
            Keeper::Real(..) | Keeper::ICloud { .. } => false,
        };
        assert!(is_done, "the occurrence is moved");
    }

    /// Somebody changes this and the following occurrences there; the UID of the second half.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn split(&self, uid: &str, at: &str, title: &str) -> String {
        let own = self.own(uid);
        let second = match &self.keeper {
            Keeper::Google { google, calendar, .. } => google.user(calendar).split(&own, at, title),
            Keeper::Microsoft { microsoft, calendar, .. } => {
                microsoft.user(calendar).split(&own, at, title)
            }
            Keeper::Real(..) | Keeper::ICloud { .. } => None,
        };
        second.expect("the series is split")
    }

    /// Somebody deletes an event.
    pub fn remove(&self, uid: &str) {
        if let Some((name, _)) = self.by_uid().remove(uid) {
            self.delete(&name);
        }
    }

    /// A server that fell over an event is started again.
    pub fn restart(&self) {
        if let Keeper::Real(_, server) = &self.keeper {
            server.stop();
            server.resume();
        }
    }

    /// The simulated Google of this side, with the calendar.
    pub fn as_google(&self) -> Option<(&Google, &CalendarId)> {
        match &self.keeper {
            Keeper::Google { google, calendar, .. } => Some((google, calendar)),
            Keeper::Real(..) | Keeper::ICloud { .. } | Keeper::Microsoft { .. } => None,
        }
    }

    /// The simulated Microsoft of this side, with the calendar.
    pub fn as_microsoft(&self) -> Option<(&Microsoft, &CalendarId)> {
        match &self.keeper {
            Keeper::Microsoft { microsoft, calendar, .. } => Some((microsoft, calendar)),
            Keeper::Real(..) | Keeper::ICloud { .. } | Keeper::Google { .. } => None,
        }
    }

    /// The world of a simulated side, for what goes wrong in it.
    pub fn world(&self) -> Option<&World> {
        match &self.keeper {
            Keeper::Real(..) => None,
            Keeper::ICloud { world, .. }
            | Keeper::Google { world, .. }
            | Keeper::Microsoft { world, .. } => Some(world),
        }
    }

    /// Panics over what calpair must never do.
    ///
    /// # Panics
    /// See above.
    pub fn assert_unviolated(&self) {
        if let Some(world) = self.world() {
            world.assert_no_mail();
        }
        match &self.keeper {
            Keeper::Real(..) | Keeper::ICloud { .. } => {}
            Keeper::Google { google, .. } => {
                google.assert_unviolated();
                google.assert_careful_writes();
                described::assert_google(&google.log());
            }
            Keeper::Microsoft { microsoft, .. } => {
                microsoft.assert_unviolated();
                microsoft.assert_careful_writes();
                described::assert_microsoft(&microsoft.log());
            }
        }
    }
}

/// What a user's own client does at the server. The mails about it are that client's, not
/// calpair's; until then there was none.
fn by_hand<T>(world: &World, act: impl FnOnce() -> T) -> T {
    world.assert_no_mail();
    let done = act();
    world.forget_mail();
    done
}

/// Whatever a story is about.
impl Drop for End {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_unviolated();
        }
    }
}
