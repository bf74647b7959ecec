//! Weights that are used again and again outside of training, in the kernels' order.

use crate::cpu::conv::{Geometry, Packed};
use crate::cpu::winograd::Filters;
use crate::tensor::{Value, dense, values};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kept weights.
///
/// An entry holds the weight tensor itself. Its memory is therefore shared, and whoever changes it
/// changes a copy: an entry can never be out of date. When nobody but the entry holds the tensor any
/// more, the network is gone and the entry goes too.
static KEPT: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// The most bytes of kept weights. What comes later is made at every use: to let go of others would
/// make a network that is larger than this prepare all of its layers in every pass.
const MOST: usize = 1 << 30;

struct Entry {
    weight: FlexTensor,
    packed: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

fn kept() -> MutexGuard<'static, Vec<Entry>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A weight in another form.
pub(super) trait Form: Any + Send + Sync {
    /// Bytes in memory.
    fn bytes(&self) -> usize;
}

impl<T: Value> Form for Packed<T> {
    fn bytes(&self) -> usize {
        size_of_val(self.panels())
    }
}

impl<T: Value> Form for Filters<T> {
    fn bytes(&self) -> usize {
        size_of_val(self.transformed())
    }
}

/// A weight without gaps, and whether it is likely to be used again: the copy of a view is not.
pub(super) fn settled(weight: FlexTensor) -> (FlexTensor, bool) {
    let lasting = weight.layout().contiguous_offsets().is_some();
    (dense(weight), lasting)
}

/// The form of a weight that `fits`, if it is kept.
fn find<P: Form>(kept: &[Entry], weight: &FlexTensor, fits: impl Fn(&P) -> bool) -> Option<Arc<P>> {
    let data = weight.data_arc();
    let same = |e: &&Entry| {
        Arc::ptr_eq(&e.weight.data_arc(), &data)
            && e.weight.layout().start_offset() == weight.layout().start_offset()
            && e.weight.shape() == weight.shape()
    };
    let forms = kept.iter().filter(same);
    forms
        .filter_map(|e| e.packed.clone().downcast::<P>().ok())
        .find(|form| fits(form))
}

/// The form of a weight that `fits`, made on first use; none if `make` makes none.
pub(super) fn prepared<T: Value, P: Form>(
    weight: &FlexTensor,
    fits: impl Fn(&P) -> bool,
    make: impl FnOnce(&[T]) -> Option<P>,
) -> Option<Arc<P>> {
    let found = find(&kept(), weight, &fits);
    if found.is_some() {
        return found;
    }
    // Not under the lock: packing shares its work with other threads, and while this one waits for
    // them it may be given a task that comes here again.
    let form = make(values::<T>(weight))?;
    let (bytes, packed) = (form.bytes(), Arc::new(form));
    let mut kept = kept();
    if let Some(first) = find(&kept, weight, &fits) {
        return Some(first);
    }
    kept.retain(|e| !e.weight.is_unique());
    let others: usize = kept.iter().map(|e| e.bytes).sum();
    if others + bytes <= MOST {
        kept.push(Entry {
            weight: weight.clone(),
            packed: packed.clone(),
            bytes,
        });
    }
    Some(packed)
}

/// The packed form of the weight `[outputs, inputs]` of a linear layer.
pub(super) fn packed<T: Value>(weight: &FlexTensor) -> Arc<Packed<T>> {
    let [outputs, inputs] = weight.shape().dims();
    let g = Geometry::linear(1, inputs, outputs);
    let fits = |packed: &Packed<T>| packed.fits(&g);
    match prepared(weight, fits, |w| Some(Packed::new(&g, w))) {
        Some(packed) => packed,
        None => unreachable!("`make` always makes one"),
    }
}

/// Forgets a weight that is about to be changed, so that it can be changed in place.
pub(super) fn forget(weight: &FlexTensor) {
    let data = weight.data_arc();
    kept().retain(|e| !Arc::ptr_eq(&e.weight.data_arc(), &data));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{new, values_mut};

    #[test]
    fn a_changed_weight_is_packed_anew() {
        let mut weight = new::<f32>(&[3, 2], |w| w.copy_from_slice(&[1., 2., 3., 4., 5., 6.]));
        let apply = |weight: &FlexTensor| {
            let mut y = [0.0; 3];
            packed::<f32>(weight).forward(&[1.0, 10.0], None, &mut y);
            y
        };
        assert_eq!(apply(&weight), [21.0, 43.0, 65.0]);
        assert!(Arc::ptr_eq(
            &packed::<f32>(&weight),
            &packed::<f32>(&weight)
        ));
        values_mut::<f32>(&mut weight)[0] = 100.0;
        assert_eq!(apply(&weight), [120.0, 43.0, 65.0]);
        forget(&weight);
        assert!(
            weight.is_unique(),
            "an optimizer could not change it in place"
        );
    }
}
