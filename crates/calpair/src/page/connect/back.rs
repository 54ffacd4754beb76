//! The way back to the application that sent somebody here.

use transport::Url;

use crate::config::Endpoint;
use crate::page::look::segment;

/// The longest `state`: applications put an id there, or a signed one.
const LONGEST: usize = 1024;

/// Where somebody goes at the end, and what the application wants to hear again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) to: Endpoint,
    pub(super) state: String,
}

impl Back {
    /// The way back that a request asks for; `None` where it asks for none. Addresses are compared
    /// as they stand: what only looks alike is another one.
    pub(super) fn of(
        allowed: &[Endpoint],
        return_to: &str,
        state: &str,
    ) -> Result<Option<Self>, &'static str> {
        if return_to.is_empty() {
            return Ok(None);
        }
        let Some(to) = allowed.iter().find(|allowed| allowed.as_str() == return_to) else {
            return Err("The application that sent you here is not on this calpair's list \
                        (`return_to` in its configuration). Nothing was done.");
        };
        if state.len() > LONGEST {
            return Err("The application that sent you here said too much (`state`).");
        }
        Ok(Some(Self { to: to.clone(), state: state.to_owned() }))
    }

    /// As it is carried from page to page.
    pub(super) fn query(&self) -> String {
        format!("return_to={}&state={}", segment(self.to.as_str()), segment(&self.state))
    }

    /// The address itself; no secret is in it.
    pub(super) fn address(&self, result: &str) -> String {
        let Ok(mut url) = Url::parse(self.to.as_str()) else { return self.to.as_str().to_owned() };
        url.query_pairs_mut().append_pair("result", result).append_pair("state", &self.state);
        url.into()
    }

    /// Who that is, for people.
    pub(super) fn place(&self) -> &str {
        self.to.origin().split_once("://").map_or(self.to.origin(), |(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_where_the_configuration_does_not_say() {
        let allowed = [Endpoint::parse("https://app.example/done?x=1").unwrap()];
        let foreign = [
            "https://app.example/",
            "https://app.example/done?x=1#y",
            "https://app.example.evil/done?x=1",
            "https://app.example/done?x=1/../..",
            "//app.example/done?x=1",
            "javascript:alert(1)",
            "HTTPS://app.example/done?x=1",
        ];
        for address in foreign {
            assert!(Back::of(&allowed, address, "").is_err(), "{address}");
        }
        assert_eq!(Back::of(&allowed, "", "s"), Ok(None));
        let back = Back::of(&allowed, "https://app.example/done?x=1", "a&b=c").unwrap().unwrap();
        let expected = "https://app.example/done?x=1&result=connected&state=a%26b%3Dc";
        assert_eq!((back.address("connected").as_str(), back.place()), (expected, "app.example"));
        assert!(Back::of(&allowed, "https://app.example/done?x=1", &"x".repeat(1025)).is_err());
    }
}
