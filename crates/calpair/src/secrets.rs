//! Secrets on their way in: the key that seals them in the database, and passwords as they are
//! typed. Sealing itself is the store's business. Nothing here can be printed.

mod client;
mod credential;
mod key;
mod page;
mod password;

pub use client::{ClientSecretError, ClientSecretProblem, client_secret};
pub use credential::Credential;
pub use key::{Key, KeyError, KeyProblem, PUT_BACK, existing, key};
pub use page::{Lock, PagePassword, PagePasswordError};
pub use password::{PasswordError, from_stdin, from_terminal, token_from_stdin};
