//! iCalendar text and recurrence rules to and from the model, everything unknown kept

pub mod tree;
