//! Models behind an address.
