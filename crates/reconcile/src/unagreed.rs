//! What our own writes put on a side that no agreement covers yet: nobody's edit.

/// Whether what stands now was put there by one of `writes`, each before and after, oldest first.
///
/// A write that did not put it there but found it leaves the question to the one before: it
/// concerned something else, or never arrived. One that found something else ends it: somebody
/// typed in between.
pub(crate) fn put<T: Copy>(
    writes: impl DoubleEndedIterator<Item = (T, T)>,
    now: T,
    same: impl Fn(T, T) -> bool,
) -> bool {
    for (before, after) in writes.rev() {
        if !same(before, after) && same(after, now) {
            return true;
        }
        if !same(before, now) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_write_put_there_is_told_from_what_somebody_typed() {
        for (says, writes, now, ours) in [
            ("none", &[][..], 'a', false),
            ("it arrived", &[('a', 'b')], 'b', true),
            ("it never arrived", &[('a', 'b')], 'a', false),
            ("somebody typed after it", &[('a', 'b')], 'x', false),
            ("the second one was about something else", &[('a', 'b'), ('b', 'b')], 'b', true),
            ("the second one never arrived", &[('a', 'b'), ('b', 'c')], 'b', true),
            ("both arrived", &[('a', 'b'), ('b', 'c')], 'c', true),
            (
                "somebody typed between, the second never arrived",
                &[('a', 'b'), ('x', 'c')],
                'x',
                false,
            ),
            ("typed the first one's again", &[('a', 'b'), ('x', 'x')], 'b', false),
        ] {
            assert_eq!(put(writes.iter().copied(), now, |one, other| one == other), ours, "{says}");
        }
    }
}
