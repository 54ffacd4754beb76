//! What an iCloud user is told. Apple's rules are strange enough that most first attempts fail:
//! the password that everybody tries first is the one that never works.

use secrecy::{ExposeSecret, SecretString};

/// Letters of an app-specific password.
const LETTERS: usize = 16;

/// How Apple writes it: four groups of four.
const GROUP: usize = 4;

/// Said before a password that isn't an app-specific one is sent anywhere.
pub const QUESTIONED: &str = "\
that looks like your Apple ID password; iCloud needs an app-specific one:
  1. Two-factor authentication must be on for the Apple ID.
  2. Open account.apple.com and choose Sign-In and Security, then App-Specific Passwords.
  3. Make one and name it, for example `calpair`.
  4. Copy it: Apple shows it only once. It has 16 letters.
To send what you typed all the same, use --force.";

/// Said when iCloud refuses a password.
pub const REFUSED: &str = "\
iCloud refused this user name and password. Please check:
  - It is an app-specific password (16 letters), not the Apple ID password.
  - The user name is the Apple ID itself, not an alias or another address of the account.
  - Two-factor authentication is on for the Apple ID.
  - If all that is right, make a new one at account.apple.com: changing the Apple ID password
    revokes every app-specific password at once.";

/// Said when iCloud takes a password and allows nothing.
pub const LOCKED: &str = "\
iCloud took the password, and allowed nothing. Most likely Apple wants something for this Apple ID
first. Sign in at www.icloud.com, see to it, and try again:
  - The account may be locked.
  - There may be new terms to accept.
  - Calendar may be switched off, or was never opened there.";

/// Said when iCloud accepts a password and has no calendar.
pub const NO_CALENDAR: &str = "\
iCloud accepted the password, but this Apple ID has no calendar yet. Open www.icloud.com once, see
that Calendar works there, and try again.";

/// What a typed password looks like.
#[derive(Debug)]
pub enum Shape {
    /// An app-specific password, written as Apple writes it.
    AppSpecific(SecretString),
    /// Something else, most likely the Apple ID password.
    Other,
}

/// Looks at a password before it is sent. White space and dashes are put right: people paste.
pub fn shape(typed: &SecretString) -> Shape {
    let ignored = |c: &char| !c.is_whitespace() && !is_dash(*c);
    let letters: Vec<char> = typed.expose_secret().chars().filter(ignored).collect();
    if letters.len() != LETTERS || !letters.iter().all(char::is_ascii_alphabetic) {
        return Shape::Other;
    }
    // Apple makes them of small letters; keyboards put a capital in front. An Apple ID password
    // can't be meant: Apple demands a digit in it.
    let groups: Vec<String> = letters
        .chunks(GROUP)
        .map(|group| group.iter().map(char::to_ascii_lowercase).collect())
        .collect();
    Shape::AppSpecific(SecretString::from(groups.join("-")))
}

/// The dash, and what programs that help with typing make of it.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_letters_are_written_as_apple_writes_them() {
        let typed = [
            "abcd-efgh-ijkl-mnop",
            "abcdefghijklmnop",
            " abcd-efgh-ijkl-mnop\t",
            "abcd efgh ijkl mnop",
            "Abcd-efgh-ijkl-mnop",
            "abcd–efgh—ijkl\u{a0}mnop",
        ];
        for typed in typed {
            match shape(&SecretString::from(typed)) {
                Shape::AppSpecific(password) => {
                    assert_eq!(password.expose_secret(), "abcd-efgh-ijkl-mnop", "{typed}");
                }
                Shape::Other => panic!("{typed}"),
            }
        }
    }

    #[test]
    fn anything_else_is_questioned() {
        let typed = [
            "",
            "correct horse",
            "Passw0rd",
            "abcd-efgh-ijkl-mno",
            "abcd-efgh-ijkl-mnopq",
            "abcd-efgh-ijkl-mno1",
            "abcd_efgh_ijkl_mnop",
            "äbcdefghijklmnop",
        ];
        for typed in typed {
            assert!(matches!(shape(&SecretString::from(typed)), Shape::Other), "{typed}");
        }
    }

    #[test]
    fn what_is_said_fits_a_terminal() {
        for text in [QUESTIONED, REFUSED, LOCKED, NO_CALENDAR] {
            assert!(text.lines().all(|line| line.chars().count() <= 100));
        }
    }
}
