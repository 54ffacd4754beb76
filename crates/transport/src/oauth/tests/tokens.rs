//! The supply of access tokens: when it is renewed, for whom, and what is kept of it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use super::*;

/// A clock that is set, and refresh tokens as they were kept.
#[derive(Clone, Default)]
struct World {
    seconds: Arc<AtomicI64>,
    kept: Arc<Mutex<Vec<String>>>,
    full: Arc<Mutex<bool>>,
}

impl World {
    fn clock(&self) -> Clock {
        let seconds = self.seconds.clone();
        Arc::new(move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap())
    }

    fn at(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }

    fn keep(&self) -> Keep {
        let this = self.clone();
        Arc::new(move |token| {
            if *this.full.lock().unwrap() {
                return Err(Error::new(ErrorKind::Unavailable, "the disk is full"));
            }
            this.kept.lock().unwrap().push(token.expose_secret().to_owned());
            Ok(())
        })
    }

    fn tokens(&self, client: Arc<Client>) -> Arc<Tokens> {
        Arc::new(Tokens::new(client, "refresh-0".into(), self.clock(), self.keep()))
    }

    fn kept(&self) -> Vec<String> {
        self.kept.lock().unwrap().clone()
    }
}

fn name(access: &Access) -> &str {
    access.token().expose_secret()
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let server = Scripted::new(&[(200, &token("a1")), (200, &token("a2"))]);
    let world = World::default();
    let tokens = world.tokens(server.client());
    for (second, expected) in [(0, "a1"), (3538, "a1"), (3539, "a2"), (7000, "a2")] {
        world.at(second);
        assert_eq!(name(&tokens.access().await.unwrap()), expected, "{second}");
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].contains("grant_type=refresh_token&refresh_token=refresh-0&"), "{asked:?}");
    assert!(world.kept().is_empty(), "no answer had a refresh token: the old one stays");
}

#[tokio::test]
async fn many_that_wait_share_one_renewal_and_its_failure() {
    let server = Scripted::new(&[(200, &token("a1"))]);
    let tokens = World::default().tokens(server.client());
    let (a, b, c) = tokio::join!(tokens.access(), tokens.access(), tokens.access());
    assert!([a, b, c].iter().all(|access| name(access.as_ref().unwrap()) == "a1"));
    assert_eq!(server.asked().len(), 1);

    let dead = Scripted::new(&[(400, r#"{"error":"invalid_grant"}"#)]);
    let tokens = World::default().tokens(dead.client());
    let (a, b) = tokio::join!(tokens.access(), tokens.access());
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().ends_with("it is dead"));
    }
    assert_eq!(dead.asked().len(), 1);
    tokens.access().await.unwrap_err();
    assert_eq!(dead.asked().len(), 1, "a later one asks for itself");
}

#[tokio::test]
async fn trouble_that_may_pass_is_borne_while_the_token_lasts() {
    let server = Scripted::new(&[(200, &token("a1")), (500, "")]);
    let world = World::default();
    let tokens = world.tokens(server.client());
    tokens.access().await.unwrap();
    world.at(3598);
    assert_eq!(name(&tokens.access().await.unwrap()), "a1");
    world.at(3599);
    assert_eq!(tokens.access().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_kept_before_its_access_token_is_used() {
    let server = Scripted::new(&[(200, &rotated("a1", "refresh-1")), (200, &token("a2"))]);
    let world = World::default();
    *world.full.lock().unwrap() = true;
    let tokens = world.tokens(server.client());
    for _ in 0..3 {
        assert_eq!(tokens.access().await.unwrap_err().to_string(), "the disk is full");
    }
    assert_eq!(server.asked().len(), 1, "nothing is asked for again, and nothing was used");
    *world.full.lock().unwrap() = false;
    assert_eq!(name(&tokens.access().await.unwrap()), "a1");
    assert_eq!(world.kept(), ["refresh-1"]);
    world.at(3600);
    tokens.access().await.unwrap();
    assert!(server.asked()[0].contains("refresh_token=refresh-1&"));
    assert_eq!(tokens.refresh_token().await.expose_secret(), "refresh-1");
    assert_eq!(world.kept().len(), 1);
}

#[tokio::test]
async fn a_renewal_that_nobody_waits_for_is_kept_all_the_same() {
    let server = Scripted::new(&[(200, &rotated("a1", "refresh-1"))]);
    let world = World::default();
    let tokens = world.tokens(server.client());
    {
        let mut waiting = Box::pin(tokens.access());
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx)));
        assert!(first.await.is_pending());
    }
    while world.kept().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!((world.kept(), server.asked().len()), (vec!["refresh-1".to_owned()], 1));
    assert_eq!(name(&tokens.access().await.unwrap()), "a1");
}

#[tokio::test]
async fn a_refused_access_token_is_renewed_once_and_the_request_repeated_once() {
    let refused = r#"{"error":{"code":401}}"#;
    let server = Scripted::new(&[
        (200, &token("a1")),
        (401, refused),
        (200, &token("a2")),
        (200, "done"),
        (401, refused),
        (200, &token("a3")),
        (401, refused),
    ]);
    let world = World::default();
    let tokens = world.tokens(server.client());
    let mut options = Options::new(
        Url::parse("https://api.example/").unwrap(),
        Credential::Bearer(Arc::clone(&tokens)),
    );
    options.wire = server.wire();
    let account = Account::new(options).unwrap();
    let post = || Request::post("https://api.example/x").body(Bytes::from("body")).unwrap();
    assert_eq!(account.send(post()).await.unwrap().body(), "done");
    let asked: Vec<_> =
        server.asked().into_iter().filter(|asked| asked.starts_with("/x")).collect();
    assert_eq!(asked, ["/x Bearer a1body", "/x Bearer a2body"]);
    let response = account.send(post()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "the adapter says what that means");
    assert_eq!(account.requests(), 4, "renewals are not requests to the API");
    let printed = format!("{account:?} {tokens:?}");
    assert!(!printed.contains("a3") && !printed.contains("refresh-0"), "{printed}");
}

#[tokio::test]
async fn what_is_granted_is_used_at_once() {
    let server = Scripted::new(&[(200, &rotated("a1", "r1")), (200, &token("a2"))]);
    let client = server.client();
    let world = World::default();
    let first = client.renew(&"r0".into()).await.unwrap();
    let second = client.renew(&"r1".into()).await.unwrap();
    server.asked();
    let tokens = Tokens::granted(client.clone(), first, None, world.clock(), world.keep()).unwrap();
    let tokens = Arc::new(tokens);
    assert_eq!(name(&tokens.access().await.unwrap()), "a1");
    assert_eq!(tokens.refresh_token().await.expose_secret(), "r1");
    let none = Tokens::granted(client, second, None, world.clock(), world.keep());
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(server.asked().is_empty());
}
