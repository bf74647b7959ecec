//! The `modelwright` command: arguments, progress, exit codes. The work is done by the libraries.

mod args;
mod commands;
mod output;
mod progress;

use std::process::ExitCode;

/// glibc maps and unmaps large tensors at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: modelwright_kernels::buffer::Allocator = modelwright_kernels::buffer::Allocator;

/// Exit code of a run that was stopped by the person, as shells use it for Ctrl-C.
const INTERRUPTED: u8 = 130;

/// How a command ended, if not with an error.
pub enum Exit {
    /// All done.
    Done,
    /// Stopped by the person; can be resumed.
    Interrupted,
    /// With an error that is shown already.
    Failed,
}

fn main() -> ExitCode {
    end_quietly_on_broken_pipe();
    let matches = args::command().get_matches();
    match commands::run(&matches) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(Exit::Failed) => ExitCode::FAILURE,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// `modelwright … | head` closes standard output early; that is no bug to report.
fn end_quietly_on_broken_pipe() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic
            .payload()
            .downcast_ref::<String>()
            .map_or("", String::as_str);
        if message.starts_with("failed printing to stdout") {
            std::process::exit(0);
        }
        report(panic);
    }));
}
