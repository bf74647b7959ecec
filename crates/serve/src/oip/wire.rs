//! The JSON of the Open Inference Protocol.

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A request for predictions.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InferRequest {
    /// Comes back with the answer.
    #[serde(default)]
    pub id: Option<String>,
    /// Settings of the request.
    #[serde(default)]
    pub parameters: RequestParameters,
    /// The examples.
    pub inputs: Vec<InputTensor>,
    /// The outputs that are wanted; all if there is none.
    #[serde(default)]
    pub outputs: Vec<WantedOutput>,
}

/// Settings of a request; others are not looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RequestParameters {
    /// Whether outputs come as bytes behind the JSON, unless one says otherwise.
    #[serde(default)]
    pub binary_data_output: bool,
}

/// Values that go in.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InputTensor {
    /// Which input it is.
    pub name: String,
    /// Number of values along each axis; the first one counts examples.
    pub shape: Vec<u64>,
    /// Type of the values.
    pub datatype: Datatype,
    /// How the values come.
    #[serde(default)]
    pub parameters: TensorParameters,
    /// The values, nested or in one list, unless they come as bytes behind the JSON.
    #[serde(default)]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    pub data: Option<Data>,
}

/// How the values of a tensor come.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct TensorParameters {
    /// Their bytes behind the JSON.
    #[serde(default)]
    pub binary_data_size: Option<usize>,
}

/// An output that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct WantedOutput {
    /// Which output.
    pub name: String,
    /// How it is wanted.
    #[serde(default)]
    pub parameters: OutputParameters,
}

/// How an output is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct OutputParameters {
    /// Whether it comes as bytes behind the JSON.
    #[serde(default)]
    pub binary_data: Option<bool>,
    /// Instead of all probabilities, so many of the largest as texts `probability:index:label`.
    #[serde(default)]
    pub classification: Option<usize>,
}

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // the protocol's own words
pub(crate) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    /// Bytes of a value; `None` where values differ in length.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Uint8 | Self::Int8 => Some(1),
            Self::Uint16 | Self::Int16 => Some(2),
            Self::Uint32 | Self::Int32 | Self::Fp32 => Some(4),
            Self::Uint64 | Self::Int64 | Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }
}

/// Predictions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InferResponse {
    /// The model that answered.
    pub model_name: String,
    /// Its version.
    pub model_version: String,
    /// That of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The outputs.
    pub outputs: Vec<OutputTensor>,
}

/// Values that come out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutputTensor {
    /// Which output it is.
    pub name: &'static str,
    /// Type of the values.
    pub datatype: Datatype,
    /// Number of values along each axis.
    pub shape: Vec<usize>,
    /// Where the values are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<BinarySize>,
    /// The values, numbers or texts, unless they come as bytes behind the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    pub data: Option<OutputData>,
}

/// Where the values of an output are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BinarySize {
    /// Their bytes behind the JSON.
    pub binary_data_size: usize,
}

/// Values of an output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum OutputData {
    /// Texts.
    Bytes(Vec<String>),
    /// Whole numbers.
    Int32(Vec<i32>),
    /// Numbers of 32 bits.
    Fp32(Vec<f32>),
    /// Numbers of 64 bits.
    Fp64(Vec<f64>),
}

/// Values of a tensor in JSON, nested lists made flat.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Data {
    /// Numbers; truth is 1 or 0, and null is no number.
    pub numbers: Vec<f64>,
    /// Texts. Only one of the two has values.
    pub texts: Vec<String>,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut data = Self::default();
        deserializer.deserialize_seq(Flat(&mut data))?;
        match data.numbers.is_empty() || data.texts.is_empty() {
            true => Ok(data),
            false => Err(de::Error::custom("`data` holds numbers and texts")),
        }
    }
}

/// Adds what it meets to the values.
struct Flat<'a>(&'a mut Data);

impl<'de> de::DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of numbers or texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Flat(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.numbers.push(value);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.visit_f64(f64::from(u8::from(value)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.visit_f64(f64::NAN)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.0.texts.push(value.into());
        Ok(())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<(), E> {
        self.0.texts.push(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_data_is_flat_and_of_one_sort() {
        let data: Data = serde_json::from_str("[[1, 2.5], [null, true]]").unwrap();
        assert_eq!(data.numbers[..2], [1.0, 2.5]);
        assert!(data.numbers[2].is_nan() && data.numbers[3] == 1.0);
        let data: Data = serde_json::from_str(r#"[["a"], ["b"]]"#).unwrap();
        assert_eq!(data.texts, ["a", "b"]);
        for bad in [r#"["a", 1]"#, "1", "[{}]", "[1", r#"{"a": 1}"#] {
            assert!(serde_json::from_str::<Data>(bad).is_err(), "{bad}");
        }
        let deep = "[".repeat(10_000);
        assert!(serde_json::from_str::<Data>(&deep).is_err());
    }
}
