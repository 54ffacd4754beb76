//! What a Microsoft user is told, and how Microsoft's sign-in is asked: its clouds with their
//! endpoints, the rights that calpair needs, and what a refusal most likely means. What is done
//! about a refusal hangs on its name; the numbers (AADSTS…) only make the sentence better.

use transport::oauth::{Refusal, Scope, Stage};

use crate::config::{Cloud, Endpoint, Microsoft};

/// Asked of the sign-in page beside the usual. Who is signed in with several accounts is asked
/// which one is meant.
pub const EXTRA: &[(&str, &str)] = &[("response_mode", "query"), ("prompt", "select_account")];

/// Said before the browser is opened.
pub const BEFORE: &str = "\
Microsoft will call this app unverified: that is your own app registration (docs/microsoft.md).";

/// Said when consent was declined.
pub const DECLINED: &str = "\
Microsoft gave no consent. If you did not decline yourself:
  - \"Need admin approval\": this organisation lets only its administrator admit apps. Have the
    administrator grant consent to the app in the Entra portal (docs/microsoft.md).
  - \"can't sign in here\": the app registration does not admit this kind of account (personal, or
    of another organisation); `tenant` in the configuration has to fit it, too.";

/// Where a person takes a program's access away.
pub const CONNECTIONS: &str =
    "https://myapps.microsoft.com (personal accounts: https://account.live.com/consent/Manage)";

/// Said when Microsoft accepts a sign-in and the account has no calendar.
pub const NO_CALENDAR: &str = "\
Microsoft accepted the sign-in, but this account has no calendar yet. Open outlook.com once, and
try again.";

/// Graph, version included (https://learn.microsoft.com/graph/deployments).
pub const fn graph(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "https://graph.microsoft.com/v1.0",
        Cloud::UsGov => "https://graph.microsoft.us/v1.0",
        Cloud::UsDod => "https://dod-graph.microsoft.us/v1.0",
        Cloud::China => "https://microsoftgraph.chinacloudapi.cn/v1.0",
    }
}

/// Who issues tokens for a cloud.
const fn authority(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "https://login.microsoftonline.com",
        Cloud::UsGov | Cloud::UsDod => "https://login.microsoftonline.us",
        Cloud::China => "https://login.partner.microsoftonline.cn",
    }
}

/// The sign-in page and the token endpoint of an account.
pub fn sign_in(account: &Microsoft) -> (String, String) {
    (endpoint(account, "authorize"), endpoint(account, "token"))
}

/// Where a code is got that is typed on another device.
pub fn device(account: &Microsoft) -> String {
    endpoint(account, "devicecode")
}

fn endpoint(account: &Microsoft, name: &str) -> String {
    let authority =
        account.authority_url.as_ref().map_or(authority(account.cloud), Endpoint::as_str);
    format!("{}/{}/oauth2/v2.0/{name}", authority.trim_end_matches('/'), account.tenant)
}

/// The narrowest rights that do, named in full: what has no name of a cloud before it is Graph's
/// in the global one.
macro_rules! scopes {
    ($graph:literal) => {
        &[
            Scope {
                name: concat!($graph, "/Calendars.ReadWrite"),
                within: &["Calendars.ReadWrite.Shared"],
                purpose: "to see and change your calendars (Calendars.ReadWrite)",
            },
            Scope {
                name: concat!($graph, "/User.Read"),
                within: &["User.ReadWrite"],
                purpose: "to see whose account it is (User.Read)",
            },
            Scope { name: "offline_access", within: &[], purpose: "to stay signed in" },
        ]
    };
}

/// What is asked for in a cloud.
pub const fn scopes(cloud: Cloud) -> &'static [Scope] {
    match cloud {
        Cloud::Global => scopes!("https://graph.microsoft.com"),
        Cloud::UsGov => scopes!("https://graph.microsoft.us"),
        Cloud::UsDod => scopes!("https://dod-graph.microsoft.us"),
        Cloud::China => scopes!("https://microsoftgraph.chinacloudapi.cn"),
    }
}

/// What a refusal most likely means.
pub fn explain(refusal: &Refusal) -> Option<String> {
    let by_number = refusal.codes.iter().find_map(|number| numbered(*number));
    let cause = by_number.or_else(|| named(refusal))?;
    let numbers: Vec<String> =
        refusal.codes.iter().map(|number| format!("AADSTS{number}")).collect();
    if numbers.is_empty() {
        return Some(cause.to_owned());
    }
    Some(format!("{cause} [{}]", numbers.join(" ")))
}

/// By the numbers of <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
const fn numbered(number: u64) -> Option<&'static str> {
    Some(match number {
        50_173 => {
            "it was taken back: the password was changed, or somebody ended all sign-ins of the \
             account"
        }
        700_082 => "it was not used for 90 days",
        700_084 => {
            "the app is registered as a single-page application, whose sign-ins last a day; \
             register it as a mobile and desktop application (docs/microsoft.md)"
        }
        70_043 => "the account's organisation wants people to sign in again every so often",
        65_001 => "nobody has consented to the app, or not to all that it needs",
        90_094 => "only an administrator of the organisation can consent to the app",
        50_074 | 50_076 | 50_079 => "the organisation now wants a second factor at the sign-in",
        50_005 | 53_000 | 53_001 | 53_003 | 530_003 => {
            "the organisation's Conditional Access does not let calpair in from here, or not with \
             a code; try it without --device, or ask the administrator"
        }
        50_055 => "the account's password has expired",
        50_057 => "the account is disabled",
        7_000_218 => {
            "the app registration does not allow public client flows: switch them on under \
             Authentication (docs/microsoft.md)"
        }
        700_016 => {
            "there is no app with this client_id where `tenant` looks for it; it must be the \
             Application (client) ID"
        }
        700_025 => "the app is registered for the web; it must be a mobile and desktop application",
        9_002_331 | 9_002_332 => {
            "the app registration admits other accounts than `tenant` does (docs/microsoft.md)"
        }
        50_011 => "the app registration lacks the redirect http://localhost (docs/microsoft.md)",
        90_002 => "there is no such `tenant`",
        50_196 => "Microsoft saw too many sign-ins in a row and wants a pause",
        _ => return None,
    })
}

fn named(refusal: &Refusal) -> Option<&'static str> {
    Some(match (refusal.error.as_str(), refusal.subtype.as_deref(), refusal.stage) {
        (_, Some("consent_required"), _) | ("consent_required", _, _) => {
            "nobody has consented to the app, or not to all that it needs"
        }
        (_, Some("user_password_expired"), _) => "the account's password has expired",
        (_, Some("basic_action" | "additional_action"), _) | ("interaction_required", _, _) => {
            "the organisation wants something to be done at the sign-in page"
        }
        ("invalid_grant", _, Stage::Exchange) => {
            "the code was used before or is too old; run the command again"
        }
        ("invalid_grant", _, Stage::Renewal) => {
            "it was taken back or not used for 90 days, or the password was changed"
        }
        ("invalid_client", _, _) => {
            "the app registration must allow public client flows (docs/microsoft.md)"
        }
        ("unauthorized_client", _, _) => {
            "the app registration does not admit this account; check client_id and tenant"
        }
        ("invalid_scope", _, _) => "the app registration does not know these rights of Graph",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(tenant: &str, cloud: Cloud, authority: Option<&str>) -> Microsoft {
        Microsoft {
            client_id: "id".into(),
            tenant: tenant.into(),
            cloud,
            api_url: None,
            authority_url: authority.map(|url| Endpoint::parse(url).unwrap()),
        }
    }

    fn said(error: &str, subtype: Option<&str>, codes: &[u64]) -> String {
        let (subtype, codes) = (subtype.map(String::from), codes.to_vec());
        let error = error.to_owned();
        let refusal = Refusal { stage: Stage::Renewal, status: 400, error, subtype, codes };
        explain(&refusal).unwrap_or_default()
    }

    #[test]
    fn every_cloud_and_tenant_has_its_own_endpoints() {
        let cases = [
            ("common", Cloud::Global, "https://login.microsoftonline.com/common/"),
            ("consumers", Cloud::Global, "https://login.microsoftonline.com/consumers/"),
            ("contoso.example", Cloud::UsGov, "https://login.microsoftonline.us/contoso.example/"),
            ("common", Cloud::UsDod, "https://login.microsoftonline.us/common/"),
            ("common", Cloud::China, "https://login.partner.microsoftonline.cn/common/"),
        ];
        for (tenant, cloud, begins) in cases {
            let account = account(tenant, cloud, None);
            let (auth, token) = sign_in(&account);
            assert_eq!(auth, format!("{begins}oauth2/v2.0/authorize"));
            assert_eq!(token, format!("{begins}oauth2/v2.0/token"));
            let root = graph(cloud).trim_end_matches("/v1.0");
            assert_eq!(scopes(cloud)[0].name, format!("{root}/Calendars.ReadWrite"));
        }
        let own = account("organizations", Cloud::Global, Some("http://127.0.0.1:9/"));
        assert_eq!(device(&own), "http://127.0.0.1:9/organizations/oauth2/v2.0/devicecode");
    }

    // quirk: microsoft-62
    #[test]
    fn the_likely_cause_is_named() {
        let cases: [(&str, Option<&str>, &[u64], &str); 12] = [
            ("invalid_grant", Some("bad_token"), &[50_173], "password was changed"),
            ("invalid_grant", Some("bad_token"), &[700_082], "90 days"),
            ("invalid_grant", None, &[700_084], "single-page"),
            ("invalid_grant", Some("consent_required"), &[65_001], "consented"),
            ("interaction_required", None, &[50_076], "second factor"),
            ("interaction_required", Some("basic_action"), &[53_003], "Conditional Access"),
            ("invalid_client", None, &[7_000_218], "public client flows"),
            ("unauthorized_client", None, &[700_016], "client_id"),
            ("invalid_request", None, &[90_002], "no such `tenant`"),
            ("invalid_request", None, &[9_002_332], "admits other accounts"),
            ("invalid_grant", None, &[], "90 days, or the password"),
            ("invalid_grant", Some("user_password_expired"), &[1], "password has expired"),
        ];
        for (error, subtype, codes, expected) in cases {
            let text = said(error, subtype, codes);
            assert!(text.contains(expected), "{error} {codes:?}: {text}");
        }
        assert!(said("invalid_grant", None, &[700_082]).ends_with("[AADSTS700082]"));
        assert_eq!(said("other", None, &[]), "");
    }

    #[test]
    fn what_is_said_fits_a_terminal() {
        for text in [BEFORE, DECLINED, NO_CALENDAR] {
            assert!(text.lines().all(|line| line.chars().count() <= 100));
        }
    }
}
