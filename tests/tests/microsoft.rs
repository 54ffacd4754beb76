//! Stories between a simulated Microsoft and the others, told to their end.

use calpair_tests::end::End;
use calpair_tests::story;
use model::Sides;

#[test]
fn a_meeting_through_its_life_beside_icloud() {
    story::a_meeting_through_its_life(|runtime| {
        Sides::new(runtime.block_on(End::icloud()), End::microsoft())
    });
}

#[test]
fn a_meeting_through_its_life_beside_google() {
    story::a_meeting_through_its_life(|_| Sides::new(End::google(), End::microsoft()));
}
