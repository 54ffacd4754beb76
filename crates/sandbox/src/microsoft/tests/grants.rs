//! Sign-in: page, codes, refresh.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Home;
use crate::microsoft::{CLIENT_ID, Consent, Poll, TokenMood};

const VERIFIER: &str = "a-verifier-that-is-at-least-forty-three-letters-long";
const SCOPE: &str =
    "https%3A%2F%2Fgraph.microsoft.com%2FCalendars.ReadWrite+User.Read+offline_access";

async fn form(home: &Home, path: &str, text: &str) -> (u16, Value) {
    let request = http::Request::post(format!("https://login.example{path}"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(axum::body::Bytes::from(format!("client_id={CLIENT_ID}&{text}")));
    let response = home.microsoft.answer(request.unwrap()).await.unwrap();
    let body = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body)
}

async fn page(home: &Home, redirect: &str) -> (u16, String) {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let url = format!(
        "https://login.example/common/oauth2/v2.0/authorize?client_id={CLIENT_ID}&\
         response_type=code&redirect_uri={redirect}&scope={SCOPE}&state=xyz&\
         code_challenge={challenge}&code_challenge_method=S256"
    );
    let request = http::Request::get(url).body(axum::body::Bytes::new()).unwrap();
    let response = home.microsoft.answer(request).await.unwrap();
    let location = response.headers().get("location").map(|value| value.to_str().unwrap());
    (response.status().as_u16(), location.unwrap_or_default().to_owned())
}

const TOKEN: &str = "/common/oauth2/v2.0/token";

// quirk: microsoft-65, microsoft-66, microsoft-67
#[tokio::test]
async fn a_browser_brings_a_code_that_is_good_once() {
    let home = Home::tame();
    let redirect = "http%3A%2F%2Flocalhost%3A4711";
    let (status, target) = page(&home, redirect).await;
    assert_eq!(status, 302);
    assert!(target.starts_with("http://localhost:4711/?code=") && target.contains("state=xyz"));
    let code = target.split_once("code=").unwrap().1.split('&').next().unwrap();
    let text = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={redirect}&code_verifier={VERIFIER}"
    );
    let (status, body) = form(&home, TOKEN, &text).await;
    assert_eq!(status, 200, "{body}");
    assert!((3599..=5400).contains(&body["expires_in"].as_i64().unwrap()));
    assert_eq!(
        body["scope"],
        "https://graph.microsoft.com/Calendars.ReadWrite https://graph.microsoft.com/User.Read"
    );
    assert_eq!(form(&home, TOKEN, &text).await.0, 400);
    let secret = form(&home, TOKEN, &format!("{text}&client_secret=x")).await;
    assert_eq!((secret.0, &secret.1["error_codes"][0]), (401, &700_025.into()));
    for wrong in ["http%3A%2F%2Flocalhost%3A1%2Fpath", "http%3A%2F%2F127.0.0.1%3A1"] {
        assert_eq!(page(&home, wrong).await.0, 400);
    }
    home.microsoft.set_consent(Consent::Declines);
    assert!(page(&home, redirect).await.1.contains("error=access_denied"));
}

// quirk: microsoft-64
#[tokio::test]
async fn a_device_code_is_asked_for_patiently() {
    let home = Home::tame();
    let path = "/consumers/oauth2/v2.0/devicecode";
    let (_, device) = form(&home, path, &format!("scope={SCOPE}")).await;
    assert_eq!(device["verification_uri"], "https://www.microsoft.com/link");
    assert!(device.get("verification_uri_complete").is_none());
    home.microsoft.set_polls(&[Poll::Pending, Poll::Pending]);
    let text = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={}",
        device["device_code"].as_str().unwrap()
    );
    let token = "/consumers/oauth2/v2.0/token";
    assert_eq!(form(&home, token, &text).await.1["error"], "authorization_pending");
    assert_eq!(form(&home, token, &text).await.1["error"], "slow_down");
    home.world.advance(Duration::from_secs(10));
    home.microsoft.set_polls(&[Poll::Declined]);
    assert_eq!(form(&home, token, &text).await.1["error"], "authorization_declined");
    home.world.advance(Duration::from_secs(10));
    let (status, body) = form(&home, token, &text).await;
    assert_eq!((status, body["refresh_token"].is_string()), (200, true));
    assert_eq!(home.microsoft.violations().len(), 1);
}

// quirk: microsoft-61, microsoft-62
#[tokio::test]
async fn a_refresh_token_rotates_and_the_old_one_lives_a_little() {
    let home = Home::tame();
    let refresh = |token: String| {
        let text = format!("grant_type=refresh_token&refresh_token={token}");
        let home = &home;
        async move { form(home, TOKEN, &text).await }
    };
    let first = home.microsoft.refresh_token("ada");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(refresh(first.clone()).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 400]);
    let mut token = home.microsoft.refresh_token("ada");
    for _ in 0..100 {
        let body = refresh(token.clone()).await.1;
        let next = body["refresh_token"].as_str().unwrap().to_owned();
        assert_ne!(next, token);
        token = next;
    }
    home.microsoft.set_token_mood(TokenMood::Refuses(53003, "invalid_grant".into(), "x".into()));
    let (status, body) = refresh(token.clone()).await;
    assert_eq!(
        (status, &body["error"], &body["suberror"]),
        (400, &"invalid_grant".into(), &"x".into())
    );
    home.microsoft.set_token_mood(TokenMood::Keeps);
    assert!(refresh(token.clone()).await.1.get("refresh_token").is_none());
    home.microsoft.set_token_mood(TokenMood::ShortScopes);
    assert_eq!(refresh(token.clone()).await.1["scope"], "User.Read Calendars.ReadWrite");
    home.world.advance(Duration::from_secs(91 * 24 * 3600));
    let fresh = home.microsoft.refresh_token("ada");
    assert_eq!(refresh(token).await.1["error_codes"][0], 700_082);
    home.microsoft.revoke("ada");
    assert_eq!(refresh(fresh).await.1["error_codes"][0], 50173);
}
