//! Observe, plan, execute, settle; schedule and supervise
