//! The layers that kernels are timed on: those of the benchmark networks, and of a residual and a
//! mobile network where those have none of a kind.

use modelwright_kernels::quant::Format;

/// A layer with its sizes.
#[derive(Debug, Clone, Copy)]
pub enum Layer {
    /// A product of `rows` rows.
    Linear { rows: usize, from: usize, to: usize },
    /// A convolution of square pictures.
    Conv(Conv),
    /// A transposed convolution whose windows do not overlap.
    Transposed {
        batch: usize,
        side: usize,
        channels: [usize; 2],
        kernel: usize,
    },
    /// Batch norm with a ReLU.
    BatchNorm {
        batch: usize,
        side: usize,
        channels: usize,
    },
    /// Max pooling.
    MaxPool(Window),
    /// Average pooling.
    AveragePool(Window),
    /// The mean over all pixels.
    GlobalPool {
        batch: usize,
        side: usize,
        channels: usize,
    },
    /// Everything that works on rows of features: norms, activations, dropout.
    Rows { rows: usize, features: usize },
    /// Everything that works on rows of logits: softmax, cross-entropy.
    Logits { rows: usize, classes: usize },
    /// Losses of single elements.
    Elements { count: usize },
    /// Self-attention.
    Attention {
        batch: usize,
        heads: usize,
        seq: usize,
        dim: usize,
        causal: bool,
    },
    /// A table of learned vectors, looked up `batch * seq` times.
    Embedding {
        ids: usize,
        features: usize,
        batch: usize,
        seq: usize,
    },
    /// A parameter that optimizers move.
    Parameter { rows: usize, columns: usize },
    /// A product with weights that stay quantized.
    Quantized {
        format: Format,
        rows: usize,
        columns: usize,
    },
}

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub side: usize,
    /// In and out.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// As many groups as channels.
    pub depthwise: bool,
}

/// Sizes of a pooling with windows.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Pictures.
    pub batch: usize,
    /// Height and width of a picture.
    pub side: usize,
    /// Channels.
    pub channels: usize,
    /// Height and width of the window.
    pub kernel: usize,
    /// Pixels added on each side; windows are moved by 2.
    pub padding: usize,
}

const fn conv(
    batch: usize,
    side: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
) -> Layer {
    Layer::Conv(Conv {
        batch,
        side,
        channels,
        kernel,
        stride,
        depthwise: false,
    })
}

const fn depthwise(batch: usize, side: usize, channels: usize, stride: usize) -> Layer {
    Layer::Conv(Conv {
        batch,
        side,
        channels: [channels; 2],
        kernel: 3,
        stride,
        depthwise: true,
    })
}

const fn linear(rows: usize, from: usize, to: usize) -> Layer {
    Layer::Linear { rows, from, to }
}

const fn transposed(side: usize, channels: [usize; 2]) -> Layer {
    Layer::Transposed {
        batch: 8,
        side,
        channels,
        kernel: 2,
    }
}

const fn batch_norm(batch: usize, side: usize, channels: usize) -> Layer {
    Layer::BatchNorm {
        batch,
        side,
        channels,
    }
}

const fn window(
    batch: usize,
    side: usize,
    channels: usize,
    kernel: usize,
    padding: usize,
) -> Window {
    Window {
        batch,
        side,
        channels,
        kernel,
        padding,
    }
}

const fn global(batch: usize, side: usize, channels: usize) -> Layer {
    Layer::GlobalPool {
        batch,
        side,
        channels,
    }
}

/// The network a layer is from, and the layer.
pub const LAYERS: &[(&str, Layer)] = &[
    ("mlp", linear(64, 784, 256)),
    ("bert_mini", linear(4096, 256, 1024)),
    ("gpt_mini", linear(2048, 384, 8192)),
    ("resnet18_cifar", conv(32, 32, [64, 64], 3, 1)),
    ("resnet18_cifar", conv(32, 8, [256, 256], 3, 1)),
    ("unet", conv(8, 128, [16, 16], 3, 1)),
    ("resnet18_cifar", conv(32, 32, [64, 128], 3, 2)),
    ("resnet18_cifar", conv(32, 8, [256, 512], 3, 2)),
    ("resnet18_seed", conv(128, 32, [3, 64], 7, 2)),
    ("resnet18_224_infer", conv(1, 224, [3, 64], 7, 2)),
    ("resnet18_cifar", conv(32, 32, [64, 128], 1, 2)),
    ("resnet50", conv(8, 14, [1024, 256], 1, 1)),
    ("mobilenet", depthwise(32, 28, 256, 1)),
    ("mobilenet", depthwise(32, 28, 256, 2)),
    ("unet", transposed(8, [256, 128])),
    ("unet", transposed(64, [32, 16])),
    ("resnet18_cifar", batch_norm(32, 32, 64)),
    ("resnet18_cifar", batch_norm(32, 4, 512)),
    ("unet", batch_norm(8, 128, 16)),
    ("resnet18_seed", Layer::MaxPool(window(128, 16, 64, 3, 1))),
    ("unet", Layer::MaxPool(window(8, 128, 16, 2, 0))),
    (
        "resnet18_seed",
        Layer::AveragePool(window(128, 16, 64, 3, 1)),
    ),
    ("unet", Layer::AveragePool(window(8, 128, 16, 2, 0))),
    ("resnet18_cifar", global(32, 4, 512)),
    ("resnet18_224_infer", global(1, 7, 512)),
    ("bert_mini", rows(4096, 256)),
    ("gpt_mini", rows(2048, 1536)),
    ("resnet18_seed", logits(128, 10)),
    ("gpt_mini", logits(2048, 8192)),
    (
        "unet",
        Layer::Elements {
            count: 8 * 128 * 128,
        },
    ),
    ("bert_mini", attention(32, 4, 128, false)),
    ("gpt_mini", attention(8, 6, 256, true)),
    ("bert_mini", embedding(30_522, 256, 32, 128)),
    ("gpt_mini", embedding(8192, 384, 8, 256)),
    ("resnet18_cifar", parameter(512, 512 * 9)),
    ("bert_mini", parameter(30_522, 256)),
    ("smollm2", quantized(Format::Q4_1, 1536, 576)),
    ("smollm2", quantized(Format::Q8_0, 49_152, 576)),
    ("7b", quantized(Format::Q4_0, 11_008, 4096)),
    ("7b", quantized(Format::Q4K, 11_008, 4096)),
    ("7b", quantized(Format::Q6K, 11_008, 4096)),
];

const fn rows(rows: usize, features: usize) -> Layer {
    Layer::Rows { rows, features }
}

const fn logits(rows: usize, classes: usize) -> Layer {
    Layer::Logits { rows, classes }
}

const fn attention(batch: usize, heads: usize, seq: usize, causal: bool) -> Layer {
    Layer::Attention {
        batch,
        heads,
        seq,
        dim: 64,
        causal,
    }
}

const fn embedding(ids: usize, features: usize, batch: usize, seq: usize) -> Layer {
    Layer::Embedding {
        ids,
        features,
        batch,
        seq,
    }
}

const fn parameter(rows: usize, columns: usize) -> Layer {
    Layer::Parameter { rows, columns }
}

const fn quantized(format: Format, rows: usize, columns: usize) -> Layer {
    Layer::Quantized {
        format,
        rows,
        columns,
    }
}
