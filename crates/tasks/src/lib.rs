//! Tasks: data, architecture, loss, metrics and decoding behind one trait
