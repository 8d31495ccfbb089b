//! Threads for what strangers ask: the processor's time there is what members leave.
//!
//! Classes bound how much is done for strangers at one time; on a machine with two cores even that much slows down what members do,
//! as long as the kernel takes all threads for equal. Programs that are started there inherit the priority.

use std::fmt;
use std::io;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How far strangers' work stands back (`setpriority(2)`, 0 to 19): it has a tenth of a member's weight. Not less: a lock that such a
/// thread holds is waited for by members' too.
const STRANGERS_NICENESS: i32 = 10;
/// Threads that wait for strangers' connections and children; what blocks has others, as many as classes let in.
const STRANGERS_THREADS: usize = 2;

/// A runtime whose threads stand back. Dropped, it ends without waiting for what is under way.
pub struct Apart(Option<Runtime>);

impl Apart {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(STRANGERS_THREADS)
            .thread_name("strangers")
            .on_thread_start(|| {
                // Lowering it is always allowed; without it strangers are bounded by their classes alone.
                if let Err(error) = rustix::process::setpriority_process(None, STRANGERS_NICENESS) {
                    tracing::warn!(%error, "cannot lower the priority of what strangers ask for");
                }
            })
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does `work` there, as long as this is waited for. None: it broke off.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let threads = self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
        AbortOnDropHandle::new(threads.spawn(work)).await.ok()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apart").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn what_runs_there_stands_back_with_what_it_starts() {
        let apart = Apart::start().unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let here = niceness();
        let there = apart
            .run(async move {
                let blocking = tokio::task::spawn_blocking(niceness).await.unwrap();
                let child = Command::new("nice").output().unwrap().stdout;
                (niceness(), blocking, String::from_utf8(child).unwrap().trim().to_owned())
            })
            .await;
        assert_eq!(there.unwrap(), (STRANGERS_NICENESS, STRANGERS_NICENESS, STRANGERS_NICENESS.to_string()));
        assert_eq!(niceness(), here, "members' threads are as they were");
        drop(apart);
    }

    #[tokio::test]
    async fn who_hangs_up_is_not_worked_for() {
        let apart = Apart::start().unwrap();
        let (sender, ended) = tokio::sync::oneshot::channel::<()>();
        let work = apart.run(async move {
            let _until_it_ends = sender;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), work).await.is_err());
        assert!(ended.await.is_err(), "it was dropped");
    }
}
