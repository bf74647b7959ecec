//! Weights of linear layers that are used again and again outside of training, in the kernels' order.

use crate::cpu::conv::Packed;
use crate::tensor::{Value, values};
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

/// The most layers that are kept.
const MOST: usize = 1024;

struct Entry {
    weight: FlexTensor,
    packed: Arc<dyn Any + Send + Sync>,
}

fn kept() -> MutexGuard<'static, Vec<Entry>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The packed form of a weight, if it is kept.
fn find<T: Value>(kept: &[Entry], weight: &FlexTensor) -> Option<Arc<Packed<T>>> {
    let data = weight.data_arc();
    let same = |e: &&Entry| {
        Arc::ptr_eq(&e.weight.data_arc(), &data)
            && e.weight.layout().start_offset() == weight.layout().start_offset()
            && e.weight.shape() == weight.shape()
    };
    kept.iter()
        .filter(same)
        .find_map(|e| e.packed.clone().downcast::<Packed<T>>().ok())
}

/// The packed form of `weight[outputs, inputs]`, made on first use.
pub(super) fn packed<T: Value>(weight: &FlexTensor) -> Arc<Packed<T>> {
    let found = find::<T>(&kept(), weight);
    if let Some(found) = found {
        return found;
    }
    // Not under the lock: packing shares its work with other threads, and while this one waits for
    // them it may be given a task that comes here again.
    let [outputs, inputs] = weight.shape().dims();
    let packed = Arc::new(Packed::new(values::<T>(weight), inputs, outputs));
    let mut kept = kept();
    if let Some(first) = find::<T>(&kept, weight) {
        return first;
    }
    kept.retain(|e| !e.weight.is_unique());
    if kept.len() >= MOST {
        kept.remove(0);
    }
    kept.push(Entry {
        weight: weight.clone(),
        packed: packed.clone(),
    });
    packed
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
