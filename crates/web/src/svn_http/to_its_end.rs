//! Work that goes on when who waits for it leaves.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Is waited for where it was begun, which costs nothing, and becomes a task of its own when it is dropped before its end.
pub(super) struct ToItsEnd<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> ToItsEnd<T> {
    pub(super) fn of(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Nobody asks a future again that was ready.
        let Some(work) = self.0.as_mut() else { return Poll::Pending };
        let done = work.as_mut().poll(context);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        // Without a runtime the program is ending, and so is what it asks.
        if let Some((work, runtime)) = self.0.take().zip(tokio::runtime::Handle::try_current().ok()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn it_ends_whoever_waits() {
        assert_eq!(ToItsEnd::of(async { 7 }).await, 7);
        let (ended, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (done, wait) = (ended.clone(), go.clone());
        let work = ToItsEnd::of(async move {
            wait.notified().await;
            done.notify_one();
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), work).await.is_err(), "who waited has left");
        go.notify_one();
        tokio::time::timeout(Duration::from_secs(5), ended.notified()).await.unwrap();
    }
}
