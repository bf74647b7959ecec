//! Between Burn's CPU tensors and slices.

use crate::buffer;
use crate::real::Real;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{DType, TensorMetadata};
use burn::tensor::{Element, Shape};

/// Element types that both Burn and the kernels know.
pub(crate) trait Value: Real + Element {
    /// Burn's name of the type.
    const DTYPE: DType;
}

impl Value for f32 {
    const DTYPE: DType = DType::F32;
}

impl Value for f64 {
    const DTYPE: DType = DType::F64;
}

/// Runs `$body` with `$t` standing for the element type of `$tensor`, f32 or f64; otherwise `$other`.
#[macro_export]
macro_rules! by_type {
    ($tensor:expr, $t:ident => $body:expr, else $other:expr) => {
        match burn::backend::TensorMetadata::dtype(&$tensor) {
            burn::backend::DType::F32 => {
                type $t = f32;
                $body
            }
            burn::backend::DType::F64 => {
                type $t = f64;
                $body
            }
            _ => $other,
        }
    };
}

/// `tensor` with its elements in row-major order without gaps; copied only if they are not.
pub(crate) fn dense(tensor: FlexTensor) -> FlexTensor {
    match tensor.layout().contiguous_offsets() {
        Some(_) => tensor,
        None => tensor.to_contiguous(),
    }
}

/// The elements of a dense tensor.
pub(crate) fn values<T: Value>(tensor: &FlexTensor) -> &[T] {
    match tensor.layout().contiguous_offsets() {
        Some((start, end)) => &tensor.storage::<T>()[start..end],
        None => unreachable!("`dense` comes before `values`"),
    }
}

/// The elements of a dense tensor to change; copied first if another tensor shares them.
pub(crate) fn values_mut<T: Value>(tensor: &mut FlexTensor) -> &mut [T] {
    match tensor.layout().contiguous_offsets() {
        Some((start, end)) => &mut tensor.storage_mut::<T>()[start..end],
        None => unreachable!("`dense` comes before `values_mut`"),
    }
}

/// A new tensor whose elements `write` sets, all of them.
pub(crate) fn new<T: Value>(shape: &[usize], write: impl FnOnce(&mut [T])) -> FlexTensor {
    let len = shape.iter().product();
    let bytes = buffer::filled::<T>(len, write);
    FlexTensor::new(
        bytes,
        Layout::contiguous(Shape::from(shape.to_vec())),
        T::DTYPE,
    )
}

/// The dimensions of a tensor.
pub(crate) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// The length of the last dimension of a tensor, 1 if it has none.
pub(crate) fn row_len(tensor: &FlexTensor) -> usize {
    tensor.shape().to_vec().last().copied().unwrap_or(1)
}

/// Whole numbers of an index tensor, as i64.
pub(crate) fn indices(tensor: FlexTensor) -> Vec<i64> {
    let tensor = dense(tensor);
    let Some((start, end)) = tensor.layout().contiguous_offsets() else {
        unreachable!("dense")
    };
    match tensor.dtype() {
        DType::I64 => tensor.storage::<i64>()[start..end].to_vec(),
        DType::I32 => {
            let values = &tensor.storage::<i32>()[start..end];
            values.iter().map(|v| i64::from(*v)).collect()
        }
        DType::U8 => {
            let values = &tensor.storage::<u8>()[start..end];
            values.iter().map(|v| i64::from(*v)).collect()
        }
        other => panic!("indices of type {other:?} are not supported"),
    }
}
