//! CalDAV adapter: iCloud and others
