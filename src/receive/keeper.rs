//! Group commit: whatever waits is kept in one transaction, and nothing waits for a clock.
//!
//! A lone message is committed at once. What arrives while a commit runs forms the next batch, so
//! batches grow with the load, and one flush to the disk serves all of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Inbox, KeepError};
use crate::model::{Inbound, InboundId};
use crate::store::Sealed;

/// Most raw bytes in one transaction; a single larger message still makes a batch of its own.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most raw bytes that wait or are being written. Beyond it callers wait with their message in hand,
/// before they enter the queue.
const QUEUE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// Keeps several messages in one transaction.
#[async_trait]
pub trait KeepBatch: Send + Sync {
    /// Keeps all of `mails` durably, or none, and returns their numbers in the same order.
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, KeepError>;
}

/// The [`Inbox`] that shares commits among its callers. Clones feed the same queue.
#[derive(Clone)]
pub struct Keeper {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A message in the queue, and where its number is awaited.
struct Waiting {
    mail: Sealed,
    answer: oneshot::Sender<Result<InboundId, KeepError>>,
    /// Its share of [`QUEUE_BYTES_MAX`], given back when it is answered.
    room: OwnedSemaphorePermit,
}

impl Keeper {
    /// Starts the task that owns the queue and calls `batch` with at most `max_batch` messages (256
    /// is a good number). It ends, after the last waiting message, when every clone is dropped.
    pub fn start(batch: Arc<dyn KeepBatch>, max_batch: usize) -> (Keeper, JoinHandle<()>) {
        let max_batch = max_batch.max(1);
        let (queue, waiting) = mpsc::channel(max_batch);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX as usize));
        let task = tokio::spawn(keep_all(waiting, batch, max_batch));
        (Keeper { queue, room }, task)
    }
}

#[async_trait]
impl Inbox for Keeper {
    async fn keep(&self, mail: Inbound) -> Result<InboundId, KeepError> {
        let stopped = || KeepError::Failed("the keeper has stopped".to_owned());
        let bytes = u32::try_from(mail.raw.len())
            .unwrap_or(u32::MAX)
            .clamp(1, QUEUE_BYTES_MAX);
        let room = self
            .room
            .clone()
            .acquire_many_owned(bytes)
            .await
            .map_err(|_| stopped())?;
        // Here, in the caller's own task: what is done behind the queue is done by one for all.
        let mail = Sealed::new(mail).map_err(|error| KeepError::Failed(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.queue
            .send(Waiting { mail, answer, room })
            .await
            .map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Commits batch after batch until the queue is closed and empty.
async fn keep_all(mut queue: mpsc::Receiver<Waiting>, batch: Arc<dyn KeepBatch>, max_batch: usize) {
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() && queue.recv_many(&mut waiting, max_batch).await == 0 {
            return;
        }
        // Who could go on this very moment goes first, and what they bring comes along: on a fast
        // disk batches would be small otherwise, and a commit for a few mails costs most of one for
        // many. This is no wait for anybody: a lone message does not even ask.
        if waiting.len() > 1 {
            tokio::task::yield_now().await;
        }
        let free = max_batch - waiting.len();
        waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(free));
        let count = batch_len(&waiting);
        keep_batch(batch.as_ref(), waiting.drain(..count)).await;
    }
}

/// How many of the first messages fit into one batch by their bytes; at least one.
fn batch_len(waiting: &[Waiting]) -> usize {
    let mut bytes = 0usize;
    let fitting = waiting.iter().take_while(|next| {
        bytes = bytes.saturating_add(next.mail.inbound.raw.len());
        bytes <= BATCH_BYTES_MAX
    });
    fitting.count().max(1)
}

/// One transaction, and the answer to each who waits for it.
async fn keep_batch(batch: &dyn KeepBatch, waiting: impl Iterator<Item = Waiting>) {
    let (mails, answers): (Vec<_>, Vec<_>) = waiting
        .map(|Waiting { mail, answer, room }| (mail, (answer, room)))
        .unzip();
    // A panic while keeping must cost these messages a retry, not everybody the keeper.
    let count = mails.len();
    let outcome = AssertUnwindSafe(async { batch.keep(mails).await })
        .catch_unwind()
        .await;
    let outcome = match outcome {
        Ok(Ok(ids)) if ids.len() != count => {
            let text = format!("{} numbers for {count} messages", ids.len());
            Err(KeepError::Failed(text))
        }
        Ok(outcome) => outcome,
        Err(_) => Err(KeepError::Failed("panic while keeping".to_owned())),
    };
    match outcome {
        Ok(ids) => {
            if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
                tracing::debug!(msg = %first, messages = ids.len(), "kept as {first} to {last}");
            }
            for ((answer, _room), id) in answers.into_iter().zip(ids) {
                // Who stopped waiting gets no answer; the message is kept all the same.
                let _ = answer.send(Ok(id));
            }
        }
        Err(error) => {
            tracing::error!(%error, messages = answers.len(), "batch not kept");
            for (answer, _room) in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;
    use crate::model::{Envelope, Source};

    /// Notes what each transaction held; does one per permit of `gate`, where there is a gate.
    #[derive(Default)]
    struct Book {
        batches: Mutex<Vec<Vec<Vec<u8>>>>,
        last_id: AtomicI64,
        gate: Option<Semaphore>,
        begun: Notify,
    }

    impl Book {
        fn gated() -> Self {
            Book {
                gate: Some(Semaphore::new(0)),
                ..Book::default()
            }
        }

        fn open(&self, batches: usize) {
            self.gate.as_ref().unwrap().add_permits(batches);
        }

        fn sizes(&self) -> Vec<usize> {
            self.batches.lock().unwrap().iter().map(Vec::len).collect()
        }
    }

    #[async_trait]
    impl KeepBatch for Book {
        async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, KeepError> {
            let raw: Vec<Vec<u8>> = mails.iter().map(|mail| mail.inbound.raw.clone()).collect();
            self.begun.notify_one();
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.batches.lock().unwrap().push(raw.clone());
            if raw.iter().any(|raw| raw == b"full") {
                return Err(KeepError::Full);
            }
            assert!(
                !raw.iter().any(|raw| raw == b"panic"),
                "a fault in the store"
            );
            if raw.iter().any(|raw| raw == b"miscount") {
                return Ok(Vec::new());
            }
            Ok(mails
                .iter()
                .map(|_| InboundId(self.last_id.fetch_add(1, Ordering::SeqCst) + 1))
                .collect())
        }
    }

    fn mail(raw: impl Into<Vec<u8>>) -> Inbound {
        Inbound {
            source: Source::DenicMail,
            received_at: jiff::Timestamp::UNIX_EPOCH,
            envelope: Envelope::default(),
            environment: None,
            raw: raw.into(),
        }
    }

    fn numbered(number: usize) -> Inbound {
        mail(number.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_message_is_committed_without_any_wait() {
        let book = Arc::new(Book::default());
        let (keeper, _task) = Keeper::start(book.clone(), 256);
        let before = tokio::time::Instant::now();
        assert_eq!(keeper.keep(mail("one")).await, Ok(InboundId(1)));
        assert_eq!(keeper.keep(mail("two")).await, Ok(InboundId(2)));
        assert_eq!(
            tokio::time::Instant::now(),
            before,
            "the paused clock has not moved"
        );
        assert_eq!(book.sizes(), [1, 1]);
    }

    #[tokio::test]
    async fn what_arrives_during_a_commit_forms_the_next_batch_in_order_of_arrival() {
        let book = Arc::new(Book::gated());
        let (keeper, _task) = Keeper::start(book.clone(), 256);
        let first = tokio::spawn({
            let keeper = keeper.clone();
            async move { keeper.keep(numbered(0)).await }
        });
        book.begun.notified().await;
        let rest: Vec<_> = (1..100)
            .map(|number| {
                let keeper = keeper.clone();
                tokio::spawn(async move { keeper.keep(numbered(number)).await })
            })
            .collect();
        while keeper.queue.capacity() > 256 - 99 {
            tokio::task::yield_now().await;
        }
        book.open(2);
        assert_eq!(first.await.unwrap(), Ok(InboundId(1)));
        for (number, id) in (1..100).zip(rest) {
            assert_eq!(
                id.await.unwrap(),
                Ok(InboundId(number + 1)),
                "message {number}"
            );
        }
        assert_eq!(book.sizes(), [1, 99]);
    }

    #[tokio::test]
    async fn a_batch_holds_at_most_max_batch_messages() {
        let book = Arc::new(Book::gated());
        let (keeper, _task) = Keeper::start(book.clone(), 10);
        book.open(100);
        let ids = join_all((0..35).map(|number| keeper.keep(numbered(number)))).await;
        assert!(ids.into_iter().all(|id| id.is_ok()));
        assert!(
            book.sizes().iter().all(|size| *size <= 10),
            "{:?}",
            book.sizes()
        );
        assert_eq!(book.sizes().iter().sum::<usize>(), 35);
    }

    #[tokio::test]
    async fn a_batch_holds_at_most_eight_mebibytes_unless_one_message_is_larger() {
        let book = Arc::new(Book::gated());
        let (keeper, _task) = Keeper::start(book.clone(), 256);
        book.open(100);
        let megabytes = [3, 3, 3, 9, 1, 20, 1];
        let mails = megabytes.map(|size| keeper.keep(mail(vec![b'x'; size * 1024 * 1024])));
        let ids = join_all(mails).await;
        assert_eq!(ids, (1..=7).map(|id| Ok(InboundId(id))).collect::<Vec<_>>());
        for batch in book.batches.lock().unwrap().iter() {
            let bytes: usize = batch.iter().map(Vec::len).sum();
            assert!(
                batch.len() == 1 || bytes <= BATCH_BYTES_MAX,
                "{bytes} in {}",
                batch.len()
            );
        }
    }

    #[tokio::test]
    async fn a_failed_transaction_answers_everyone_in_it_and_the_next_goes_on() {
        let book = Arc::new(Book::gated());
        let (keeper, _task) = Keeper::start(book.clone(), 256);
        for (bad, error) in [
            ("full", KeepError::Full),
            ("panic", KeepError::Failed("panic while keeping".to_owned())),
            (
                "miscount",
                KeepError::Failed("0 numbers for 3 messages".to_owned()),
            ),
        ] {
            book.batches.lock().unwrap().clear();
            let first = tokio::spawn({
                let keeper = keeper.clone();
                async move { keeper.keep(mail("good")).await }
            });
            book.begun.notified().await;
            let three = join_all(["good", bad, "good"].map(|raw| keeper.keep(mail(raw))));
            let open = async { book.open(2) };
            let (answers, ()) = tokio::join!(three, open);
            assert!(first.await.unwrap().is_ok());
            assert_eq!(answers, vec![Err(error); 3], "{bad}");
            book.begun.notified().await;
            book.open(1);
            assert!(keeper.keep(mail("good")).await.is_ok(), "after {bad}");
            book.begun.notified().await;
        }
    }

    #[tokio::test]
    async fn a_message_whose_sender_has_left_is_kept_all_the_same() {
        let book = Arc::new(Book::gated());
        let (keeper, task) = Keeper::start(book.clone(), 256);
        let leaving = tokio::spawn({
            let keeper = keeper.clone();
            async move { keeper.keep(mail("left behind")).await }
        });
        book.begun.notified().await;
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        book.open(1);
        drop(keeper);
        task.await.unwrap();
        assert_eq!(*book.batches.lock().unwrap(), [[b"left behind".to_vec()]]);
    }

    #[tokio::test]
    async fn more_bytes_than_the_queue_may_hold_wait_their_turn_and_are_all_kept() {
        let book = Arc::new(Book::gated());
        let (keeper, _task) = Keeper::start(book.clone(), 256);
        let large = || mail(vec![b'x'; 5 * 1024 * 1024]);
        let mut all = Box::pin(join_all((0..8).map(|_| keeper.keep(large()))));
        book.open(1);
        tokio::select! {
            biased;
            _ = &mut all => panic!("the gate let one batch through"),
            () = async { while book.sizes().is_empty() { book.begun.notified().await } } => {}
        }
        assert!(keeper.room.available_permits() < 5 * 1024 * 1024);
        book.open(100);
        assert!(all.await.into_iter().all(|id| id.is_ok()));
        assert_eq!(keeper.room.available_permits(), QUEUE_BYTES_MAX as usize);
    }
}
