//! Simulated calendar services with faults: as HTTP servers and as an in-process provider
