//! `check --online` and the online part of `doctor`: do the servers answer, is the credential
//! good, are the calendars there, and may they be written? One try each. A refused credential
//! counts as in a cycle.

use model::Rights;
use provider::ErrorKind;

use super::{Answer, Refusal, Service};
use crate::config::{self, Config};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Check, CheckResult, Checks};

impl Service {
    pub(super) async fn check(&self) -> Answer {
        let config = self.config();
        let (mut checks, mut waits) = (Vec::new(), false);
        for account in config.accounts.values() {
            match self.check_account(account, &config).await {
                Ok(found) => checks.extend(found),
                Err(refusal) => {
                    waits |= refusal.exit == Exit::TryAgain;
                    checks.push(not_asked(account, refusal));
                }
            }
        }
        let failed = checks.iter().any(|check| check.result == CheckResult::Failed);
        let exit = match (failed, waits) {
            (true, _) => Exit::Failed,
            (false, true) => Exit::TryAgain,
            (false, false) => Exit::Fine,
        };
        Ok(Reply::report(exit, &Checks { checks }))
    }

    async fn check_account(
        &self,
        account: &config::Account,
        config: &Config,
    ) -> Result<Vec<Check>, Refusal> {
        let name = format!("account {}", account.name);
        let end = self.may_ask(account).await?;
        let calendars = match end.provider.calendars().await {
            Ok(calendars) => calendars,
            Err(error) => {
                let refusal = self.met(&end, &error);
                if error.kind().is_of_account() {
                    return Err(refusal);
                }
                let action = match error.kind() {
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

/// An account that is not asked, or did not take it: it waits, or somebody must do something.
fn not_asked(account: &config::Account, refusal: Refusal) -> Check {
    let connect = || format!("calpair connect {}", account.name);
    let (result, action) = match refusal.exit {
        Exit::TryAgain => (CheckResult::Warning, None),
        Exit::ReconnectNeeded => (CheckResult::Failed, Some(connect())),
        _ => (CheckResult::Failed, None),
    };
    found(format!("account {}", account.name), result, Some(refusal.sentence), action)
}

fn found(
    name: String,
    result: CheckResult,
    reason: Option<String>,
    action: Option<String>,
) -> Check {
    Check { name, result, reason, action }
}
