//! What can be seen only when the whole file has been read: names that lead nowhere, names and
//! calendars that stand twice, intervals that a provider won't like.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AccountName, PairName, Side};

use super::account::Account;
use super::finding::{Finding, place};
use super::pair::Draft;
use super::ring;
use super::section::did_you_mean;

/// More often than this is noticed by providers that limit requests.
const POLITE: Duration = Duration::from_secs(15);

/// Accounts by name; those that are there, but wrong, are `None`.
pub(super) type Accounts = BTreeMap<AccountName, Option<Account>>;

/// Errors between the parts of a file.
pub(super) fn errors(text: &str, accounts: &Accounts, drafts: &[Draft]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        findings.extend(dangling(accounts, draft));
        findings.extend(with_itself(draft));
        findings.extend(twice(text, &drafts[..at], draft));
    }
    findings
}

fn dangling(accounts: &Accounts, draft: &Draft) -> Vec<Finding> {
    let unknown = |side: Side| {
        let end = draft.ends[side].as_ref()?;
        let name = &end.value.account;
        if accounts.contains_key(name) {
            return None;
        }
        let known: Vec<&str> = accounts.keys().map(AccountName::as_str).collect();
        let help = did_you_mean(name.as_str(), &known).unwrap_or_else(|| match &known[..] {
            [] => format!("there is no account yet; begin one with [accounts.{name}]"),
            known => format!("the accounts are {}", known.join(", ")),
        });
        let span = draft.accounts[side].clone().unwrap_or_else(|| end.span.clone());
        let finding = Finding::new(span, format!("there is no account `{name}`"));
        Some(finding.help(help))
    };
    Side::BOTH.into_iter().filter_map(unknown).collect()
}

fn with_itself(draft: &Draft) -> Option<Finding> {
    let (left, right) = (draft.ends.left.as_ref()?, draft.ends.right.as_ref()?);
    (left.value == right.value).then(|| {
        Finding::new(right.span.clone(), "a calendar can't be paired with itself")
            .label("the same calendar as `left`")
            .help(String::from("name another calendar; `calpair calendars ACCOUNT` lists them"))
    })
}

fn twice(text: &str, earlier: &[Draft], draft: &Draft) -> Vec<Finding> {
    let line = |draft: &Draft| place(text, draft.span.start).0;
    let name = |draft: &Draft| draft.name.as_ref().map(|name| name.value.clone());
    let mut findings = Vec::new();
    if let Some(own) = &draft.name
        && let Some(first) = earlier.iter().find(|other| name(other).as_ref() == Some(&own.value))
    {
        let sentence = format!("there is another pair `{}` on line {}", own.value, line(first));
        let help = format!("give one of them another name, for example `{}-2`", own.value);
        findings.push(Finding::new(own.span.clone(), sentence).help(help));
    }
    let ends = |draft: &Draft| {
        let (left, right) = (draft.ends.left.as_ref()?, draft.ends.right.as_ref()?);
        let (left, right) = (left.value.clone(), right.value.clone());
        Some(if left <= right { (left, right) } else { (right, left) })
    };
    if let Some(own) = ends(draft)
        && let Some(first) = earlier.iter().find(|other| ends(other).as_ref() == Some(&own))
    {
        let sentence = format!("these two calendars are paired already, on line {}", line(first));
        let help = String::from("take one of the two pairs out");
        findings.push(Finding::new(draft.span.clone(), sentence).help(help));
    }
    findings
}

/// What is allowed and probably not meant.
pub(super) fn warnings(accounts: &Accounts, drafts: &[Draft]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for draft in drafts {
        let Some(pair) = &draft.pair else { continue };
        let used = Side::BOTH.map(|side| accounts[&pair.sides[side].account].as_ref());
        let remote = |account: &Option<&Account>| {
            account.is_some_and(|account| !account.provider.is_loopback())
        };
        if pair.interval < POLITE && used.iter().any(remote) {
            let span = draft.interval.clone().unwrap_or_else(|| draft.span.clone());
            findings.push(too_often(span, &pair.name, pair.interval));
        }
    }
    findings.extend(ring::warnings(drafts));
    findings
}

fn too_often(span: std::ops::Range<usize>, pair: &PairName, interval: Duration) -> Finding {
    let sentence = format!("pair `{pair}` asks its servers every {} s", interval.as_secs());
    let help = "under 15 s providers begin to refuse; \"60s\" is usual";
    Finding::new(span, sentence).help(help.to_owned())
}
