//! Calendars, and the mailbox's owner and settings: what there is beside events.

use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::failure::Failure;
use super::route::{GROUP, Which};
use super::show::selected;
use super::state::{Calendar, Service};
use super::zones;
use crate::faults::Fault;
use crate::rest::Reply;

/// Calendars on a page where nothing is asked for.
const PAGE: usize = 10;

impl Service {
    pub(super) fn me(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        call.query.only(&["$select"])?;
        let address = self.accounts.get(&call.account).ok_or_else(Failure::no_mailbox)?;
        let whole = json!({
            "businessPhones": [], "displayName": call.account, "givenName": call.account,
            "jobTitle": null, "mail": address, "mobilePhone": null, "officeLocation": null,
            "preferredLanguage": "de-DE", "surname": null, "userPrincipalName": address,
            "id": user_id(&call.account),
        });
        let select = call.query.select();
        let whole = whole.as_object().cloned().unwrap_or_default();
        // The id is there only when it is asked for, or everything is.
        let mut shown = selected(whole, select.as_deref());
        let asks = |select: &Vec<String>| select.iter().any(|name| name == "id");
        if select.is_some_and(|select| !asks(&select))
            && let Some(map) = shown.as_object_mut()
        {
            map.remove("id");
        }
        Ok(answer::json(200, &shown))
    }

    pub(super) fn calendars(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        call.query.only(&["$select", "$top", "$skip", "$filter"])?;
        if call.query.get("$filter").is_some() {
            return Err(Failure::filter("The filter is not played here."));
        }
        let all = self.calendars.values().filter(|held| {
            held.account == call.account && !held.is_gone && call.fault != Some(Fault::EmptyListing)
        });
        let all: Vec<&Calendar> = all.collect();
        let size = call.query.number("$top", 1000)?.unwrap_or(PAGE);
        let skip = call.query.number("$skip", usize::MAX)?.unwrap_or(0);
        let select = call.query.select();
        let page = all.iter().skip(skip).take(size);
        let value: Vec<Value> =
            page.map(|held| self.calendar_shown(held, select.as_deref())).collect();
        let context = format!("{}/v1.0/$metadata#users('me')/calendars", call.ask.origin);
        let mut body = json!({"@odata.context": context, "value": value});
        if skip + size < all.len() {
            let top = format!("$top={size}&$skip={}", skip + size);
            body["@odata.nextLink"] = json!(call.link(&top, false));
        }
        Ok(self.answer(call, 200, &body))
    }

    pub(super) fn one_calendar(&self, call: &Call<'_>, which: &Which) -> Result<Reply, Failure> {
        call.query.only(&["$select"])?;
        let held = self.calendar(&call.account, which)?;
        let shown = self.calendar_shown(held, call.query.select().as_deref());
        Ok(self.answer(call, 200, &shown))
    }

    // quirk: microsoft-59
    fn calendar_shown(&self, held: &Calendar, select: Option<&[String]>) -> Value {
        let address = self.accounts.get(&held.account).cloned().unwrap_or_default();
        let whole = json!({
            "id": held.id, "name": held.name, "color": "auto", "hexColor": "",
            "isDefaultCalendar": held.is_default, "changeKey": "h3Y3wcZUwUuXA8M8l9OFywAAAAAC1g==",
            "canShare": held.can_edit, "canViewPrivateItems": true, "canEdit": held.can_edit,
            "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness", "isTallyingResponses": true,
            "isRemovable": !held.is_default,
            "owner": {"name": held.account, "address": address},
        });
        selected(whole.as_object().cloned().unwrap_or_default(), select)
    }
}

/// The id of a user, a GUID.
fn user_id(account: &str) -> String {
    let sum = account.bytes().fold(48, |sum: u64, byte| sum.wrapping_mul(131) ^ u64::from(byte));
    format!("48d31887-5fad-4d73-a9f5-{:012x}", sum & 0xffff_ffff_ffff)
}

pub(super) fn groups() -> Reply {
    let class = "0006f0b7-0000-0000-c000-000000000046";
    let group = json!({
        "id": GROUP, "name": "My Calendars", "changeKey": "NreqLYgxdE2DpHBBId74XwAAAAAGZw==",
        "classId": class,
    });
    answer::json(200, &json!({"value": [group]}))
}

pub(super) fn mailbox_settings() -> Reply {
    let body = json!({
        "timeZone": "W. Europe Standard Time", "dateFormat": "dd.MM.yyyy", "timeFormat": "HH:mm",
        "language": {"locale": "de-DE", "displayName": "Deutsch (Deutschland)"},
    });
    answer::json(200, &body)
}

// quirk: microsoft-25
pub(super) fn supported_zones(iana: bool) -> Reply {
    let zones = zones::names(!iana).map(|name| json!({"alias": name, "displayName": name}));
    answer::json(200, &json!({"value": zones.collect::<Vec<Value>>()}))
}

pub(super) fn categories() -> Reply {
    let category = json!({
        "id": "3b8a1b0e-0000-4a5e-8d2f-000000000001", "displayName": "Blue category",
        "color": "preset7",
    });
    answer::json(200, &json!({"value": [category]}))
}
