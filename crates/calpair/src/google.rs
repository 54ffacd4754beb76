//! What a Google user is told, and how Google's sign-in is asked: its endpoints, the rights that
//! calpair needs, and what a refusal most likely means. Google says `invalid_grant` for everything;
//! the commonest cause by far is a consent screen that was left in Testing.

use transport::oauth::{Refusal, Scope, Stage};

/// The calendar API.
pub const API: &str = "https://www.googleapis.com/calendar/v3";

/// The consent page.
pub const AUTH: &str = "https://accounts.google.com/o/oauth2/v2/auth";

/// Where tokens come from.
pub const TOKEN: &str = "https://oauth2.googleapis.com/token";

/// Where tokens are revoked.
pub const REVOKE: &str = "https://oauth2.googleapis.com/revoke";

/// The narrowest rights that do: events, and which calendars there are. Neither reaches who may
/// see a calendar, and neither can delete one.
pub const SCOPES: &[Scope] = &[
    Scope {
        name: "https://www.googleapis.com/auth/calendar.events",
        within: &["https://www.googleapis.com/auth/calendar"],
        purpose: "to see and change events (calendar.events)",
    },
    Scope {
        name: "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        within: &[
            "https://www.googleapis.com/auth/calendar.calendarlist",
            "https://www.googleapis.com/auth/calendar.readonly",
            "https://www.googleapis.com/auth/calendar",
        ],
        purpose: "to see the list of calendars (calendar.calendarlist.readonly)",
    },
];

/// Asked of the consent page beside the usual. Without `consent` a second sign-in may come without
/// a refresh token.
pub const EXTRA: &[(&str, &str)] = &[("access_type", "offline"), ("prompt", "consent")];

/// Said before the browser is opened.
pub const BEFORE: &str = "\
Google will warn that it hasn't verified this app: that is your own OAuth client (docs/google.md).
Choose Advanced, then continue, and tick every box.";

/// Said when consent was declined.
pub const DECLINED: &str = "\
Google gave no consent. If you did not decline yourself:
  - \"has not completed the verification process\": the consent screen is in Testing and this
    address is not one of its test users. Publish the app: Google Auth Platform, Audience, Publish.
  - \"blocked\" or \"administrator\": the organisation of this account does not let calpair in.";

/// Where a person takes a program's access away.
pub const CONNECTIONS: &str = "https://myaccount.google.com/connections";

/// Said when Google accepts a sign-in and the account has no calendar.
pub const NO_CALENDAR: &str = "\
Google accepted the sign-in, but this account has no calendar yet. Open calendar.google.com once,
and try again.";

/// What a refusal most likely means.
pub fn explain(refusal: &Refusal) -> Option<String> {
    let cause = match (refusal.error.as_str(), refusal.subtype.as_deref(), refusal.stage) {
        ("invalid_grant", Some("invalid_rapt" | "rapt_required"), _) => {
            "the account's organisation wants people to sign in again every so often (session \
             control); its administrator can exempt calpair"
        }
        ("invalid_grant", _, Stage::Exchange) => {
            "the code was used before or is too old; run the command again"
        }
        ("invalid_grant", _, Stage::Renewal) => {
            "most likely the consent screen is still in Testing, where a sign-in lasts seven days \
             (docs/google.md says how to publish it); else access was revoked, or not used for \
             six months"
        }
        ("invalid_client", _, _) => {
            "client_id and client_secret_file don't belong together, or one of them is missing; a \
             Desktop app has both"
        }
        ("unauthorized_client", _, _) => {
            "this OAuth client may not do that; it must be of type Desktop app, and the sign-in \
             must have been made with it"
        }
        ("deleted_client" | "disabled_client", _, _) => {
            "the OAuth client was deleted or disabled in the Cloud console (it can be restored \
             there for 30 days)"
        }
        ("admin_policy_enforced", _, _) => {
            "the administrator of the account's organisation doesn't let calpair in"
        }
        ("redirect_uri_mismatch", _, _) => "the OAuth client must be of type Desktop app",
        ("invalid_scope", _, _) => {
            "the Calendar scopes are not on the consent screen (docs/google.md)"
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stage: Stage, error: &str, subtype: Option<&str>) -> String {
        let subtype = subtype.map(String::from);
        let error = error.to_owned();
        let refusal = Refusal { stage, status: 400, error, subtype, codes: Vec::new() };
        explain(&refusal).unwrap_or_default()
    }

    #[test]
    fn the_likely_cause_is_named() {
        let cases = [
            ("invalid_grant", None, "seven days"),
            ("invalid_grant", None, "revoked"),
            ("invalid_grant", None, "six months"),
            ("invalid_grant", Some("invalid_rapt"), "session control"),
            ("invalid_client", None, "client_secret_file"),
            ("unauthorized_client", None, "Desktop app"),
            ("deleted_client", None, "30 days"),
            ("admin_policy_enforced", None, "administrator"),
        ];
        for (error, subtype, expected) in cases {
            let text = said(Stage::Renewal, error, subtype);
            assert!(text.contains(expected), "{error}: {text}");
        }
        assert!(said(Stage::Exchange, "invalid_grant", None).contains("too old"));
        assert_eq!(said(Stage::Renewal, "other", None), "");
    }

    #[test]
    fn what_is_said_fits_a_terminal() {
        for text in [BEFORE, DECLINED, NO_CALENDAR] {
            assert!(text.lines().all(|line| line.chars().count() <= 100));
        }
    }
}
