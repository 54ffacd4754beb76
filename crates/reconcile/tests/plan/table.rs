//! Cases, each with a sentence.

use crate::world::*;
use model::Sides;
use reconcile::{Decision, Policy};

#[test]
fn smoke() {
    let base = Sides::new(single("a"), single("a"));
    let (plan, _) = settle(
        &touched(known(base, Sides::new(present(single("b")), present(single("a"))))),
        &Policy::default(),
    );
    assert_eq!(plan.steps[0].decision, Decision::Copy(model::Side::Right));
}
