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
use crate::secrets;

impl Service {
    pub(super) async fn check(&self) -> Answer {
        let config = self.config();
        let mut checks: Vec<Check> = self.check_key().into_iter().collect();
        let lost = checks.iter().any(|check| check.result == CheckResult::Failed);
        let mut exits: Vec<Exit> = lost.then_some(Exit::Failed).into_iter().collect();
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

    /// What only the daemon can tell: whether it has a key, and whether that is still where it was.
    fn check_key(&self) -> Option<Check> {
        let name = "key".to_owned();
        let (environment, state) = &self.ground;
        let there = || secrets::existing(&self.config().secrets, environment, state);
        let (reason, action) = match (&self.key, there()) {
            _ if !self.is_daemon() => return None,
            (Ok(_), Ok(_)) => return Some(found(name, CheckResult::Ok, None, None)),
            (Ok(_), Err(error)) => {
                let reason = format!("the calpair that runs has it in memory only: {error}");
                let action = "put the key back before calpair is restarted, or every account has \
                              to be connected again";
                (reason, action.to_owned())
            }
            (Err(trouble), _) => (trouble.clone(), secrets::PUT_BACK.to_owned()),
        };
        Some(found(name, CheckResult::Failed, Some(reason), Some(action)))
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
