//! JSON as Python's `json.dumps` writes it, which is how models saw it in training.

use minijinja::{Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// `json.dumps(value, ensure_ascii=False, indent=indent)`.
pub(super) fn dumps(value: &Value, indent: Option<usize>) -> Result<String, Error> {
    let mut out = Vec::new();
    let done = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)),
        Some(indent) => {
            let space = " ".repeat(indent.min(16));
            let formatter = PrettyFormatter::with_indent(space.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter))
        }
    };
    let fail = |e: String| Error::new(ErrorKind::BadSerialization, e);
    done.map_err(|e| fail(e.to_string()))?;
    String::from_utf8(out).map_err(|e| fail(e.to_string()))
}

/// Spaces after commas and colons.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        separator(out, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        separator(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn separator<W: ?Sized + Write>(out: &mut W, first: bool) -> io::Result<()> {
    match first {
        true => Ok(()),
        false => out.write_all(b", "),
    }
}
