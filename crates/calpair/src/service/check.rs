//! `check --online` and the online part of `doctor`: do the servers answer, is the credential
//! good, are the calendars there, and may they be written? One try each; it changes no state.

use model::Rights;
use provider::ErrorKind;

use super::{Answer, Service};
use crate::config::{self, Config};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Check, CheckResult, Checks};

impl Service {
    pub(super) async fn check(&self) -> Answer {
        let config = self.config();
        let mut checks = Vec::new();
        for account in config.accounts.values() {
            checks.extend(self.check_account(account, &config).await?);
        }
        let failed = checks.iter().any(|check| check.result == CheckResult::Failed);
        let exit = if failed { Exit::Failed } else { Exit::Fine };
        Ok(Reply::report(exit, &Checks { checks }))
    }

    async fn check_account(
        &self,
        account: &config::Account,
        config: &Config,
    ) -> Result<Vec<Check>, super::Refusal> {
        let name = format!("account {}", account.name);
        if let Err(refusal) = self.usable(account) {
            let action = Some(format!("calpair connect {}", account.name));
            return Ok(vec![found(name, CheckResult::Failed, Some(refusal.sentence), action)]);
        }
        let reach = self.setup().roster.get(&account.name).cloned();
        let Some(reach) = reach else { return Ok(Vec::new()) };
        let calendars = match reach.adapter.provider.calendars().await {
            Ok(calendars) => calendars,
            Err(error) => {
                let action = match error.kind() {
                    ErrorKind::Unauthorized => Some(format!("calpair connect {}", account.name)),
                    // What is forbidden or refused says itself what to do.
                    ErrorKind::Forbidden | ErrorKind::Rejected => None,
                    _ => Some("calpair status; is the network there?".to_owned()),
                };
                let reason = Some(error.to_string());
                return Ok(vec![found(name, CheckResult::Failed, reason, action)]);
            }
        };
        let number = calendars.len();
        let said = Some(format!("{number} calendars"));
        let mut checks = vec![found(name, CheckResult::Ok, said, None)];
        for pair in &config.pairs {
            let row = self.ctx.store.pair(&pair.name)?;
            for (side, end) in pair.sides.iter().filter(|(_, end)| end.account == account.name) {
                let name = format!("pair {}, {side}", pair.name);
                let remembered = row.as_ref().and_then(|row| row.sides[side].calendar.as_ref());
                let is_meant = |calendar: &&model::Calendar| match remembered {
                    Some(id) => calendar.id == *id,
                    None => {
                        calendar.name == end.calendar
                            || calendar.id.as_str() == end.calendar
                            || (calendar.primary && end.calendar == "primary")
                    }
                };
                checks.push(match calendars.iter().find(is_meant) {
                    Some(calendar) if calendar.rights == Rights::Read => {
                        let reason = Some("the calendar can only be read".to_owned());
                        found(name, CheckResult::Warning, reason, None)
                    }
                    Some(_) => found(name, CheckResult::Ok, None, None),
                    // An address is known without being listed.
                    None if end.calendar.contains('/') => {
                        let reason = Some("the calendar is not listed".to_owned());
                        found(name, CheckResult::Warning, reason, None)
                    }
                    None => {
                        let reason = Some(format!("there is no calendar {:?}", end.calendar));
                        let action = Some(format!("calpair calendars {}", account.name));
                        found(name, CheckResult::Failed, reason, action)
                    }
                });
            }
        }
        Ok(checks)
    }
}

fn found(
    name: String,
    result: CheckResult,
    reason: Option<String>,
    action: Option<String>,
) -> Check {
    Check { name, result, reason, action }
}
