//! What the sides of a pair live on: a calendar spoken in process, by the manners of its seed, or a
//! simulated service that the real adapter talks to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use google::GoogleOptions;
use model::CalendarId;
use provider::Provider;
use sandbox::google::{Google, GoogleUser, OnMove, Quirk, Quirks, Touch};
use sandbox::{Deed, Held, InProcess, Manners, Random, User, World};
use transport::{Credential, Wire};

/// Which service a side is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// The provider in process.
    #[default]
    Plain,
    /// Google's adapter over the simulated Google, without sockets.
    Google,
}

impl Service {
    const ALL: [Self; 2] = [Self::Plain, Self::Google];

    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Plain => "plain",
            Service::Google => "google",
        }
    }
}

/// One side.
pub(super) struct Ground {
    world: World,
    account: &'static str,
    pub(super) calendar: CalendarId,
    speech: Speech,
}

enum Speech {
    Plain(Box<Manners>),
    Google(Google),
}

/// The user of a side.
pub(super) enum Hand {
    Plain(User),
    Google(GoogleUser),
}

impl Ground {
    pub(super) fn plain(world: &World, account: &'static str, manners: Manners) -> Self {
        let calendar = world.add_calendar(account, "Family");
        let speech = Speech::Plain(Box::new(manners));
        Self { world: world.clone(), account, calendar, speech }
    }

    pub(super) fn google(world: &World, account: &'static str, random: &mut Random) -> Self {
        let google = Google::new(world, random.next());
        google.open(account);
        let calendar = google.add_calendar(account, "Family");
        google.set_quirks(|quirks| *quirks = google_quirks(random));
        Self { world: world.clone(), account, calendar, speech: Speech::Google(google) }
    }

    /// How the configuration names the calendar. Google does not always say what one is called.
    pub(super) fn asked(&self) -> &str {
        match &self.speech {
            Speech::Plain(_) => "Family",
            Speech::Google(_) => self.calendar.as_str(),
        }
    }

    /// An adapter, as a new process makes it.
    pub(super) fn provider(&self) -> Arc<dyn Provider> {
        match &self.speech {
            Speech::Plain(manners) => {
                Arc::new(InProcess::new(&self.world, self.account, (**manners).clone()))
            }
            Speech::Google(google) => {
                let clock = self.world.clone();
                let options = GoogleOptions {
                    api_url: API.parse().expect("an address"),
                    credential: Credential::Token(google.access_token(self.account).into()),
                    clock: Arc::new(move || clock.now()),
                    deadline: None,
                    in_flight: None,
                    wire: wire(google),
                };
                Arc::new(google::Google::new(options).expect("loopback is allowed"))
            }
        }
    }

    pub(super) fn user(&self) -> Hand {
        match &self.speech {
            Speech::Plain(_) => Hand::Plain(self.world.user(&self.calendar)),
            Speech::Google(google) => Hand::Google(google.user(&self.calendar)),
        }
    }

    /// The mailbox by which this side's user is invited, where users of the service have people
    /// write to each other.
    pub(super) fn mailbox(&self) -> Option<String> {
        match &self.speech {
            Speech::Plain(_) => Some(format!("{}@example.com", self.account)),
            Speech::Google(_) => None,
        }
    }

    pub(super) fn held(&self) -> Vec<Held> {
        match &self.speech {
            Speech::Plain(_) => self.world.held(&self.calendar),
            Speech::Google(google) => google.held(&self.calendar),
        }
    }

    pub(super) fn deeds(&self) -> Vec<Deed> {
        self.world.deeds(&self.calendar)
    }

    /// Panics over what no client may do.
    pub(super) fn assert_unviolated(&self) {
        match &self.speech {
            Speech::Plain(_) => self.world.assert_conditional_writes(),
            Speech::Google(google) => {
                google.assert_unviolated();
                google.assert_careful_writes();
                google.forget_log();
            }
        }
    }
}

impl Hand {
    pub(super) fn create(&self, ics: &str) {
        match self {
            Hand::Plain(user) => drop(user.create(ics)),
            Hand::Google(user) => drop(user.create(ics)),
        }
    }

    pub(super) fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) {
        match self {
            Hand::Plain(user) => user.edit(uid, change),
            Hand::Google(user) => user.edit(uid, change),
        };
    }

    pub(super) fn set(&self, uid: &str, property: &str, value: &str) {
        match self {
            Hand::Plain(user) => user.set(uid, property, value),
            Hand::Google(user) => user.set(uid, property, value),
        };
    }

    pub(super) fn delete(&self, uid: &str) {
        match self {
            Hand::Plain(user) => user.delete(uid),
            Hand::Google(user) => user.delete(uid),
        };
    }

    pub(super) fn churn(&self, uid: &str) {
        match self {
            Hand::Plain(user) => user.churn(uid),
            Hand::Google(user) => user.churn(uid),
        };
    }

    pub(super) fn get(&self, uid: &str) -> Option<Held> {
        match self {
            Hand::Plain(user) => user.get(uid),
            Hand::Google(user) => user.get(uid),
        }
    }

    pub(super) fn uids(&self) -> Vec<String> {
        match self {
            Hand::Plain(user) => user.uids(),
            Hand::Google(user) => user.uids(),
        }
    }
}

/// Where the simulated Google believes to be; nothing is sent there.
const API: &str = "http://127.0.0.1:1/calendar/v3";

/// The simulated Google in place of the network. Before and after each answer the process can be
/// killed.
fn wire(google: &Google) -> Wire {
    let google = google.clone();
    Wire::InProcess(Arc::new(move |request| {
        let google = google.clone();
        Box::pin(async move {
            Once::default().await;
            let answer = google.answer(request).await;
            Once::default().await;
            answer
        })
    }))
}

fn google_quirks(random: &mut Random) -> Quirks {
    let mut quirks = Quirks::default();
    for quirk in [Quirk::OldZones, Quirk::NoSummaries, Quirk::QuietPatch] {
        if random.chance(2000) {
            quirks = quirks.with(quirk);
        }
    }
    quirks.on_move = *random.pick(&[OnMove::Stale, OnMove::Reset]);
    quirks.touch = *random.pick(&[Touch::Never, Touch::Series, Touch::Every]);
    quirks.largest_page = *random.pick(&[1, 3, 2500]);
    quirks.token_uses = *random.pick(&[None, Some(3), Some(1)]);
    quirks
}

/// Ready when it is asked the second time: a place where the process can be killed.
#[derive(Default)]
pub(super) struct Once {
    asked: bool,
}

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.asked {
            return Poll::Ready(());
        }
        self.asked = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
