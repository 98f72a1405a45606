//! The listener: accepts, and drains at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::SmtpServer;

/// Longest drain. A session in DATA has five seconds of it, then its commit and its reply.
const DRAIN_MAX: Duration = Duration::from_secs(8);
/// Pause after a failed accept: out of descriptors, most likely, and no use in trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl SmtpServer {
    /// Serves `listener` until `shutdown`, then drains: idle connections are told at once, a message
    /// half taken may be completed. Returns when all sessions are over, at the latest after eight
    /// seconds; a commit that is still under way then goes on, unanswered.
    ///
    /// Several listeners of one server share its caps. The first to shut down ends the server.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        let sessions = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    // Replies are written whole, so there is nothing to wait for.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    let server = self.clone();
                    sessions.spawn(async move { server.session(stream, from.ip()).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        self.seats.close();
        sessions.close();
        if timeout(DRAIN_MAX, sessions.wait()).await.is_err() {
            tracing::warn!(sessions = sessions.len(), "sessions left unfinished");
        }
    }
}
