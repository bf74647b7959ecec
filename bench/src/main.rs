//! One line of JSON for one case: how long our training or inference step takes.
//!
//! The cases, batch sizes and figures are those of the peer's script, so that `bench/compare.py` can
//! put both side by side.

mod cases;
mod data;
mod nets;
mod timing;

use anyhow::Result;
use clap::Parser;

/// The program's allocator, so that what is measured is what users get.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times steps of a case.
#[derive(Parser)]
struct Args {
    /// Which case.
    #[arg(long, value_parser = cases::NAMES)]
    case: String,
    /// Examples in a step; 0 for the case's own number.
    #[arg(long, default_value_t = 0)]
    batch: usize,
    /// Steps that are timed; 0 for the case's own number.
    #[arg(long, default_value_t = 0)]
    steps: usize,
    /// Steps before that.
    #[arg(long, default_value_t = 3)]
    warmup: usize,
    /// Threads that compute.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads)
        .stack_size(16 << 20)
        .build()?;
    // As a training does: on a thread of the pool.
    pool.install(|| run(&args))
}

fn run(args: &Args) -> Result<()> {
    modelwright_kernels::noise::seed(0);
    let case = cases::build(&args.case, args.batch)?;
    let steps = if args.steps == 0 {
        case.steps
    } else {
        args.steps
    };
    let result = timing::time(case.step, args.warmup, steps);
    println!(
        "{}",
        serde_json::json!({
            "case": args.case,
            "engine": "modelwright",
            "batch": case.batch,
            "threads": args.threads,
            "kernels": modelwright_kernels::ops::enabled(),
            "isa": format!("{:?}", modelwright_kernels::isa::isa()),
            "unit": case.unit,
            "images_or_tokens_per_second": case.items as f64 / result.wall_ms * 1e3,
            "ms_per_step": result.wall_ms,
            "ms_min": result.wall_min_ms,
            "cpu_ms_per_step": result.cpu_ms,
            "wait_frac": result.waiting,
            "peak_rss_mb": timing::peak_memory_mb(),
            "page_faults_per_step": result.page_faults,
            "gflop_per_step": case.gflop,
            "gflops": case.gflop / result.wall_ms * 1e3,
            "steps": steps,
            "loss_first": result.first,
            "loss_last": result.last,
        })
    );
    Ok(())
}
