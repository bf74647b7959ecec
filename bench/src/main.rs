//! How long our training and inference steps take, one line of JSON for each; and how far each
//! kernel is below the roof of the machine (`kernels`).
//!
//! The cases, batch sizes and figures are those of the peer's script, so that `bench/compare.py` can
//! put both side by side.

mod cases;
mod data;
mod kernels;
mod nets;
mod timing;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use modelwright_kernels::precision::{self, Precision};

/// The program's allocator, so that what is measured is what users get.
#[global_allocator]
static ALLOCATOR: modelwright_kernels::buffer::Allocator = modelwright_kernels::buffer::Allocator;

/// Times steps of a case, or kernels.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    steps: Steps,
}

#[derive(Subcommand)]
enum Command {
    /// Times every kernel alone and compares it with the machine's peaks.
    Kernels(kernels::Args),
}

#[derive(clap::Args)]
struct Steps {
    /// Which case.
    #[arg(long, required = true, value_parser = cases::NAMES)]
    case: Option<String>,
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
    /// What the factors of products are rounded to in training steps.
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16"])]
    precision: String,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let threads = match &cli.command {
        Some(Command::Kernels(args)) => args.threads,
        None => cli.steps.threads,
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .build()?;
    // As a training does: on a thread of the pool.
    pool.install(|| {
        modelwright_kernels::noise::seed(0);
        match &cli.command {
            Some(Command::Kernels(args)) => {
                kernels::run(args);
                Ok(())
            }
            None => steps(&cli.steps),
        }
    })
}

fn steps(args: &Steps) -> Result<()> {
    let name = args.case.as_deref().context("--case is missing")?;
    let mut case = cases::build(name, args.batch)?;
    let precision = match args.precision.as_str() {
        "bf16" => Precision::Bf16,
        _ => Precision::F32,
    };
    let step = Box::new(move || precision::with(precision, &mut case.step));
    let steps = if args.steps == 0 {
        case.steps
    } else {
        args.steps
    };
    let result = timing::time(step, args.warmup, steps);
    println!(
        "{}",
        serde_json::json!({
            "case": name,
            "engine": "modelwright",
            "batch": case.batch,
            "threads": args.threads,
            "precision": args.precision,
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
