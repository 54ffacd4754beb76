//! Fixture language and the provider contract suite
