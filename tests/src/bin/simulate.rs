//! Lives many lives of a pair, one for each seed, on all cores; prints the first that ends badly.
//!
//! `simulate [--left SERVICE] [--right SERVICE] [--seeds N] [--from S] [--seed S]`; one seed alone
//! also tells its whole life. A service is `plain` (a provider in process), `google` or
//! `microsoft`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use calpair_tests::simulation::{self, Service};
use model::Sides;

struct Asked {
    from: u64,
    seeds: u64,
    services: Sides<Service>,
}

fn asked(arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { from: 0, seeds: 1000, services: Sides::default() };
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{value:?} is not a number"));
        let service = || Service::named(&value).ok_or_else(|| format!("{value:?}: no service"));
        match name.as_str() {
            "--left" => asked.services.left = service()?,
            "--right" => asked.services.right = service()?,
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--seed" => (asked.from, asked.seeds) = (number()?, 1),
            _ => {
                let known = "--left, --right, --seeds N, --from S or --seed S";
                return Err(format!("{name}: unknown; {known}"));
            }
        }
    }
    Ok(asked)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]
#[expect(clippy::disallowed_methods, reason = "it tells how long it took")]
fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if asked.seeds == 1 {
        let filter = tracing_subscriber::EnvFilter::new("engine=debug");
        tracing_subscriber::fmt().with_env_filter(filter).without_time().init();
        let (end, life) = simulation::live(asked.from, asked.services);
        life.trace.iter().for_each(|line| println!("{line}"));
        if let Err(found) = end {
            println!("seed {}: {found}", asked.from);
            return ExitCode::FAILURE;
        }
    }
    let begun = std::time::Instant::now();
    let next = AtomicU64::new(asked.from);
    let end = asked.from + asked.seeds;
    let [cycles, crashes, writes] = [const { AtomicU64::new(0) }; 3];
    let failed = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    match simulation::live_twice(seed, asked.services) {
                        Ok(life) => {
                            cycles.fetch_add(life.cycles, Ordering::Relaxed);
                            crashes.fetch_add(life.crashes, Ordering::Relaxed);
                            writes.fetch_add(life.writes, Ordering::Relaxed);
                        }
                        Err(found) => {
                            failed.store(true, Ordering::Relaxed);
                            println!("seed {seed}: {found}");
                            let Sides { left, right } = asked.services.map(Service::name);
                            println!(
                                "repeat with: cargo xtask sim --left {left} --right {right} \
                                 --seed {seed}"
                            );
                        }
                    }
                }
            });
        }
    });
    println!(
        "{} seeds, each twice: {} cycles, {} of them killed, {} writes, {:.1} s",
        asked.seeds,
        cycles.into_inner(),
        crashes.into_inner(),
        writes.into_inner(),
        begun.elapsed().as_secs_f64()
    );
    if failed.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
