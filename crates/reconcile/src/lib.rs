//! The pure plan: align, decide, merge, guard, order, explain
