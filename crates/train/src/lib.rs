//! Recipe, training loop, optimizers, schedules, checkpoints, events
