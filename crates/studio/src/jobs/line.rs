//! Whose turn it is.

use super::lock;
use std::sync::{Condvar, Mutex, PoisonError};

/// A queue in which threads wait for their turn, in the order of their coming.
#[derive(Default)]
pub struct Line {
    state: Mutex<Tickets>,
    changed: Condvar,
}

#[derive(Default)]
struct Tickets {
    next: usize,
    serving: usize,
}

impl Line {
    /// Waits for the turn, which lasts until it is dropped; `told` hears how many are ahead.
    pub fn wait(&self, told: impl Fn(usize)) -> Turn<'_> {
        let mut state = lock(&self.state);
        let mine = state.next;
        state.next += 1;
        while state.serving < mine {
            told(mine - state.serving);
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }
}

/// The right to train.
pub struct Turn<'a>(&'a Line);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).serving += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_order() {
        let line = Line::default();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let first = line.wait(|_| ());
            for n in 0..3 {
                let (line, order) = (&line, &order);
                scope.spawn(move || {
                    let _turn = line.wait(|_| ());
                    lock(order).push(n);
                });
                while lock(&line.state).next < n + 2 {
                    std::thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(*lock(&order), [0, 1, 2]);
    }
}
