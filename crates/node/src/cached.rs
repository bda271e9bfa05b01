//! A value that is costly to make, made at most so often, however many ask for it.
//!
//! Between requests that look at the cluster and what they would otherwise ask of it each. Invariants: at most one is being
//! made; whoever asks meanwhile gets that one; and one that was begun is finished, though whoever began it has gone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    keep: Duration,
    last: Arc<Mutex<Option<(Instant, T)>>>,
}

impl<T: Clone + Send + 'static> Cached<T> {
    /// A value serves so long from when it has been made.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { keep, last: Arc::default() }
    }

    /// The last one, or a new one if that is too old. `None`: making it has panicked, or the runtime ends.
    pub(crate) async fn get(&self, make: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (keep, last) = (self.keep, self.last.clone());
        // On a task of its own: a client that leaves does not begin another one by coming back.
        let made = tokio::spawn(async move {
            let mut last = last.lock_owned().await;
            if let Some((at, value)) = &*last
                && at.elapsed() < keep
            {
                return value.clone();
            }
            let value = make.await;
            *last = Some((Instant::now(), value.clone()));
            value
        });
        made.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// Counts how often it is made.
    #[derive(Clone, Default)]
    struct Made(Arc<AtomicU64>, Arc<Notify>);

    impl Made {
        async fn now(self) -> u64 {
            self.0.fetch_add(1, Ordering::SeqCst) + 1
        }

        async fn when_let(self) -> u64 {
            self.1.notified().await;
            self.now().await
        }
    }

    #[tokio::test]
    async fn however_many_ask_at_once_one_is_made_for_all() {
        let (cached, made) = (Cached::new(Duration::from_secs(3_600)), Made::default());
        let asked = join_all((0..50).map(|_| cached.get(made.clone().when_let())));
        let (got, ()) = tokio::join!(asked, async { made.1.notify_one() });
        assert_eq!(got, [Some(1); 50]);
    }

    #[tokio::test]
    async fn one_that_is_too_old_is_made_anew() {
        let (cached, made) = (Cached::new(Duration::ZERO), Made::default());
        assert_eq!(cached.get(made.clone().now()).await, Some(1));
        assert_eq!(cached.get(made.clone().now()).await, Some(2));
    }

    #[tokio::test]
    async fn who_leaves_has_begun_it_for_the_others() {
        let (cached, made) = (Cached::new(Duration::from_secs(3_600)), Made::default());
        {
            let mut left = std::pin::pin!(cached.get(made.clone().when_let()));
            // Polled once, it is begun; then nobody waits for it.
            assert!(futures::poll!(left.as_mut()).is_pending());
        }
        made.1.notify_one();
        assert_eq!(cached.get(made.clone().now()).await, Some(1));
    }

    #[tokio::test]
    async fn one_that_panics_is_none_and_the_next_is_made() {
        let (cached, made) = (Cached::new(Duration::from_secs(3_600)), Made::default());
        assert_eq!(cached.get(async { panic!("on purpose") }).await, None::<u64>);
        assert_eq!(cached.get(made.now()).await, Some(1));
    }
}
