//! What Graph says when it does not do something, word for word where the words are known.
//!
//! A code, not a status, tells what happened; the message is for people. Codes of Exchange begin
//! with `Error`, those of the gateway before it do not.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer;
use crate::rest::Reply;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: &'static str,
    message: Cow<'static, str>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Failure {
    pub(super) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "ErrorInvalidRequest", message)
    }

    pub(super) fn property() -> Self {
        Self::new(400, "ErrorPropertyValidationFailure", "At least one property failed validation.")
    }

    pub(super) fn body(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "RequestBodyRead", message)
    }

    pub(super) fn unreadable() -> Self {
        Self::new(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    }

    // quirk: microsoft-16
    pub(super) fn query(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "ErrorInvalidUrlQuery", message)
    }

    pub(super) fn filter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "ErrorInvalidParameter", message)
    }

    pub(super) fn malformed_id() -> Self {
        Self::new(400, "ErrorInvalidIdMalformed", "Id is malformed.")
    }

    // quirk: microsoft-25
    pub(super) fn zone(name: &str) -> Self {
        let message = format!(
            "A valid TimeZone value must be specified. The following TimeZone value is not \
             supported: '{name}'."
        );
        Self::new(400, "TimeZoneNotSupportedException", message)
    }

    // quirk: microsoft-41
    pub(super) fn crossing() -> Self {
        let message = "Modified occurrence is crossing or overlapping adjacent occurrence.";
        Self::new(400, "ErrorOccurrenceCrossingBoundary", message)
    }

    pub(super) fn too_long() -> Self {
        let message = "The duration of an occurrence must be shorter than the time between two.";
        Self::new(400, "ErrorOccurrenceTimeSpanTooBig", message)
    }

    // quirk: microsoft-15
    pub(super) fn range() -> Self {
        Self::invalid(
            "Your request can't be completed. The range between the start and end dates is greater \
             than the allowed range. Maximum number of days: 1825",
        )
    }

    // quirk: microsoft-63
    pub(super) fn token() -> Self {
        let message = "Lifetime validation failed, the token is expired.";
        let challenge = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/\
                         common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-\
                         000000000000\"";
        let failure = Self::new(401, "InvalidAuthenticationToken", message);
        failure.with("WWW-Authenticate", challenge.to_owned())
    }

    pub(super) fn anonymous() -> Self {
        let message = "Access token is empty.";
        Self::new(401, "InvalidAuthenticationToken", message)
    }

    pub(super) fn scopes() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(403, "Authorization_RequestDenied", message)
    }

    // quirk: microsoft-59
    pub(super) fn denied() -> Self {
        let message = "Access is denied. Check credentials and try again.";
        Self::new(403, "ErrorAccessDenied", message)
    }

    // quirk: microsoft-52
    pub(super) fn not_found() -> Self {
        let message = "The specified object was not found in the store.";
        Self::new(404, "ErrorItemNotFound", message)
    }

    pub(super) fn nowhere() -> Self {
        let message = "Resource not found for the segment.";
        Self::new(404, "ResourceNotFound", message)
    }

    pub(super) fn no_mailbox() -> Self {
        let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
        Self::new(404, "MailboxNotEnabledForRESTAPI", message)
    }

    pub(super) fn method() -> Self {
        let message = "Specified HTTP method is not allowed for the request target.";
        Self::new(405, "Request_BadRequest", message)
    }

    pub(super) fn duplicate() -> Self {
        let message = "An event with this transaction id exists already.";
        Self::new(409, "ErrorDuplicateTransactionId", message)
    }

    // quirk: microsoft-51
    pub(super) fn stale() -> Self {
        let message = "The send or update operation could not be performed because the change key \
                       passed in the request does not match the current change key for the item.";
        Self::new(412, "ErrorIrresolvableConflict", message)
    }

    pub(super) fn dependency() -> Self {
        Self::new(424, "FailedDependency", "A request that this one depends on has failed.")
    }

    pub(super) fn throttled() -> Self {
        Self::new(429, "TooManyRequests", "Please retry again later.")
    }

    // quirk: microsoft-47
    pub(super) fn crowded() -> Self {
        let message = "Application is over its MailboxConcurrency limit.";
        Self::new(429, "ApplicationThrottled", message)
    }

    pub(super) fn transient(status: u16) -> Self {
        let message = "Cannot open mailbox.";
        Self::new(status, "ErrorInternalServerTransientError", message)
    }

    // quirk: microsoft-49
    pub(super) fn unknown(status: u16) -> Self {
        Self::new(status, "UnknownError", "")
    }

    /// The body; `number` stands in the request's id.
    pub(super) fn json(&self, now: Timestamp, number: u64, is_nested: bool) -> Value {
        let id = request_id(number);
        let mut inner = json!({
            "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": id, "client-request-id": id,
        });
        if is_nested {
            inner["code"] = json!(self.code);
            let outer = json!({"code": "BadRequest", "message": self.message, "innererror": inner});
            return json!({"error": outer});
        }
        json!({"error": {"code": self.code, "message": self.message, "innerError": inner}})
    }

    pub(super) fn reply(self, now: Timestamp, number: u64, is_nested: bool) -> Reply {
        let is_nested = is_nested && self.status == 400;
        let mut reply = answer::json(self.status, &self.json(now, number, is_nested));
        reply.headers.extend(self.headers);
        reply
    }
}

/// The id of a request with this number.
pub(super) fn request_id(number: u64) -> String {
    format!("5a1b0000-6d2e-4c0f-9b7a-{number:012x}")
}
