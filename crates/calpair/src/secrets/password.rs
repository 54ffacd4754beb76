//! A password as it is typed or piped in: one line, never shown.

use std::io::{self, BufRead};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// No provider takes a longer one.
const LONGEST: usize = 1024;

/// No provider gives a longer refresh token; Microsoft's have a kilobyte or two.
const LONGEST_TOKEN: usize = 16 << 10;

/// There is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("no password was given")]
    Empty,
    /// It has characters that no password has.
    #[error("the password has control characters, or more than 1024 bytes")]
    NoPassword,
    /// It is no token.
    #[error("that is no refresh token: one line without spaces")]
    NoToken,
    /// There is nobody to ask.
    #[error("there is no terminal to ask for the password; give it with --password-stdin")]
    NoTerminal(#[source] io::Error),
    /// stdin can't be read.
    #[error("stdin can't be read")]
    Unreadable(#[source] io::Error),
}

/// Asks on the terminal, without showing what is typed.
///
/// # Errors
/// There is no terminal, or nothing was typed.
pub fn from_terminal(prompt: &str) -> Result<SecretString, PasswordError> {
    let prompt = crate::terminal::escaped(prompt);
    let typed = rpassword::prompt_password(prompt).map_err(PasswordError::NoTerminal)?;
    checked(&Zeroizing::new(typed), LONGEST)
}

/// Reads the first line.
///
/// # Errors
/// There is none, or it can't be a password.
pub fn from_stdin(input: impl BufRead) -> Result<SecretString, PasswordError> {
    line(input, LONGEST)
}

/// Reads the first line as a refresh token.
///
/// # Errors
/// There is none, or it can't be a token.
pub fn token_from_stdin(input: impl BufRead) -> Result<SecretString, PasswordError> {
    let token = line(input, LONGEST_TOKEN).map_err(|error| match error {
        PasswordError::NoPassword => PasswordError::NoToken,
        other => other,
    })?;
    let text = token.expose_secret().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(PasswordError::NoToken);
    }
    Ok(SecretString::from(text))
}

fn line(input: impl BufRead, longest: usize) -> Result<SecretString, PasswordError> {
    let mut line = Zeroizing::new(Vec::new());
    let most = longest as u64 + 2;
    input.take(most).read_until(b'\n', &mut line).map_err(PasswordError::Unreadable)?;
    let text = std::str::from_utf8(&line).map_err(|_| PasswordError::NoPassword)?;
    checked(text, longest)
}

fn checked(typed: &str, longest: usize) -> Result<SecretString, PasswordError> {
    let password = typed.strip_suffix('\n').unwrap_or(typed);
    let password = password.strip_suffix('\r').unwrap_or(password);
    // What stands in a column of a table is copied with the tabs beside it.
    let bare = password.trim();
    let is_copied = password.contains('\t') && !bare.contains('\t');
    let password = if is_copied { bare } else { password };
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.chars().any(char::is_control) || password.len() > longest {
        return Err(PasswordError::NoPassword);
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_as_it_stands() {
        let cases = [
            ("pass word\n", "pass word"),
            ("pässword", "pässword"),
            ("one\r\ntwo\n", "one"),
            (" x ", " x "),
            (" \tx y\t \r\n", "x y"),
        ];
        for (input, expected) in cases {
            let password = from_stdin(input.as_bytes()).unwrap();
            assert_eq!(password.expose_secret(), expected);
            assert!(!format!("{password:?}").contains(expected));
        }
    }

    #[test]
    fn a_token_is_one_word_and_may_be_long() {
        let long = "x".repeat(5000);
        for (input, expected) in [("1//0g-x_y\n", "1//0g-x_y"), (" a ", "a"), (&long, &*long)] {
            assert_eq!(token_from_stdin(input.as_bytes()).unwrap().expose_secret(), expected);
        }
        for input in ["", " ", "a b", "tök", "a\u{1b}"] {
            assert!(token_from_stdin(input.as_bytes()).is_err(), "{input:?}");
        }
    }

    #[test]
    fn nothing_and_garbage_are_refused() {
        let long = "x".repeat(5000);
        for input in ["", "\n", "\r\n", "\t\n", "a\tb", "a\0b", "a\u{1b}b", &long] {
            assert!(from_stdin(input.as_bytes()).is_err(), "{input:?}");
        }
        assert!(from_stdin(&b"\xff\xfe"[..]).is_err());
    }
}
