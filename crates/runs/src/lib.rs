//! The run store, run folders and bundles
