//! A form that was sent: the only way in which anything changes. It is read only with the token
//! that a page of ours gave this browser.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;

use super::caller::Caller;
use super::look;
use super::site::Site;

/// The field with the token.
pub(super) const TOKEN: &str = "token";

/// How long a form may take to come: it is short, and whoever sends it keeps a place.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fields of a form, from this caller.
pub(super) struct Posted {
    pub(super) caller: Caller,
    fields: HashMap<String, String>,
}

impl Posted {
    /// What a field says; nothing for one that isn't there.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The same, taken out.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_default()
    }
}

impl FromRequest<Arc<Site>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Response> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| look::sentence(StatusCode::FORBIDDEN, "Who asks?"))?;
        let form = Form::<HashMap<String, String>>::from_request(request, site);
        let slow = |_| look::sentence(StatusCode::REQUEST_TIMEOUT, "This form took too long.");
        let form = tokio::time::timeout(PATIENCE, form).await.map_err(slow)?;
        let unreadable = |_| look::sentence(StatusCode::BAD_REQUEST, "This form can't be read.");
        let Form(fields) = form.map_err(unreadable)?;
        let token = fields.get(TOKEN).map_or("", String::as_str);
        if !site.is_token(&caller.browser, token) {
            let stale = "This form is not from here, or calpair was started anew since. Nothing \
                         was done. Go back, load the page again, and try once more.";
            return Err(look::sentence(StatusCode::FORBIDDEN, stale));
        }
        Ok(Self { caller, fields })
    }
}
