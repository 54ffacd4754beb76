//! A provider in this process, with the answers that are documented (RFC 6749, Google, Microsoft).

mod tokens;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{Response, StatusCode};

use super::*;
use crate::Answering;

const SCOPES: &[Scope] = &[
    Scope {
        name: "https://issuer.example/auth/calendar.events",
        within: &["https://issuer.example/auth/calendar"],
        purpose: "events",
    },
    Scope {
        name: "https://issuer.example/auth/calendar.list",
        within: &["https://issuer.example/auth/calendar"],
        purpose: "the list of calendars",
    },
];

/// What is answered; `None` for a lost connection.
type Scene = Option<(u16, String)>;

/// A provider in this process: its answers in order, the last one for ever, `None` for a lost
/// connection.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Scene>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn new(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| Some((*status, (*body).to_owned())));
        Self { answers: Arc::new(Mutex::new(answers.collect())), ..Self::default() }
    }

    fn wire(&self) -> Wire {
        let this = self.clone();
        Wire::InProcess(Arc::new(move |request| this.answer(&request)))
    }

    fn answer(&self, request: &Request<Bytes>) -> Answering {
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map_or("", |value| value.to_str().unwrap());
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let path = request.uri().path().to_owned();
        self.asked.lock().unwrap().push(format!("{path} {authorization}{body}"));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move {
            // Others get a chance to ask beside.
            tokio::task::yield_now().await;
            let (status, body) = answer.flatten()?;
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Some(response)
        })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn client(&self) -> Arc<Client> {
        Arc::new(Client::new(self.options()).unwrap())
    }

    fn options(&self) -> ClientOptions {
        let url = |path: &str| Url::parse(&format!("https://issuer.example/{path}")).unwrap();
        ClientOptions {
            issuer: "Issuer",
            client_id: "id".into(),
            client_secret: Some("canary-client".into()),
            auth_url: url("auth?hl=en"),
            token_url: url("token"),
            revoke_url: Some(url("revoke")),
            device_url: Some(url("devicecode")),
            scopes: SCOPES,
            redirect: Redirect::Address,
            extra: &[("access_type", "offline")],
            explain: |refusal| (refusal.error == "invalid_grant").then(|| "it is dead".into()),
            wire: self.wire(),
        }
    }
}

fn token(name: &str) -> String {
    format!(r#"{{"access_token":"{name}","expires_in":3599,"token_type":"Bearer"}}"#)
}

fn rotated(name: &str, refresh: &str) -> String {
    format!(r#"{{"access_token":"{name}","expires_in":3599,"refresh_token":"{refresh}"}}"#)
}

#[test]
fn the_consent_page_is_asked_with_pkce_and_its_answer_belongs_to_it() {
    let client = Scripted::new(&[]).client();
    let chance = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let consent = client.consent("http://127.0.0.1:4711/", &chance, Some("me@example.com"));
    let pairs: Vec<_> = consent.url().query_pairs().into_owned().collect();
    let get = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| &**value);
    assert_eq!(get("hl"), Some("en"), "what the address had stays");
    assert_eq!(get("client_id"), Some("id"));
    assert_eq!(get("redirect_uri"), Some("http://127.0.0.1:4711/"));
    assert_eq!(get("response_type"), Some("code"));
    let scopes = SCOPES.iter().map(|scope| scope.name).collect::<Vec<_>>().join(" ");
    assert_eq!(get("scope"), Some(&*scopes));
    assert_eq!(get("code_challenge_method"), Some("S256"));
    assert_eq!(get("code_challenge").map(str::len), Some(43));
    assert_eq!((get("access_type"), get("login_hint")), (Some("offline"), Some("me@example.com")));
    assert_eq!(consent.verifier().len(), 43);
    assert!(get("client_secret").is_none() && !consent.url().as_str().contains(consent.verifier()));
    assert!(!format!("{consent:?}").contains(consent.verifier()));

    let state = get("state").unwrap();
    let code = |answer: &str| consent.code(answer).map(|code| code.expose_secret().to_owned());
    let taken = Ok(String::from("4/0Ab_x"));
    assert_eq!(code(&format!("/?state={state}&code=4%2F0Ab_x&scope=y")), taken);
    assert_eq!(code(&format!(" http://127.0.0.1:4711/?code=4/0Ab_x&state={state}\n")), taken);
    let cases = [
        ("/?code=x&state=other".into(), ConsentError::WrongState),
        ("/?code=x".into(), ConsentError::WrongState),
        ("/?error=access_denied".into(), ConsentError::WrongState),
        (format!("/?error=access_denied&state={state}"), ConsentError::Declined),
        (
            format!("/?error=invalid_<scope&state={state}"),
            ConsentError::Refused("invalid_scope".into()),
        ),
        (format!("/?state={state}"), ConsentError::NoAnswer),
        (format!("/?state={state}&code="), ConsentError::NoAnswer),
        ("/favicon.ico".into(), ConsentError::NoAnswer),
        (String::new(), ConsentError::NoAnswer),
        ("x".repeat(100_000), ConsentError::NoAnswer),
    ];
    for (answer, expected) in cases {
        assert_eq!(code(&answer), Err(expected), "{answer:.80}");
    }
}

#[test]
fn the_challenge_is_that_of_rfc_7636_appendix_b() {
    // The verifier there is the base64 of these bytes.
    let bytes: [u8; 32] = [
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37,
        77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
    ];
    let mut chance = [0; 64];
    chance[32..].copy_from_slice(&bytes);
    let consent = Scripted::new(&[]).client().consent("http://127.0.0.1:1/", &chance, None);
    assert_eq!(consent.verifier(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&";
    assert!(consent.url().as_str().contains(challenge));
}

#[tokio::test]
async fn a_code_is_exchanged_for_a_grant_with_every_right() {
    let whole = r#"{"access_token":"a","expires_in":3599,"refresh_token":"r","token_type":"Bearer",
        "scope":"calendar.list https://issuer.example/auth/calendar.events"}"#;
    let wider = r#"{"access_token":"a","refresh_token":"r","expires_in":"60",
        "scope":"https://issuer.example/auth/calendar"}"#;
    let narrow = r#"{"access_token":"a","refresh_token":"r",
        "scope":"https://issuer.example/auth/calendar.events"}"#;
    let server = Scripted::new(&[(200, whole), (200, wider), (200, narrow), (200, &token("a"))]);
    let client = server.client();
    let consent = client.consent("http://127.0.0.1:4711/", &[7; 64], None);
    let code = SecretString::from("4/0A b");

    let grant = client.exchange(&code, &consent).await.unwrap();
    assert_eq!(grant.lifetime, Duration::from_secs(3599));
    assert_eq!(grant.refresh.unwrap().expose_secret(), "r");
    let verifier = consent.verifier();
    assert_eq!(
        server.asked(),
        [format!(
            "/token grant_type=authorization_code&code=4%2F0A+b&code_verifier={verifier}\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2F&client_id=id\
             &client_secret=canary-client"
        )]
    );
    let grant = client.exchange(&code, &consent).await.unwrap();
    assert_eq!(grant.lifetime, Duration::from_secs(60), "in quotes");
    let error = client.exchange(&code, &consent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.sentence().contains("needs: the list of calendars; connect again"), "{error}");
    let error = client.exchange(&code, &consent).await.unwrap_err();
    assert!(error.sentence().contains("no refresh token"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_a_legible_final_refusal_is_unauthorized() {
    use ErrorKind::{Forbidden, Unauthorized, Unavailable};
    let cases = [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
            Unauthorized,
        ),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)",
                "error_subtype":"invalid_rapt"}"#,
            Unauthorized,
        ),
        (401, r#"{"error":"invalid_client","error_description":"Unauthorized"}"#, Forbidden),
        (400, r#"{"error":"unauthorized_client"}"#, Unauthorized),
        (400, r#"{"error":"deleted_client"}"#, Forbidden),
        (400, r#"{"error":"admin_policy_enforced"}"#, Unauthorized),
        (400, r#"{"error":"interaction_required","suberror":"basic_action"}"#, Unauthorized),
        (400, r#"{"error":"invalid_scope"}"#, Forbidden),
        (400, r#"{"error":"redirect_uri_mismatch"}"#, Forbidden),
        (400, r#"{"error":"temporarily_unavailable"}"#, Unavailable),
        (500, r#"{"error":"invalid_grant"}"#, Unavailable),
        (500, r#"{"error":"internal_failure"}"#, Unavailable),
        (502, "<html>Bad Gateway</html>", Unavailable),
        (400, "<html>invalid_grant</html>", Unavailable),
        (403, "", Unavailable),
        (404, r#"{"error":{"code":404}}"#, Unavailable),
        (400, r#"{"error":"Invalid <b>grant</b>"}"#, Unavailable),
        (200, "", Unavailable),
        (200, "<html>Sign in to the hotel</html>", Unavailable),
        (200, r#"{"access_token":""}"#, Unavailable),
        (200, r#"{"error":"invalid_grant"}"#, Unavailable),
        (302, "", Unavailable),
        (204, "", Unavailable),
    ];
    for (status, body, kind) in cases {
        let client = Scripted::new(&[(status, body)]).client();
        let error = client.renew(&"canary-refresh".into()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("expired or revoked"), "{error:?}");
    }
    for (status, body) in [(429, ""), (503, ""), (403, r#"{"error":"rate_limit_exceeded"}"#)] {
        let server = Scripted::new(&[(status, body)]);
        let client = server.client();
        for _ in 0..2 {
            let error = client.renew(&"r".into()).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::RateLimited { .. }), "{status}: {error}");
        }
        assert_eq!(server.asked().len(), 1, "throttled, it is left alone");
    }
    let lost = Scripted { answers: Arc::new(Mutex::new([None].into())), ..Scripted::default() };
    let error = lost.client().renew(&"r".into()).await.unwrap_err();
    assert_eq!((error.kind(), lost.asked().len()), (Unavailable, 1));
}

#[tokio::test]
async fn a_refusal_says_what_it_most_likely_means() {
    let body = r#"{"error":"invalid_grant","error_subtype":"invalid_rapt",
        "error_codes":[700082],"error_description":"canary"}"#;
    let client = Scripted::new(&[(400, body)]).client();
    let error = client.renew(&"r".into()).await.unwrap_err();
    let expected = "Issuer refused the sign-in (invalid_grant, invalid_rapt): it is dead";
    assert_eq!(error.to_string(), expected);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "400 invalid_grant (invalid_rapt) 700082");
}

#[tokio::test]
async fn what_is_revoked_already_is_revoked() {
    let cases = [
        (200, "", None),
        (400, r#"{"error":"invalid_token","error_description":"Token expired"}"#, None),
        (400, r#"{"error":"invalid_request"}"#, Some(ErrorKind::Rejected)),
        (500, "", Some(ErrorKind::Unavailable)),
        (400, "<html>", Some(ErrorKind::Unavailable)),
    ];
    for (status, body, expected) in cases {
        let server = Scripted::new(&[(status, body)]);
        let result = server.client().revoke(&"1//r".into()).await;
        assert_eq!(result.err().map(|error| error.kind()), expected, "{status} {body}");
        assert_eq!(server.asked(), ["/revoke token=1%2F%2Fr"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_can_say_that_a_refusal_was_a_throttling() {
    let server = Scripted::new(&[(403, "rateLimitExceeded")]);
    let url = Url::parse("https://api.example/").unwrap();
    let mut options = Options::new(url, Credential::Token("t".into()));
    options.wire = server.wire();
    let account = Account::new(options).unwrap();
    let get = || Request::get("https://api.example/x").body(Bytes::new()).unwrap();
    let seconds = |error: &Error| match error.kind() {
        ErrorKind::RateLimited { retry_after: Some(wait) } => wait.as_secs(),
        other => panic!("{other:?}"),
    };
    for expected in [2, 4, 8] {
        assert_eq!(account.send(get()).await.unwrap().status(), StatusCode::FORBIDDEN);
        assert_eq!(seconds(&account.throttled(None)), expected);
        assert_eq!(seconds(&account.throttled(None)), expected, "that ran beside it");
        assert_eq!(seconds(&account.send(get()).await.unwrap_err()), expected);
        tokio::time::advance(Duration::from_secs(expected)).await;
    }
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_where_that_does_no_harm() {
    let cases = [
        ("GET", "", 2),
        ("PATCH", "\"1\"", 2),
        ("PATCH", "", 1),
        ("DELETE", "\"1\"", 2),
        ("POST", "\"1\"", 1),
    ];
    for (method, condition, tries) in cases {
        let lost = Scripted { answers: Arc::new(Mutex::new([None].into())), ..Scripted::default() };
        let url = Url::parse("https://api.example/").unwrap();
        let mut options = Options::new(url, Credential::Token("t".into()));
        options.wire = lost.wire();
        let mut request = Request::builder().method(method).uri("https://api.example/x");
        if !condition.is_empty() {
            request = request.header("if-match", condition);
        }
        let request = request.body(Bytes::new()).unwrap();
        let error = Account::new(options).unwrap().send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(lost.asked().len(), tries, "{method} {condition}");
    }
}

#[tokio::test]
async fn a_code_is_typed_on_another_device() {
    let begun = r#"{"device_code":"canary-device","user_code":"GTHK-QPMN","expires_in":900,
        "verification_uri":"https://microsoft.com/devicelogin","interval":5,"message":"x"}"#;
    let pending = r#"{"error":"authorization_pending","error_codes":[70016],
        "error_description":"AADSTS70016: OAuth 2.0 device flow error.\r\nTrace ID: 6a1f"}"#;
    let server = Scripted::new(&[
        (200, begun),
        (400, pending),
        (400, r#"{"error":"slow_down"}"#),
        (200, &rotated("a1", "r1")),
        (400, r#"{"error":"authorization_declined"}"#),
        (400, r#"{"error":"expired_token"}"#),
        (400, r#"{"error":"interaction_required"}"#),
        (502, ""),
    ]);
    let client = server.client();
    let mut code = client.device().await.unwrap().unwrap();
    assert_eq!((code.user_code.as_str(), code.interval.as_secs()), ("GTHK-QPMN", 5));
    assert_eq!(code.page, "https://microsoft.com/devicelogin");
    assert!(!format!("{code:?}").contains("canary"));
    assert!(matches!(client.poll(&mut code).await, Ok(Poll::Pending)));
    assert!(matches!(client.poll(&mut code).await, Ok(Poll::Pending)));
    assert_eq!(code.interval.as_secs(), 10, "slower, for good");
    assert!(matches!(client.poll(&mut code).await, Ok(Poll::Granted(_))));
    let kinds = [
        ErrorKind::Forbidden,
        ErrorKind::Forbidden,
        ErrorKind::Unauthorized,
        ErrorKind::Unavailable,
    ];
    for kind in kinds {
        assert_eq!(client.poll(&mut code).await.unwrap_err().kind(), kind);
    }
    let asked = server.asked();
    assert!(asked[0].starts_with("/devicecode client_id=id&scope=https%3A%2F%2F"), "{asked:?}");
    assert!(asked[1].contains("device_code=canary-device&client_id=id"), "{asked:?}");
    let nothing = Scripted::new(&[(200, "<html>")]).client().device().await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Unavailable);
}

#[test]
fn no_secret_goes_over_an_open_network() {
    let server = Scripted::new(&[]);
    type Spoil = fn(&mut ClientOptions, Url);
    let spoils: [Spoil; 3] = [
        |options, url| options.token_url = url,
        |options, url| options.auth_url = url,
        |options, url| options.revoke_url = Some(url),
    ];
    for spoil in spoils {
        let mut options = server.options();
        spoil(&mut options, Url::parse("http://issuer.example/").unwrap());
        assert_eq!(Client::new(options).unwrap_err().kind(), ErrorKind::Forbidden);
    }
}
