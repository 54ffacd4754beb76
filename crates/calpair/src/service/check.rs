//! `check --online` and the online part of `doctor`: do the servers answer, is the credential
//! good, are the calendars there, and may they be written? One try each. A refused credential
//! counts as in a cycle. Of several findings the gravest decides the exit code, as for `sync`.

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
        let (mut checks, mut exits) = (Vec::new(), Vec::new());
        for account in config.accounts.values() {
            match self.check_account(account, &config).await {
                Ok(found) => {
                    let failed = found.iter().any(|check| check.result == CheckResult::Failed);
                    exits.extend(failed.then_some(Exit::Failed));
                    checks.extend(found);
                }
                Err((exit, check)) => {
                    exits.push(exit);
                    checks.push(check);
                }
            }
        }
        Ok(Reply::report(Exit::gravest(exits), &Checks { checks }))
    }

    /// The account and its calendars; where it can't be asked, or doesn't answer, what that is.
    async fn check_account(
        &self,
        account: &config::Account,
        config: &Config,
    ) -> Result<Vec<Check>, (Exit, Check)> {
        let name = format!("account {}", account.name);
        let refused = |refusal| not_asked(account, refusal);
        let end = self.may_ask(account).await.map_err(refused)?;
        let calendars = match end.provider.calendars().await {
            Ok(calendars) => calendars,
            Err(error) => {
                let refusal = self.met(&end, &error);
                if error.kind().is_of_account() {
                    return Err(refused(refusal));
                }
                let action = match error.kind() {
                    // What is forbidden or refused says itself what to do.
                    ErrorKind::Forbidden | ErrorKind::Rejected => None,
                    _ => Some("calpair status; is the network there?".to_owned()),
                };
                let reason = Some(error.to_string());
                return Err((refusal.exit, found(name, CheckResult::Failed, reason, action)));
            }
        };
        let number = calendars.len();
        let said = Some(format!("{number} calendars"));
        let mut checks = vec![found(name, CheckResult::Ok, said, None)];
        for pair in &config.pairs {
            let row = self.ctx.store.pair(&pair.name).map_err(Refusal::from).map_err(refused)?;
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
fn not_asked(account: &config::Account, refusal: Refusal) -> (Exit, Check) {
    let connect = || format!("calpair connect {}", account.name);
    let (result, action) = match refusal.exit {
        Exit::TryAgain => (CheckResult::Warning, None),
        Exit::ReconnectNeeded => (CheckResult::Failed, Some(connect())),
        _ => (CheckResult::Failed, None),
    };
    let name = format!("account {}", account.name);
    (refusal.exit, found(name, result, Some(refusal.sentence), action))
}

fn found(
    name: String,
    result: CheckResult,
    reason: Option<String>,
    action: Option<String>,
) -> Check {
    Check { name, result, reason, action }
}
