//! Limits for templates of strangers.
//!
//! Jinja's own steps are counted by fuel, but one step can double a text (`x ~ x`), a list or the depth
//! of one. So operators are replaced in the compiled template, one instruction for one, by functions of
//! ours, which weigh what they are given before they work on it.

use minijinja::machinery::{CompiledTemplate, Instruction, Instructions};
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::sync::atomic::{AtomicI64, Ordering};

/// Most steps of a template.
const STEPS: u64 = 1_000_000;
/// Most bytes that literal text of a template may come to.
const LITERAL: u64 = 1 << 30;
/// Most bytes that all values together may have that are looked at or made.
const TOTAL: i64 = 512 << 20;
/// Most bytes of one value.
const LARGEST: i64 = 64 << 20;
/// Bytes that a value takes beside its text.
const NODE: i64 = 24;
/// How deep lists may lie in each other.
const DEPTH: usize = 64;
/// No cache of filters by number.
const UNCACHED: u8 = u8::MAX;

/// What a template may still use.
#[derive(Debug)]
pub(super) struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(TOTAL))
    }
}

impl Budget {
    /// Charges for a value.
    pub fn weigh(&self, value: &Value) -> Result<(), Error> {
        let mut left = LARGEST;
        weigh(value, &mut left, DEPTH)?;
        self.charge(LARGEST - left)
    }

    /// Charges for the outside of a value: what it costs to find its length or one of its items.
    pub fn glance(&self, value: &Value) -> Result<(), Error> {
        let text = value.as_str().map(str::len);
        self.charge(text.or(value.len()).unwrap_or(0) as i64)
    }

    /// Charges for so many bytes.
    pub fn charge(&self, bytes: i64) -> Result<(), Error> {
        let left = self.0.fetch_sub(bytes, Ordering::Relaxed);
        match left >= bytes && bytes <= LARGEST {
            true => Ok(()),
            false => Err(refused("it makes texts or lists that are too large")),
        }
    }
}

fn weigh(value: &Value, left: &mut i64, depth: usize) -> Result<(), Error> {
    let too_large = || refused("it makes texts or lists that are too large");
    *left -= NODE + value.as_str().map_or(0, |text| text.len() as i64);
    if *left < 0 {
        return Err(too_large());
    }
    let map = value.kind() == ValueKind::Map;
    if !map && !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(());
    }
    if depth == 0 {
        return Err(refused("it puts lists into lists without end"));
    }
    for item in value.try_iter()? {
        weigh(&item, left, depth - 1)?;
        if map {
            weigh(&value.get_item(&item)?, left, depth - 1)?;
        }
    }
    Ok(())
}

pub(super) fn refused(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

/// How many steps a template may take.
pub(super) fn steps(template: &CompiledTemplate<'_>) -> u64 {
    let parts = std::iter::once(&template.instructions).chain(template.blocks.values());
    let all = parts.flat_map(|part| (0..).map_while(|index| part.get(index)));
    let literal = all.map(|instruction| match instruction {
        Instruction::EmitRaw(text) => text.len() as u64,
        _ => 1,
    });
    STEPS.min(LITERAL / literal.max().unwrap_or(1).max(1))
}

/// The same steps with functions of ours in the place of operators.
pub(super) fn guarded<'a>(original: &Instructions<'a>) -> Instructions<'a> {
    let mut guarded = Instructions::new(original.name(), original.source());
    for index in 0.. {
        let Some(instruction) = original.get(index) else {
            break;
        };
        let line = original.get_line(index).unwrap_or(0);
        guarded.add_with_line(replaced(instruction), line.try_into().unwrap_or(u16::MAX));
    }
    guarded
}

fn replaced<'a>(instruction: &Instruction<'a>) -> Instruction<'a> {
    let (name, arguments) = match instruction {
        Instruction::Add => ("operator:+", 2),
        Instruction::Mul => ("operator:*", 2),
        Instruction::StringConcat => ("operator:~", 2),
        Instruction::Eq => ("operator:==", 2),
        Instruction::Ne => ("operator:!=", 2),
        Instruction::Lt => ("operator:<", 2),
        Instruction::Lte => ("operator:<=", 2),
        Instruction::Gt => ("operator:>", 2),
        Instruction::Gte => ("operator:>=", 2),
        Instruction::In => ("operator:in", 2),
        Instruction::CompareAndPreserve(_) => ("operator:chain", 2),
        Instruction::GetItem => ("operator:[]", 2),
        Instruction::Slice => ("operator:slice", 4),
        Instruction::BuildList(Some(count)) => ("operator:list", *count),
        Instruction::BuildMap(count) => ("operator:map", 2 * *count),
        other => return other.clone(),
    };
    // More than so many would be a template of megabytes.
    let arguments = u16::try_from(arguments).unwrap_or(u16::MAX);
    Instruction::ApplyFilter(name, Some(arguments), UNCACHED)
}
