//! Roofs and lines as text or as JSON.

use super::clock::Times;
use super::entry::Entry;
use super::roof::Roofs;
use serde_json::json;

/// The roofs with one number of threads.
pub fn roofs(roofs: &Roofs, as_json: bool) {
    if as_json {
        let peaks = roofs.peaks.iter();
        let peaks =
            peaks.map(|(set, rate)| json!({"isa": format!("{set:?}"), "gflops": rate / 1e9}));
        let bandwidths = roofs.bandwidths.iter().map(
            |b| json!({"bytes": b.bytes, "copy_gbs": b.copy / 1e9, "triad_gbs": b.triad / 1e9, "update_gbs": b.update / 1e9}),
        );
        println!(
            "{}",
            json!({
                "roofs": {
                    "peaks": peaks.collect::<Vec<_>>(),
                    "bandwidths": bandwidths.collect::<Vec<_>>(),
                },
                "threads": roofs.threads,
            })
        );
        return;
    }
    println!("roofs, {} thread(s):", roofs.threads);
    for (set, rate) in &roofs.peaks {
        println!("  multiply-add, {set:?}: {:.0} GFLOP/s", rate / 1e9);
    }
    for b in &roofs.bandwidths {
        println!(
            "  {:>9.2} MB: copy {:.0} GB/s, triad {:.0} GB/s, update {:.0} GB/s",
            b.bytes as f64 / f64::from(1 << 20),
            b.copy / 1e9,
            b.triad / 1e9,
            b.update / 1e9
        );
    }
}

/// The head of the table, and what its lines mean.
pub fn head(as_json: bool) {
    if as_json {
        return;
    }
    println!(
        "
The fastest of all repetitions: processor time with one thread, wall time with more. `forward` is as in
training, with the graph written down; `inference` is without a graph. `dx` and `dW` are backward passes
with one gradient wanted, `backward` with all: timed alone, less what Burn takes to start one. GFLOP/s
count the plain algorithm; the share of the roof counts the products that Winograd's makes, and those of
quantized weights, bytes all, as a quarter of f32's. Bandwidth is
that of the smallest measured size which holds the data.
"
    );
    println!(
        "{:24} {:9} {:18} {:36} {:>9} {:>8} {:>7} {:>9} {:>7} {:>6}",
        "kernel",
        "pass",
        "network",
        "shape",
        "ms",
        "GFLOP/s",
        "GB/s",
        "flop/byte",
        "roof",
        "% of it"
    );
}

/// One kernel.
pub fn line(network: &str, entry: &Entry, times: Times, roofs: &Roofs, as_json: bool) {
    let work = entry.work;
    let computing = work.flop / roofs.peak();
    let moving = work.bytes / roofs.bandwidth(work.data);
    let bound = if computing > moving {
        "compute"
    } else {
        "memory"
    };
    let share = 100.0 * computing.max(moving) / times.fastest;
    let (gflops, gbs) = (
        work.plain / times.fastest / 1e9,
        work.bytes / times.fastest / 1e9,
    );
    if as_json {
        println!(
            "{}",
            json!({
                "kernel": entry.kernel,
                "pass": entry.pass.name(),
                "network": network,
                "shape": entry.shape,
                "threads": roofs.threads,
                "ms": times.fastest * 1e3,
                "ms_median": times.median * 1e3,
                "repeats": times.repeats,
                "flop": work.flop,
                "flop_plain": work.plain,
                "bytes": work.bytes,
                "bytes_of_arrays": work.data,
                "gflops": gflops,
                "gbs": gbs,
                "flop_per_byte": work.flop / work.bytes,
                "roof": bound,
                "percent_of_roof": share,
            })
        );
        return;
    }
    println!(
        "{:24} {:9} {:18} {:36} {:>9.4} {:>8.1} {:>7.1} {:>9.2} {:>7} {:>6.0}",
        entry.kernel,
        entry.pass.name(),
        network,
        entry.shape,
        times.fastest * 1e3,
        gflops,
        gbs,
        work.flop / work.bytes,
        bound,
        share
    );
}
