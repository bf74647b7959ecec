//! A line for each kernel: how long it takes, and how far it is below the roof of this machine
//! (Williams et al. 2009, "Roofline").

mod clock;
mod entry;
mod layers;
mod optimizers;
mod pools;
mod products;
mod quantized;
mod roof;
mod rows;
mod sequence;
mod table;

use entry::Entry;
use layers::{LAYERS, Layer};
use roof::Roofs;

/// What is timed and how it is shown.
#[derive(clap::Args)]
pub struct Args {
    /// Threads that compute.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Only lines with this text in kernel, pass or shape.
    #[arg(long, default_value = "")]
    filter: String,
    /// Lines of JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Seconds for each line.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
}

/// Measures the roofs, then every kernel on layers of the benchmark networks.
pub fn run(args: &Args) {
    let mut roofs = vec![Roofs::measure(false)];
    if args.threads > 1 {
        roofs.push(Roofs::measure(true));
    }
    for roofs in &roofs {
        table::roofs(roofs, args.json);
    }
    let Some(roof) = roofs.last() else { return };
    table::head(args.json);
    for (network, layer) in LAYERS {
        for entry in entries(*layer) {
            if entry
                .title()
                .to_lowercase()
                .contains(&args.filter.to_lowercase())
            {
                let times = entry.time(args.seconds);
                table::line(network, &entry, times, roof, args.json);
            }
        }
    }
}

/// All that is timed of a layer.
fn entries(layer: Layer) -> Vec<Entry> {
    match layer {
        Layer::Linear { rows, from, to } => products::linear(rows, from, to),
        Layer::Conv(conv) => products::conv(conv),
        Layer::Transposed {
            batch,
            side,
            channels,
            kernel,
        } => products::transposed(batch, side, channels, kernel),
        Layer::BatchNorm {
            batch,
            side,
            channels,
        } => pools::batch_norm(batch, side, channels),
        Layer::MaxPool(window) => pools::max_pool(window),
        Layer::AveragePool(window) => pools::average_pool(window),
        Layer::GlobalPool {
            batch,
            side,
            channels,
        } => pools::global_pool(batch, side, channels),
        Layer::Rows { rows, features } => rows::rows(rows, features),
        Layer::Logits { rows, classes } => rows::logits(rows, classes),
        Layer::Elements { count } => rows::elements(count),
        Layer::Attention {
            batch,
            heads,
            seq,
            dim,
            causal,
        } => sequence::attention([batch, heads, seq, dim], causal),
        Layer::Embedding {
            ids,
            features,
            batch,
            seq,
        } => sequence::embedding(ids, features, [batch, seq]),
        Layer::Parameter { rows, columns } => optimizers::steps(rows, columns),
        Layer::Quantized {
            format,
            rows,
            columns,
        } => quantized::products(format, [rows, columns]),
    }
}
