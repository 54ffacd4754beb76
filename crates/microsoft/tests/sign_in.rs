//! A refresh token that is another one after every use, and a process that dies between receiving
//! it and using what came with it: whatever is durable at that moment still gets in.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use microsoft::{Microsoft, MicrosoftOptions};
use provider::{Error, ErrorKind, Provider as _};
use sandbox::World;
use sandbox::microsoft::{CLIENT_ID, Microsoft as Service};
use secrecy::ExposeSecret as _;
use transport::oauth::{Client, ClientOptions, Redirect, Tokens};
use transport::{Credential, SecretString, Url, Wire};

/// Where a process dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The provider has answered, the answer is under way.
    Answered,
    /// The answer is here, and nothing of it kept.
    Received,
    /// The refresh token is kept, the process does not know it yet.
    Kept,
    /// Everything is kept; the access token is used, and the answer never seen.
    Used,
}

const DEATHS: [Death; 4] = [Death::Answered, Death::Received, Death::Kept, Death::Used];

/// What outlives a process.
#[derive(Clone)]
struct Durable(Arc<Mutex<String>>);

struct Stage {
    world: World,
    service: Service,
    durable: Durable,
    renewals: Arc<AtomicU64>,
}

impl Stage {
    fn new() -> Self {
        let world = World::new(7);
        world.account("sam", Default::default());
        let service = Service::new(&world, 7);
        service.open("sam");
        let token = service.refresh_token("sam");
        let durable = Durable(Arc::new(Mutex::new(token)));
        Self { world, service, durable, renewals: Arc::default() }
    }

    /// A process: it knows what is durable, and dies where it is told to.
    fn process(&self, death: Option<Death>) -> Microsoft {
        let url = |text: &str| text.parse::<Url>().expect("an address");
        let client = ClientOptions {
            issuer: "Microsoft",
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
            auth_url: url("https://login.example/common/oauth2/v2.0/authorize"),
            token_url: url("https://login.example/common/oauth2/v2.0/token"),
            revoke_url: None,
            device_url: None,
            scopes: &[],
            redirect: Redirect::Name,
            extra: &[],
            explain: |_| None,
            wire: self.wire(death),
        };
        let client = Arc::new(Client::new(client).expect("its addresses may be asked"));
        let world = self.world.clone();
        let clock = Arc::new(move || world.now());
        let (durable, renewals) = (self.durable.clone(), Arc::clone(&self.renewals));
        let died = || Err(Error::new(ErrorKind::Unavailable, "the process has died"));
        let keep = move |token: &SecretString| {
            renewals.fetch_add(1, Ordering::Relaxed);
            if matches!(death, Some(Death::Received)) {
                return died();
            }
            token.expose_secret().clone_into(&mut durable.0.lock().unwrap());
            if matches!(death, Some(Death::Kept)) { died() } else { Ok(()) }
        };
        let refresh = self.durable.0.lock().unwrap().clone();
        let tokens = Tokens::new(client, refresh.into(), clock.clone(), Arc::new(keep));
        Microsoft::new(MicrosoftOptions {
            api_url: url("https://graph.microsoft.com/v1.0"),
            credential: Credential::Bearer(Arc::new(tokens)),
            clock,
            deadline: None,
            in_flight: None,
            wire: self.wire(death),
            window: None,
            zone: None,
        })
        .expect("Graph's address may be asked")
    }

    fn wire(&self, death: Option<Death>) -> Wire {
        let service = self.service.clone();
        Wire::InProcess(Arc::new(move |request: Request<_>| {
            let service = service.clone();
            let is_lost = match death {
                Some(Death::Answered) => request.uri().path().ends_with("/token"),
                Some(Death::Used) => request.uri().path().starts_with("/v1.0/"),
                Some(Death::Received | Death::Kept) | None => false,
            };
            Box::pin(async move {
                let answer = service.answer(request).await;
                if is_lost { None } else { answer }
            })
        }))
    }
}

// quirk: microsoft-61
#[tokio::test(start_paused = true)]
async fn a_hundred_rotations_outlive_a_crash_at_every_step() {
    let stage = Stage::new();
    let first = stage.process(None).identity().await.unwrap();
    for round in 0..100 {
        for death in DEATHS {
            stage.world.advance(Duration::from_secs(2 * 60 * 60));
            let before = stage.durable.0.lock().unwrap().clone();
            let error = stage.process(Some(death)).identity().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{round} {death:?}: {error}");
            let is_new = *stage.durable.0.lock().unwrap() != before;
            assert_eq!(is_new, matches!(death, Death::Kept | Death::Used), "{death:?}");
            // The next one, with what is durable.
            let identity = stage.process(None).identity().await;
            assert_eq!(identity.unwrap(), first, "{round} {death:?}");
        }
    }
    assert!(stage.renewals.load(Ordering::Relaxed) >= 100 * 7);
    stage.service.assert_unviolated();
}

// quirk: microsoft-61
#[tokio::test]
async fn however_many_ask_one_renewal_runs() {
    let stage = Stage::new();
    // A second use of any refresh token would be refused.
    stage.service.set_quirks(|quirks| quirks.old_refresh_uses = 0);
    let process = stage.process(None);
    for _ in 0..3 {
        let before = stage.renewals.load(Ordering::Relaxed);
        let asks = futures_util::future::join_all((0..12).map(|_| process.identity()));
        assert!(asks.await.iter().all(Result::is_ok));
        assert_eq!(stage.renewals.load(Ordering::Relaxed), before + 1);
        stage.world.advance(Duration::from_secs(2 * 60 * 60));
    }
    stage.service.assert_unviolated();
}
