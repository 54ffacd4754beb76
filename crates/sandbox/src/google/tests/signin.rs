//! Sign-in: tokens, what they are good for, and how they end.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Bench, hour, ready};
use crate::google::{Api, CLIENT_ID, CLIENT_SECRET, Consent, SCOPES, TokenMood};

const REDIRECT: &str = "http://127.0.0.1:4711/";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of the verifier (RFC 7636 appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Bench {
    /// The query of the address that the consent page leads to.
    fn visit(&self) -> BTreeMap<String, String> {
        let scope = SCOPES.join("%20");
        let uri = format!(
            "http://google.test/auth?client_id={CLIENT_ID}&redirect_uri={REDIRECT}\
             &response_type=code&scope={scope}&state=s1&code_challenge={CHALLENGE}\
             &code_challenge_method=S256&access_type=offline"
        );
        let request = http::Request::get(uri).body(Bytes::new()).unwrap();
        let response = ready(self.google.answer(request)).unwrap();
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap();
        let query = location.strip_prefix(REDIRECT).unwrap().strip_prefix('?').unwrap();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn token_request(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let mut all = vec![("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields);
        let form: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = http::Request::post("http://google.test/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form.join("&")))
            .unwrap();
        let response = ready(self.google.answer(request)).unwrap();
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), body)
    }

    fn exchange(&self, code: &str, verifier: &str) -> (u16, Value) {
        self.token_request(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", REDIRECT),
        ])
    }

    fn refresh(&self, token: &str) -> (u16, Value) {
        self.token_request(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }
}

#[test]
fn a_code_is_exchanged_once() {
    // quirk: google-56
    let mut bench = Bench::new();
    let query = bench.visit();
    assert_eq!(query["state"], "s1");
    let (status, tokens) = bench.exchange(&query["code"], VERIFIER);
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["scope"], SCOPES.join(" "));
    assert_eq!(bench.exchange(&query["code"], VERIFIER).1["error"], "invalid_grant");
    let wrong = bench.visit();
    let (status, refused) = bench.exchange(&wrong["code"], &"x".repeat(43));
    assert_eq!((status, &refused["error_description"]), (400, &json!("Bad Request")));
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("").status, 200);
    bench.world.advance(Duration::from_secs(3600));
    let expired = bench.get("");
    assert_eq!((expired.status, expired.reason()), (401, "authError"));
    let (status, fresh) = bench.refresh(&refresh);
    assert_eq!(status, 200);
    assert_eq!(fresh["refresh_token"], Value::Null);
    bench.token = fresh["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get("").status, 200);
    bench.google.expire_access("gil");
    assert_eq!(bench.get("").status, 401);
    bench.google.assert_unviolated();
}

#[test]
fn people_decline_and_untick() {
    // quirk: google-55
    let mut bench = Bench::new();
    bench.google.set_consent(Consent::Declines);
    assert_eq!(bench.visit()["error"], "access_denied");
    let kept = vec!["calendarlist.readonly".to_owned()];
    bench.google.set_consent(Consent::Unticks(kept));
    let (_, tokens) = bench.exchange(&bench.visit()["code"], VERIFIER);
    assert_eq!(tokens["scope"], SCOPES[1]);
    bench.token = tokens["access_token"].as_str().unwrap().to_owned();
    let refused = bench.get("");
    assert_eq!((refused.status, refused.reason()), (403, "insufficientPermissions"));
    let details = &refused.body["error"]["details"][0];
    assert_eq!(details["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    assert_eq!(details["metadata"]["method"], "calendar.v3.events.list");
}

#[test]
fn the_scopes_of_calpair_do_not_reach_everything() {
    let bench = Bench::new();
    let cases = [
        ("users/me/calendarList", 200),
        ("users/me/calendarList/primary", 200),
        ("calendars/primary", 403),
        ("calendars/primary/events", 200),
        ("users/me/settings", 403),
        ("colors", 200),
    ];
    for (path, status) in cases {
        let answer = bench.ask("GET", &format!("/calendar/v3/{path}"), None, &Value::Null);
        assert_eq!(answer.unwrap().status, status, "{path}");
    }
    bench.google.set_api(Api::Off);
    assert_eq!(bench.insert(&hour("dentist1")).reason(), "accessNotConfigured");
}

#[test]
fn refresh_tokens_end_in_many_ways() {
    // quirk: google-53, google-54
    let bench = Bench::new();
    let refresh = bench.google.refresh_token("gil");
    assert_eq!(bench.refresh("1//none").1["error_description"], "Bad Request");
    bench.google.set_token_mood(TokenMood::Rotates);
    let (_, rotated) = bench.refresh(&refresh);
    let next = rotated["refresh_token"].as_str().unwrap().to_owned();
    let (status, refused) = bench.refresh(&refresh);
    let said = "Token has been expired or revoked.";
    assert_eq!((status, &refused["error_description"]), (400, &json!(said)));
    bench.google.set_token_mood(TokenMood::Reauth("invalid_rapt".to_owned()));
    assert_eq!(bench.refresh(&next).1["error_subtype"], "invalid_rapt");
    bench.google.set_token_mood(TokenMood::Refuses("admin_policy_enforced".to_owned()));
    assert_eq!(bench.refresh(&next).1, json!({"error": "admin_policy_enforced"}));
    bench.google.set_token_mood(TokenMood::UnknownClient);
    assert_eq!(bench.refresh(&next).0, 401);
    bench.google.set_token_mood(TokenMood::Tokenless);
    assert_eq!(bench.refresh(&next), (200, json!({})));
    bench.google.set_token_mood(TokenMood::OutOfOrder);
    assert_eq!(bench.refresh(&next), (503, Value::Null));
    bench.google.set_token_mood(TokenMood::Fair);
    bench.world.revoke("gil");
    assert_eq!(bench.refresh(&next).1["error"], "invalid_grant");
    assert_eq!(bench.get("").status, 401);
    bench.world.restore("gil");
    assert_eq!(bench.refresh(&next).0, 200);
    bench.google.revoke("gil");
    assert_eq!(bench.refresh(&next).1["error"], "invalid_grant");
}

#[test]
fn the_hundred_and_first_refresh_token_ends_the_first() {
    let bench = Bench::new();
    let tokens: Vec<String> = (0..101).map(|_| bench.google.refresh_token("gil")).collect();
    assert_eq!(bench.refresh(&tokens[0]).0, 400);
    assert_eq!(bench.refresh(&tokens[1]).0, 200);
    let revoke = |token: &str| {
        let request = http::Request::post(format!("http://google.test/revoke?token={token}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::new())
            .unwrap();
        ready(bench.google.answer(request)).unwrap().status().as_u16()
    };
    assert_eq!((revoke(&tokens[1]), revoke(&tokens[1])), (200, 400));
    assert_eq!(bench.refresh(&tokens[1]).0, 400);
}
