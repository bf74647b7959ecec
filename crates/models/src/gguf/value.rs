//! Values of metadata.

use super::reader::Reader;
use std::io::Read;

/// Lists in lists; no writer makes any.
const DEEPEST: usize = 4;

/// A value of metadata; numbers of all widths are one.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// u8, u16, u32 and u64.
    Unsigned(u64),
    /// i8, i16, i32 and i64.
    Signed(i64),
    /// f32 and f64.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Text.
    Text(String),
    /// Values of one kind.
    List(Vec<Value>),
}

impl Value {
    /// Reads a value of kind `kind`.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>, kind: u32) -> Result<Self, String> {
        Self::read_inside(reader, kind, 0)
    }

    fn read_inside<R: Read>(
        reader: &mut Reader<R>,
        kind: u32,
        depth: usize,
    ) -> Result<Self, String> {
        Ok(match kind {
            0 => Self::Unsigned(u8::from_le_bytes(reader.bytes()?).into()),
            1 => Self::Signed(i8::from_le_bytes(reader.bytes()?).into()),
            2 => Self::Unsigned(u16::from_le_bytes(reader.bytes()?).into()),
            3 => Self::Signed(i16::from_le_bytes(reader.bytes()?).into()),
            4 => Self::Unsigned(u32::from_le_bytes(reader.bytes()?).into()),
            5 => Self::Signed(i32::from_le_bytes(reader.bytes()?).into()),
            6 => Self::Float(f32::from_le_bytes(reader.bytes()?).into()),
            7 => match reader.bytes::<1>()? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [other] => return Err(format!("a truth value is {other}")),
            },
            8 => Self::Text(reader.text()?),
            9 if depth < DEEPEST => Self::read_list(reader, depth)?,
            9 => return Err("lists lie in lists too deeply".into()),
            10 => Self::Unsigned(u64::from_le_bytes(reader.bytes()?)),
            11 => Self::Signed(i64::from_le_bytes(reader.bytes()?)),
            12 => Self::Float(f64::from_le_bytes(reader.bytes()?)),
            other => return Err(format!("a value is of kind {other}, which does not exist")),
        })
    }

    fn read_list<R: Read>(reader: &mut Reader<R>, depth: usize) -> Result<Self, String> {
        let kind = reader.u32()?;
        let least = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            9 => 12,
            8 | 10..=12 => 8,
            other => return Err(format!("a list is of kind {other}, which does not exist")),
        };
        let count = reader.count("a list's values", least)?;
        reader.take_values(count)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(Self::read_inside(reader, kind, depth + 1)?);
        }
        Ok(Self::List(values))
    }

    /// As a number without sign.
    pub fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            Self::Signed(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// As a real number.
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(x) => Some(*x),
            Self::Unsigned(n) => Some(*n as f64),
            Self::Signed(n) => Some(*n as f64),
            _ => None,
        }
    }

    /// As a truth value.
    pub fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// As text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As a list.
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }
}
