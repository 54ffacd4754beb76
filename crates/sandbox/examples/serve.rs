//! A simulated server to poke at by hand: `cargo run -p sandbox --example serve -- icloud`, or
//! `-- google`.
//!
//! Prints the address and what lets one in, and serves until it is stopped.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use sandbox::dav::{Options, Profile, serve};
use sandbox::google::{CLIENT_ID, CLIENT_SECRET, Google};
use sandbox::{Account, World, seed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "icloud".to_owned());
    if wanted == "google" {
        return google().await;
    }
    let profile = Profile::all().into_iter().find(|profile| profile.name == wanted);
    let Some(profile) = profile else {
        let known: Vec<&str> = Profile::all().iter().map(|profile| profile.name).collect();
        println!("no profile `{wanted}`; there are google, {}", known.join(", "));
        return Ok(());
    };
    let world = World::new(1);
    let account = Account::new("sam");
    let (user, password) = (account.user.clone(), account.password.clone());
    world.add_account(account);
    let calendar = world.add_calendar("sam", "Family");
    world.add_calendar("sam", "Work");
    let today = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for text in seed::lifelike(1, today, 60) {
        world.user(&calendar).create(&text);
    }
    let running = serve(&world, Options::new(profile, "sam")).await?;
    println!("{} {user} {password}", running.url());
    println!("http://{}/ is the account's partition", running.partitions[0]);
    std::future::pending().await
}

async fn google() -> std::io::Result<()> {
    let world = World::new(1);
    world.account("gil", sandbox::Habits::default());
    let google = Google::new(&world, 1);
    let primary = google.open("gil");
    google.add_holidays("gil");
    google.seed(&primary, 1, 60);
    let running = google.serve().await?;
    println!("{}calendar/v3 with the token {}", running.url(), google.access_token("gil"));
    println!("{}token for the client {CLIENT_ID} {CLIENT_SECRET}", running.url());
    std::future::pending().await
}
