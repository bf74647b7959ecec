//! How a kernel with its own backward pass becomes part of Burn's graph.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use std::fmt::Debug;
use std::marker::PhantomData;

/// A tensor that may be part of the graph.
pub(crate) type Node<C> = FloatTensor<Autodiff<Flex, C>>;

/// The backward pass of an operation with `N` differentiable inputs: what it kept, and how the
/// gradients follow.
pub(crate) trait Rule<const N: usize>: Clone + Debug + Send + 'static {
    /// The gradients of the inputs that `wanted` marks; others may be `None`.
    fn gradients(self, output: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}

/// Burn's view of a rule.
struct Step<S>(PhantomData<S>);

impl<S> Debug for Step<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("kernel")
    }
}

impl<S: Rule<N>, const N: usize> Backward<Flex, N> for Step<S> {
    type State = S;

    fn backward(self, ops: Ops<S, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let output = grads.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = ops.state.gradients(output, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// Runs an operation and, if an input needs a gradient, records how to get it.
///
/// `forward` receives the inputs and which of them need a gradient, and returns the output with the
/// rule; it should keep in the rule only what these gradients need.
pub(crate) fn record<S: Rule<N>, C: CheckpointStrategy, const N: usize>(
    inputs: [Node<C>; N],
    forward: impl FnOnce([FlexTensor; N], [bool; N]) -> (FlexTensor, S),
) -> Node<C> {
    let tracked = inputs.each_ref().map(|t| t.is_tracked());
    let guards = inputs.each_ref().map(|t| t.node());
    let values = inputs.map(|t| t.into_primitive());
    match Step::<S>(PhantomData)
        .prepare::<C>(guards)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => {
            let (output, rule) = forward(values, tracked);
            prep.finish(rule, output)
        }
        OpsKind::UnTracked(prep) => {
            let (output, _) = forward(values, tracked);
            prep.finish(output)
        }
    }
}
