//! The numbers by which GGUF names formats of tensors.

use modelwright_kernels::quant::Format;

/// Formats that are read.
const KNOWN: [(u32, Format); 11] = [
    (0, Format::F32),
    (1, Format::F16),
    (2, Format::Q4_0),
    (3, Format::Q4_1),
    (6, Format::Q5_0),
    (7, Format::Q5_1),
    (8, Format::Q8_0),
    (12, Format::Q4K),
    (13, Format::Q5K),
    (14, Format::Q6K),
    (30, Format::Bf16),
];

/// Names of formats that are not read, for messages.
const OTHERS: [(u32, &str); 23] = [
    (9, "Q8_1"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
    (41, "Q1_0"),
];

/// The format with this number; the error is a sentence that names what is known.
pub(super) fn format(number: u32) -> Result<Format, String> {
    if let Some((_, format)) = KNOWN.iter().find(|(known, _)| *known == number) {
        return Ok(*format);
    }
    let name = OTHERS.iter().find(|(known, _)| *known == number);
    let name = name.map_or("no known format", |(_, name)| name);
    let known: Vec<&str> = KNOWN.iter().map(|(_, format)| format.name()).collect();
    Err(format!(
        "is of type {number} ({name}), which is not supported; take a file in one of {}",
        known.join(", ")
    ))
}
