//! Runs work on as many threads as there are processors, and returns the results in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// The stack size of the threads, the same as a main thread's, for deep templates.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The maximum number of results passed on at once: threads that wake each other for every small file would do little
/// else.
const MAX_BATCH: usize = 16;

/// Processes each input, and takes the results in the order of the inputs, whichever is ready first.
pub(super) fn in_order<I: Sync, T: Send>(
    inputs: &[I],
    work: impl Fn(&I) -> T + Sync,
    take: &mut dyn FnMut(&I, T) -> io::Result<()>,
) -> io::Result<()> {
    // Saves the system call for the number of processors if there is a single input.
    let processors = if inputs.len() > 1 { processors().min(inputs.len()) } else { 1 };
    if processors <= 1 {
        return inputs.iter().try_for_each(|input| take(input, work(input)));
    }
    let batches: Vec<&[I]> = inputs.chunks((inputs.len() / (8 * processors)).clamp(1, MAX_BATCH)).collect();
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..processors {
            let (sender, next, stop, batches, work) = (sender.clone(), &next, &stop, &batches, &work);
            let thread = move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(index) else { break };
                    let done: Vec<T> = batch.iter().map(work).collect();
                    if sender.send((index, done)).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, thread)?;
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = batches.iter().enumerate();
        let mut current = wanted.next();
        for (index, done) in receiver {
            waiting.insert(index, done);
            while let Some((index, batch)) = current
                && let Some(done) = waiting.remove(&index)
            {
                let mut both = batch.iter().zip(done);
                both.try_for_each(|(input, done)| take(input, done))
                    .inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                current = wanted.next();
            }
        }
        Ok(())
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
