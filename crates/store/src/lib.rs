//! SQLite: snapshots, mappings, cursors, journal, history, states, sealed secrets
