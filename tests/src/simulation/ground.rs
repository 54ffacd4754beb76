//! What the sides of a pair live on: a calendar spoken in process, by the manners of its seed, or a
//! simulated service that the real adapter talks to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use google::GoogleOptions;
use microsoft::MicrosoftOptions;
use model::CalendarId;
use provider::Provider;
use sandbox::google::{Google, GoogleUser, OnEdit, OnMove, Quirk, Quirks, Touch, Untouched};
use sandbox::microsoft::{
    self as graph, EventsDelta, Expiry, Microsoft, MicrosoftUser, RetryAfter,
};
use sandbox::{Deed, Held, InProcess, Manners, Random, User, World};
use testkit::described;
use transport::{Answering, Credential, Wire};

/// Which service a side is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// The provider in process.
    #[default]
    Plain,
    /// Google's adapter over the simulated Google, without sockets.
    Google,
    /// Microsoft's adapter over the simulated Graph, without sockets.
    Microsoft,
}

impl Service {
    const ALL: [Self; 3] = [Self::Plain, Self::Google, Self::Microsoft];

    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Plain => "plain",
            Service::Google => "google",
            Service::Microsoft => "microsoft",
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
    Microsoft(Microsoft),
}

/// The user of a side.
pub(super) enum Hand {
    Plain(User),
    Google(GoogleUser),
    Microsoft(MicrosoftUser),
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

    pub(super) fn microsoft(world: &World, account: &'static str, random: &mut Random) -> Self {
        let microsoft = Microsoft::new(world, random.next());
        microsoft.open(account);
        let calendar = microsoft.add_calendar(account, "Family");
        microsoft.set_quirks(|quirks| *quirks = graph_quirks(random));
        Self { world: world.clone(), account, calendar, speech: Speech::Microsoft(microsoft) }
    }

    /// How the configuration names the calendar. Google does not always say what one is called.
    pub(super) fn asked(&self) -> &str {
        match &self.speech {
            Speech::Plain(_) | Speech::Microsoft(_) => "Family",
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
                    wire: wire(google, |google, request| {
                        Box::pin(async move { google.answer(request).await })
                    }),
                };
                Arc::new(google::Google::new(options).expect("loopback is allowed"))
            }
            Speech::Microsoft(microsoft) => {
                let clock = self.world.clone();
                let options = MicrosoftOptions {
                    api_url: GRAPH.parse().expect("an address"),
                    credential: Credential::Token(microsoft.access_token(self.account).into()),
                    clock: Arc::new(move || clock.now()),
                    deadline: None,
                    in_flight: None,
                    wire: wire(microsoft, |microsoft, request| {
                        Box::pin(async move { microsoft.answer(request).await })
                    }),
                    window: None,
                    zone: Some("Europe/Berlin".to_owned()),
                };
                Arc::new(::microsoft::Microsoft::new(options).expect("loopback is allowed"))
            }
        }
    }

    pub(super) fn user(&self) -> Hand {
        match &self.speech {
            Speech::Plain(_) => Hand::Plain(self.world.user(&self.calendar)),
            Speech::Google(google) => Hand::Google(google.user(&self.calendar)),
            Speech::Microsoft(microsoft) => Hand::Microsoft(microsoft.user(&self.calendar)),
        }
    }

    /// The mailbox by which this side's user is invited, where users of the service have people
    /// write to each other.
    pub(super) fn mailbox(&self) -> Option<String> {
        match &self.speech {
            Speech::Plain(_) => Some(format!("{}@example.com", self.account)),
            Speech::Google(_) | Speech::Microsoft(_) => None,
        }
    }

    pub(super) fn held(&self) -> Vec<Held> {
        match &self.speech {
            Speech::Plain(_) => self.world.held(&self.calendar),
            Speech::Google(google) => google.held(&self.calendar),
            Speech::Microsoft(microsoft) => microsoft.held(&self.calendar),
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
                described::assert_google(&google.log());
                google.forget_log();
            }
            Speech::Microsoft(microsoft) => {
                microsoft.assert_unviolated();
                microsoft.assert_careful_writes();
                described::assert_microsoft(&microsoft.log());
                microsoft.forget_log();
            }
        }
    }
}

/// What people do. Each act says whether it could be done.
impl Hand {
    pub(super) fn create(&self, ics: &str) -> bool {
        match self {
            Hand::Plain(user) => drop(user.create(ics)),
            Hand::Google(user) => drop(user.create(ics)),
            Hand::Microsoft(user) => return !user.create(ics).is_empty(),
        }
        true
    }

    pub(super) fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) -> bool {
        match self {
            Hand::Plain(user) => user.edit(uid, change),
            Hand::Google(user) => user.edit(uid, change),
            Hand::Microsoft(user) => user.edit(uid, change),
        }
    }

    pub(super) fn set(&self, uid: &str, property: &str, value: &str) -> bool {
        match self {
            Hand::Plain(user) => user.set(uid, property, value),
            Hand::Google(user) => user.set(uid, property, value),
            Hand::Microsoft(user) => user.set(uid, property, value),
        }
    }

    pub(super) fn delete(&self, uid: &str) {
        match self {
            Hand::Plain(user) => user.delete(uid),
            Hand::Google(user) => user.delete(uid),
            Hand::Microsoft(user) => user.delete(uid),
        };
    }

    pub(super) fn churn(&self, uid: &str) {
        match self {
            Hand::Plain(user) => user.churn(uid),
            Hand::Google(user) => user.churn(uid),
            Hand::Microsoft(user) => user.churn(uid),
        };
    }

    pub(super) fn get(&self, uid: &str) -> Option<Held> {
        match self {
            Hand::Plain(user) => user.get(uid),
            Hand::Google(user) => user.get(uid),
            Hand::Microsoft(user) => user.get(uid),
        }
    }

    pub(super) fn uids(&self) -> Vec<String> {
        match self {
            Hand::Plain(user) => user.uids(),
            Hand::Google(user) => user.uids(),
            Hand::Microsoft(user) => user.uids(),
        }
    }
}

/// Where the simulated services believe to be; nothing is sent there.
const API: &str = "http://127.0.0.1:1/calendar/v3";
const GRAPH: &str = "http://127.0.0.1:1/v1.0";

/// A simulated service in place of the network. Before and after each answer the process can be
/// killed.
fn wire<S: Clone + Send + Sync + 'static>(
    service: &S,
    answer: fn(S, http::Request<Bytes>) -> Answering,
) -> Wire {
    let service = service.clone();
    Wire::InProcess(Arc::new(move |request| {
        let service = service.clone();
        Box::pin(async move {
            Once::default().await;
            let answer = answer(service, request).await;
            Once::default().await;
            answer
        })
    }))
}

/// Links that lead elsewhere are left out: with them nothing can ever be listed.
fn graph_quirks(random: &mut Random) -> graph::Quirks {
    use graph::Quirk;
    let mut quirks = graph::Quirks::default();
    for quirk in [
        Quirk::StrangeTombstones,
        Quirk::Shuffled,
        Quirk::Replay,
        Quirk::RestlessKeys,
        Quirk::EndlessPages,
        Quirk::LooseUids,
        Quirk::ExceptionsStay,
        Quirk::BusyAs503,
        Quirk::RandomConflicts,
        Quirk::TransactionsRefused,
        Quirk::LooseOccurrences,
        Quirk::ExceptionTombstones,
        Quirk::NestedErrors,
    ] {
        if random.chance(1500) {
            quirks = quirks.with(quirk);
        }
    }
    for quirk in [Quirk::EmptyPages, Quirk::OddMembers, Quirk::ExceptionsTouchMaster] {
        if random.chance(3000) {
            quirks = quirks.without(quirk);
        }
    }
    quirks.expiry =
        *random.pick(&[Expiry::NotFound, Expiry::Resync, Expiry::Invalid, Expiry::DeltaToken]);
    quirks.retry_after = *random.pick(&[
        RetryAfter::Fraction,
        RetryAfter::Seconds,
        RetryAfter::Date,
        RetryAfter::Absent,
    ]);
    quirks.events_delta = *random.pick(&[EventsDelta::Unsupported, EventsDelta::Works]);
    quirks.lag = *random.pick(&[0, 0, 0, 1, 2]);
    quirks.page = *random.pick(&[1, 3, 10, 100]);
    quirks
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
    quirks.on_edit = *random.pick(&[OnEdit::Kept, OnEdit::Kept, OnEdit::Reset, OnEdit::Told]);
    quirks.untouched = *random.pick(&[Untouched::Masters, Untouched::Hidden, Untouched::Moving]);
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
