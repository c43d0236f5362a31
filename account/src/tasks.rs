//! Parallel tasks that have names: a task that panics is reported with its name, so that nothing is missing unnoticed.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};

use super::failure::{Failure, FailureKind};

/// Running tasks, each with a name.
#[derive(Debug)]
pub(super) struct NamedTasks<N, T> {
    running: JoinSet<T>,
    names: HashMap<Id, N>,
}

impl<N, T: Send + 'static> NamedTasks<N, T> {
    pub(super) fn new() -> Self {
        Self { running: JoinSet::new(), names: HashMap::new() }
    }

    /// Returns the number of tasks whose result was not returned yet.
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn spawn(&mut self, name: N, task: impl Future<Output = T> + Send + 'static) {
        let task = self.running.spawn(task);
        self.names.insert(task.id(), name);
    }

    /// Waits until a task ends, and returns its name with its result, or with a failure if it panicked. Returns nothing
    /// if there are no tasks.
    pub(super) async fn next(&mut self) -> Option<(N, Result<T, Failure>)> {
        loop {
            let ended = self.running.join_next_with_id().await?;
            let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            // Every task has a name.
            if let Some(name) = self.names.remove(&id) {
                let panicked =
                    |error: JoinError| Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
                return Some((name, ended.map(|(_, value)| value).map_err(panicked)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_returned_with_its_name() {
        let mut tasks = NamedTasks::new();
        for number in 0..5 {
            tasks.spawn(number, async move {
                assert!(number != 3, "one panics");
                number * 10
            });
        }
        let mut ended = Vec::new();
        while let Some((name, result)) = tasks.next().await {
            ended.push((name, result.map_err(|failure| failure.to_string().contains("one panics"))));
        }
        ended.sort_unstable();
        assert_eq!(ended, [(0, Ok(0)), (1, Ok(10)), (2, Ok(20)), (3, Err(true)), (4, Ok(40))]);
        assert_eq!(tasks.len(), 0);
    }
}
