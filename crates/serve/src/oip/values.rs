//! The values of input tensors, from JSON or from the bytes behind it; every size is checked first.

use super::wire::{Data, Datatype, InferRequest, InputTensor};
use crate::error::ServeError;
use axum::http::HeaderMap;
use bytes::Bytes;

/// Says where the JSON ends and the bytes of tensors start.
pub(crate) const JSON_LENGTH: &str = "inference-header-content-length";

/// A tensor whose number of values is that of its shape.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub datatype: Datatype,
    pub values: Values,
}

/// Values of a tensor.
#[derive(Debug)]
pub(crate) enum Values {
    /// Of type `UINT8`.
    Octets(Vec<u8>),
    /// Of any other type of number.
    Numbers(Vec<f64>),
    /// Of type `BYTES`, from JSON.
    Texts(Vec<String>),
    /// Of type `BYTES`, from behind the JSON.
    Blobs(Vec<Bytes>),
}

/// The request in a body, and its tensors.
pub(crate) fn parse(
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(InferRequest, Vec<Tensor>), ServeError> {
    let length = match headers.get(JSON_LENGTH) {
        None => body.len(),
        Some(length) => {
            let length = length.to_str().ok().and_then(|l| l.parse().ok());
            length.filter(|l| *l <= body.len()).ok_or_else(|| {
                ServeError::input(
                    "the header Inference-Header-Content-Length is not a length within the body",
                    "give the number of bytes of the JSON at the start of the body",
                )
            })?
        }
    };
    let mut request: InferRequest = serde_json::from_slice(&body[..length]).map_err(|e| {
        ServeError::input(
            format!("the body is no inference request: {e}"),
            "send {\"inputs\": [{\"name\": …, \"shape\": […], \"datatype\": …, \"data\": […]}]}",
        )
    })?;
    let mut rest = body.slice(length..);
    let inputs = std::mem::take(&mut request.inputs);
    let tensor = |input| Tensor::new(input, &mut rest);
    let tensors = inputs.into_iter().map(tensor).collect::<Result<_, _>>()?;
    match rest.is_empty() {
        true => Ok((request, tensors)),
        false => Err(ServeError::input(
            format!(
                "{} bytes at the end of the body belong to no tensor",
                rest.len()
            ),
            "give each input that comes as bytes its parameter binary_data_size",
        )),
    }
}

impl Tensor {
    /// Takes the bytes of the tensor from `rest` if it has such.
    fn new(input: InputTensor, rest: &mut Bytes) -> Result<Self, ServeError> {
        let InputTensor {
            name,
            shape,
            datatype,
            parameters,
            data,
        } = input;
        let fail = |problem: String| {
            ServeError::input(
                format!("tensor `{name}`: {problem}"),
                "GET the model's metadata for names, types and shapes",
            )
        };
        let count = shape
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?))
            .ok_or_else(|| fail("its shape is too large".into()))?;
        let values = match (parameters.binary_data_size, data) {
            (Some(size), None) if size <= rest.len() => {
                from_bytes(datatype, count, rest.split_to(size)).map_err(&fail)?
            }
            (Some(size), None) => {
                return Err(fail(format!(
                    "{size} bytes are announced, but {} are left in the body",
                    rest.len()
                )));
            }
            (None, Some(data)) => from_json(datatype, count, data).map_err(&fail)?,
            (Some(_), Some(_)) => return Err(fail("both `data` and `binary_data_size`".into())),
            (None, None) => return Err(fail("neither `data` nor `binary_data_size`".into())),
        };
        // Fits, because the product does; a 0 among them leaves no values.
        let shape = shape.iter().map(|d| *d as usize).collect();
        Ok(Self {
            name,
            shape,
            datatype,
            values,
        })
    }
}

fn check_count(found: usize, count: usize) -> Result<(), String> {
    match found == count {
        true => Ok(()),
        false => Err(format!("{found} values where the shape has {count}")),
    }
}

fn from_json(datatype: Datatype, count: usize, data: Data) -> Result<Values, String> {
    let Data { numbers, texts } = data;
    check_count(numbers.len() + texts.len(), count)?;
    match datatype {
        Datatype::Bytes if numbers.is_empty() => Ok(Values::Texts(texts)),
        Datatype::Bytes => Err("numbers where BYTES needs texts".into()),
        _ if !texts.is_empty() => Err("texts where numbers are needed".into()),
        Datatype::Uint8 => {
            let octet =
                |v: &f64| (v.fract() == 0.0 && (0.0..256.0).contains(v)).then_some(*v as u8);
            let octets = numbers.iter().map(octet).collect::<Option<_>>();
            octets
                .map(Values::Octets)
                .ok_or_else(|| "a value of UINT8 is no whole number from 0 to 255".into())
        }
        _ => Ok(Values::Numbers(numbers)),
    }
}

fn from_bytes(datatype: Datatype, count: usize, bytes: Bytes) -> Result<Values, String> {
    let Some(size) = datatype.size() else {
        return blobs(count, bytes).map(Values::Blobs);
    };
    if count.checked_mul(size) != Some(bytes.len()) {
        return Err(format!(
            "{} bytes are no {count} values of {size} bytes",
            bytes.len()
        ));
    }
    let values = match datatype {
        Datatype::Uint8 => return Ok(Values::Octets(bytes.to_vec())),
        Datatype::Bytes => Vec::new(),
        Datatype::Bool => bytes.iter().map(|b| f64::from(u8::from(*b != 0))).collect(),
        Datatype::Int8 => spread(&bytes, |b| f64::from(i8::from_le_bytes(b))),
        Datatype::Uint16 => spread(&bytes, |b| f64::from(u16::from_le_bytes(b))),
        Datatype::Int16 => spread(&bytes, |b| f64::from(i16::from_le_bytes(b))),
        Datatype::Uint32 => spread(&bytes, |b| f64::from(u32::from_le_bytes(b))),
        Datatype::Int32 => spread(&bytes, |b| f64::from(i32::from_le_bytes(b))),
        Datatype::Fp32 => spread(&bytes, |b| f64::from(f32::from_le_bytes(b))),
        Datatype::Uint64 => spread(&bytes, |b| u64::from_le_bytes(b) as f64),
        Datatype::Int64 => spread(&bytes, |b| i64::from_le_bytes(b) as f64),
        Datatype::Fp64 => spread(&bytes, f64::from_le_bytes),
    };
    Ok(Values::Numbers(values))
}

/// Values of `N` bytes each.
fn spread<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (values, _) = bytes.as_chunks::<N>();
    values.iter().map(|v| value(*v)).collect()
}

/// Texts, each behind its length in four bytes.
fn blobs(count: usize, mut bytes: Bytes) -> Result<Vec<Bytes>, String> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let head = bytes.first_chunk::<4>().copied();
        let size = head.map(|h| u32::from_le_bytes(h) as usize);
        match size {
            Some(size) if size <= bytes.len() - 4 => {
                let _ = bytes.split_to(4);
                all.push(bytes.split_to(size));
            }
            _ => return Err("its bytes end within a text".into()),
        }
        if all.len() > count {
            break;
        }
    }
    check_count(all.len(), count)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str, tail: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(JSON_LENGTH, json.len().into());
        let body = Bytes::from([json.as_bytes(), tail].concat());
        parse(&headers, &body).unwrap_err().to_string()
    }

    #[test]
    fn sizes_are_checked_before_anything_is_made() {
        let input = |shape: &str, kind: &str, more: &str| {
            format!(r#"{{"inputs":[{{"name":"x","shape":{shape},"datatype":"{kind}",{more}}}]}}"#)
        };
        let binary = r#""parameters":{"binary_data_size":8}"#;
        for (json, tail, part) in [
            (
                input("[4294967296,4294967296]", "UINT8", r#""data":[]"#),
                &[][..],
                "too large",
            ),
            (
                input("[3]", "FP32", r#""data":[1]"#),
                &[],
                "1 values where the shape has 3",
            ),
            (
                input("[2]", "FP64", binary),
                &[0; 8],
                "no 2 values of 8 bytes",
            ),
            (input("[1]", "FP64", binary), &[0; 7], "7 are left"),
            (input("[1]", "FP64", binary), &[0; 9], "1 bytes at the end"),
            (
                input("[1]", "BYTES", binary),
                &[9, 0, 0, 0, 1, 1, 1, 1],
                "within a text",
            ),
            (input("[1]", "UINT8", r#""data":[256]"#), &[], "0 to 255"),
            (input("[1]", "FP99", r#""data":[1]"#), &[], "FP99"),
            (input("[-1]", "FP32", r#""data":[1]"#), &[], "-1"),
            (
                input("[1]", "FP32", r#""data":["a"]"#),
                &[],
                "texts where numbers",
            ),
            (input("[1]", "FP32", r#""parameters":{}"#), &[], "neither"),
        ] {
            let message = error(&json, tail);
            assert!(message.contains(part), "{json}: {message}");
        }
    }

    #[test]
    fn bytes_of_every_type_are_read() {
        let of = |datatype, bytes: &[u8]| from_bytes(datatype, 1, Bytes::copy_from_slice(bytes));
        for (datatype, bytes) in [
            (Datatype::Bool, &[1u8][..]),
            (Datatype::Int8, &[1]),
            (Datatype::Uint16, &1u16.to_le_bytes()),
            (Datatype::Int16, &1i16.to_le_bytes()),
            (Datatype::Uint32, &1u32.to_le_bytes()),
            (Datatype::Int32, &1i32.to_le_bytes()),
            (Datatype::Uint64, &1u64.to_le_bytes()),
            (Datatype::Int64, &1i64.to_le_bytes()),
            (Datatype::Fp32, &1f32.to_le_bytes()),
            (Datatype::Fp64, &1f64.to_le_bytes()),
        ] {
            let Ok(Values::Numbers(values)) = of(datatype, bytes) else {
                panic!("{datatype:?}")
            };
            assert_eq!(values, [1.0], "{datatype:?}");
        }
        let Ok(Values::Blobs(blobs)) = of(Datatype::Bytes, &[2, 0, 0, 0, b'h', b'i']) else {
            panic!()
        };
        assert_eq!(blobs[0], "hi");
    }
}
