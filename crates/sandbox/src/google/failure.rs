//! What Google says when it does not do something, word for word where the words are known.
//!
//! There are two envelopes: the old one with `errors[]` alone, and a newer one that adds `status`
//! and `details[]`. A reason, not a status, tells what happened: 403 is a rate limit or a missing
//! right, 410 an expired token or a deleted event.

use std::borrow::Cow;

use serde_json::{Value, json};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    domain: &'static str,
    pub(super) reason: &'static str,
    message: Cow<'static, str>,
    /// Type and name of the place.
    location: Option<(&'static str, &'static str)>,
    /// What the newer envelope adds.
    newer: Option<Box<Newer>>,
}

/// What the newer envelope adds: its `status`, the reason in its details, and the method where it
/// is said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Newer(&'static str, &'static str, Option<String>);

/// A rate limit says so too.
// quirk: google-49
const DENIED: &str = "PERMISSION_DENIED";

impl Failure {
    fn new(
        status: u16,
        domain: &'static str,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, domain, reason, message: message.into(), location: None, newer: None }
    }

    fn at(self, kind: &'static str, name: &'static str) -> Self {
        Self { location: Some((kind, name)), ..self }
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "global", "invalid", message)
    }

    pub(super) fn required(message: &'static str) -> Self {
        Self::new(400, "global", "required", message)
    }

    pub(super) fn bad_request() -> Self {
        Self::new(400, "global", "badRequest", "Bad Request")
    }

    /// A refusal whose reason has no shape of its own.
    pub(super) fn because(reason: &'static str, message: &'static str) -> Self {
        Self::new(400, "calendar", reason, message)
    }

    pub(super) fn parameter(message: String) -> Self {
        Self::new(400, "global", "invalidParameter", message)
    }

    pub(super) fn syntax() -> Self {
        Self::new(400, "global", "parseError", "Parse Error")
    }

    pub(super) fn resource_id() -> Self {
        Self::invalid("Invalid resource id value.")
    }

    // quirk: google-10
    pub(super) fn sync_token() -> Self {
        Self::invalid("Invalid sync token value.")
    }

    // quirk: google-34
    pub(super) fn empty_range() -> Self {
        let message = "The specified time range is empty.";
        Self::new(400, "calendar", "timeRangeEmpty", message).at("parameter", "timeMax")
    }

    pub(super) fn stranger() -> Self {
        let message = "The owner of the calendar must either be the organizer or an attendee of \
                       an event that is imported.";
        Self::new(400, "global", "participantIsNeitherOrganizerNorAttendee", message)
    }

    /// A token that is not good, in one of the ways in which it is said.
    pub(super) fn credentials(way: u64) -> Self {
        let refused = Self::new(401, "global", "authError", "Invalid Credentials");
        if way.is_multiple_of(2) {
            return refused.at("header", "Authorization");
        }
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access \
                       token, login cookie or other valid authentication credential.";
        let newer = Newer("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", None);
        Self { message: message.into(), newer: Some(Box::new(newer)), ..refused }
    }

    pub(super) fn anonymous() -> Self {
        let message =
            "Daily Limit for Unauthenticated Use Exceeded. Continued use requires signup.";
        Self::new(403, "usageLimits", "dailyLimitExceededUnreg", message)
    }

    // quirk: google-55
    pub(super) fn scopes(method: &str) -> Self {
        let method = method.replacen("calendar.", "calendar.v3.", 1);
        let message = "Request had insufficient authentication scopes.";
        Self {
            newer: Some(Box::new(Newer(DENIED, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Some(method)))),
            ..Self::new(403, "global", "insufficientPermissions", message)
        }
    }

    /// Too many requests, in one of the ways in which it is said.
    // quirk: google-49
    pub(super) fn throttled(way: u64) -> Self {
        let limit = "Rate Limit Exceeded";
        match way % 4 {
            0 => Self::new(403, "usageLimits", "rateLimitExceeded", limit),
            1 => {
                let message = "User Rate Limit Exceeded";
                Self::new(403, "usageLimits", "userRateLimitExceeded", message)
            }
            2 => {
                let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per \
                               minute per user' of service 'calendar-json.googleapis.com' for \
                               consumer 'project_number:123456789012'.";
                Self {
                    newer: Some(Box::new(Newer(DENIED, "RATE_LIMIT_EXCEEDED", None))),
                    ..Self::new(403, "usageLimits", "rateLimitExceeded", message)
                }
            }
            _ => Self::new(429, "usageLimits", "rateLimitExceeded", limit),
        }
    }

    // quirk: google-50
    pub(super) fn quota() -> Self {
        Self::new(403, "usageLimits", "quotaExceeded", "Calendar usage limits exceeded.")
    }

    pub(super) fn service_disabled() -> Self {
        let message = "Google Calendar API has not been used in project 123456789012 before or it \
                       is disabled. Enable it by visiting https://console.developers.google.com/\
                       apis/api/calendar-json.googleapis.com/overview?project=123456789012 then \
                       retry.";
        Self {
            newer: Some(Box::new(Newer(DENIED, "SERVICE_DISABLED", None))),
            ..Self::new(403, "usageLimits", "accessNotConfigured", message)
        }
    }

    // quirk: google-61
    pub(super) fn not_organizer() -> Self {
        let message = "Shared properties can only be changed by the organizer of the event.";
        Self::new(403, "calendar", "forbiddenForNonOrganizer", message)
    }

    // quirk: google-59
    pub(super) fn no_writer() -> Self {
        let message = "You need to have writer access to this calendar.";
        Self::new(403, "calendar", "requiredAccessLevel", message)
    }

    pub(super) fn forbidden() -> Self {
        Self::new(403, "global", "forbidden", "Forbidden")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "global", "notFound", "Not Found")
    }

    pub(super) fn duplicate() -> Self {
        let message = "The requested identifier already exists.";
        Self::new(409, "global", "duplicate", message)
    }

    // quirk: google-11
    pub(super) fn deleted() -> Self {
        Self::new(410, "global", "deleted", "Resource has been deleted")
    }

    // quirk: google-9
    pub(super) fn full_sync() -> Self {
        let message = "Sync token is no longer valid, a full sync is required.";
        Self::new(410, "calendar", "fullSyncRequired", message).at("parameter", "syncToken")
    }

    pub(super) fn too_long_ago() -> Self {
        let message = "The requested minimum modification time lies too far in the past.";
        Self::new(410, "calendar", "updatedMinTooLongAgo", message).at("parameter", "updatedMin")
    }

    // quirk: google-44
    pub(super) fn stale() -> Self {
        let message = "Precondition Failed";
        Self::new(412, "global", "conditionNotMet", message).at("header", "If-Match")
    }

    pub(super) fn backend(status: u16) -> Self {
        Self::new(status, "global", "backendError", "Backend Error")
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        let mut item = json!({"domain": self.domain, "reason": self.reason});
        // The newer envelope tells the reason's own words apart from the message.
        let own = match self.reason {
            "insufficientPermissions" => "Insufficient Permission",
            "rateLimitExceeded" => "Rate Limit Exceeded",
            "authError" => "Invalid Credentials",
            _ => &self.message,
        };
        item["message"] = json!(own);
        if let Some((kind, name)) = self.location {
            item["locationType"] = json!(kind);
            item["location"] = json!(name);
        }
        let mut error = json!({
            "errors": [item], "code": self.status, "message": self.message,
        });
        if let Some(Newer(status, reason, method)) = self.newer.as_deref() {
            error["status"] = json!(status);
            let mut metadata = json!({"service": "calendar-json.googleapis.com"});
            if let Some(method) = method {
                metadata["method"] = json!(method);
            }
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                "domain": "googleapis.com", "metadata": metadata,
            }]);
        }
        json!({"error": error})
    }
}
