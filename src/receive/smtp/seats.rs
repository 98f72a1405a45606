//! Who is connected: the caps, and who has to leave when a newcomer needs room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// Waits for a command outside a transaction: may be asked to leave.
const RESTING: u8 = 0;
/// In a transaction, or something is being processed: stays.
const WORKING: u8 = 1;
/// Has lost its seat to a newcomer.
const EVICTED: u8 = 2;

/// All seats of a server.
pub(super) struct Seats {
    total: usize,
    per_peer: usize,
    opened_at: Instant,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    last_number: u64,
    seats: HashMap<u64, Arc<Seat>>,
    peers: HashMap<IpAddr, usize>,
    closing: bool,
}

/// One connection's place.
struct Seat {
    number: u64,
    peer: IpAddr,
    state: AtomicU8,
    /// Microseconds since the server opened.
    resting_since: AtomicU64,
    closing: AtomicBool,
    /// One permit for the session that sits here: look at `state` and `closing`.
    wake: Notify,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// All are taken, and nobody is idle.
    Full,
    /// The server is shutting down.
    Closing,
}

/// A taken seat, given back when dropped.
pub(super) struct Place {
    seats: Arc<Seats>,
    seat: Arc<Seat>,
}

impl Seats {
    pub fn new(total: usize, per_peer: usize) -> Arc<Self> {
        Arc::new(Seats {
            total,
            per_peer,
            opened_at: Instant::now(),
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing below panics while it holds the lock, so what it guards is always whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.opened_at.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Takes a seat. At a limit the connection that rests longest loses its own.
    pub fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, NoSeat> {
        let since = self.micros();
        let mut taken = self.taken();
        if taken.closing {
            return Err(NoSeat::Closing);
        }
        let of_peer = taken.peers.get(&peer).copied().unwrap_or(0);
        if of_peer >= self.per_peer && !taken.make_room(Some(peer)) {
            return Err(NoSeat::Full);
        }
        if taken.seats.len() >= self.total && !taken.make_room(None) {
            return Err(NoSeat::Full);
        }
        taken.last_number += 1;
        let seat = Arc::new(Seat {
            number: taken.last_number,
            peer,
            state: AtomicU8::new(RESTING),
            resting_since: AtomicU64::new(since),
            closing: AtomicBool::new(false),
            wake: Notify::new(),
        });
        taken.seats.insert(seat.number, seat.clone());
        *taken.peers.entry(peer).or_default() += 1;
        Ok(Place {
            seats: self.clone(),
            seat,
        })
    }

    /// No more seats from now on; everybody is told.
    pub fn close(&self) {
        let mut taken = self.taken();
        taken.closing = true;
        for seat in taken.seats.values() {
            seat.closing.store(true, Ordering::Release);
            seat.wake.notify_one();
        }
    }
}

impl Taken {
    /// Evicts who rests longest, of `peer` alone if given. `false`: nobody rests.
    fn make_room(&mut self, peer: Option<IpAddr>) -> bool {
        loop {
            let longest = self
                .seats
                .values()
                .filter(|seat| peer.is_none_or(|peer| seat.peer == peer))
                .filter(|seat| seat.state.load(Ordering::Acquire) == RESTING)
                .min_by_key(|seat| (seat.resting_since.load(Ordering::Relaxed), seat.number));
            let Some(seat) = longest.cloned() else {
                return false;
            };
            if seat.turn(RESTING, EVICTED) {
                seat.wake.notify_one();
                self.release(&seat);
                return true;
            }
            // A command of its came in between; the next longest may do.
        }
    }

    fn release(&mut self, seat: &Seat) {
        if self.seats.remove(&seat.number).is_none() {
            return;
        }
        if let Some(count) = self.peers.get_mut(&seat.peer) {
            *count -= 1;
            if *count == 0 {
                self.peers.remove(&seat.peer);
            }
        }
    }
}

impl Seat {
    fn turn(&self, from: u8, to: u8) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl Place {
    /// A number for the log.
    pub fn number(&self) -> u64 {
        self.seat.number
    }

    /// From now on the session waits for a command outside a transaction.
    pub fn rest(&self) {
        if self.seat.state.load(Ordering::Relaxed) == WORKING {
            self.seat
                .resting_since
                .store(self.seats.micros(), Ordering::Relaxed);
            self.seat.turn(WORKING, RESTING);
        }
    }

    /// A command has come. `false`: too late, the seat is lost.
    pub fn work(&self) -> bool {
        self.seat.turn(RESTING, WORKING) || !self.is_evicted()
    }

    pub fn is_evicted(&self) -> bool {
        self.seat.state.load(Ordering::Acquire) == EVICTED
    }

    /// The server is shutting down.
    pub fn is_closing(&self) -> bool {
        self.seat.closing.load(Ordering::Acquire)
    }

    /// Returns when [`Place::is_evicted`] or [`Place::is_closing`] may have become true.
    pub async fn woken(&self) {
        self.seat.wake.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seats.taken().release(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    async fn later() {
        tokio::time::advance(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_rests_longest_makes_room() {
        let seats = Seats::new(3, 3);
        let [first, second, third] = [1, 2, 3].map(|last| seats.take(peer(last)).unwrap());
        later().await;
        assert!(first.work());
        first.rest();
        assert!(third.work());
        let _fourth = seats.take(peer(4)).unwrap();
        assert!(second.is_evicted() && !first.is_evicted() && !third.is_evicted());
        assert!(!second.work(), "a command that comes too late is not begun");
        second.woken().await;
        let _fifth = seats.take(peer(5)).unwrap();
        assert!(first.is_evicted());
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_work_the_newcomer_is_refused_until_one_leaves() {
        let seats = Seats::new(2, 2);
        let [first, second] = [1, 2].map(|last| seats.take(peer(last)).unwrap());
        assert!(first.work() && second.work());
        assert_eq!(seats.take(peer(3)).err(), Some(NoSeat::Full));
        drop(first);
        assert!(seats.take(peer(3)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_cap_per_peer_is_met_among_that_peers_own_connections() {
        let seats = Seats::new(10, 2);
        let other = seats.take(peer(9)).unwrap();
        later().await;
        let [first, second] = [1, 1].map(|last| seats.take(peer(last)).unwrap());
        assert!(first.work());
        let third = seats.take(peer(1)).unwrap();
        assert!(second.is_evicted() && !other.is_evicted());
        assert!(third.work());
        assert_eq!(seats.take(peer(1)).err(), Some(NoSeat::Full));
        assert!(!other.is_evicted());
        assert!(seats.take(peer(8)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_connection_gives_nothing_back_twice() {
        let seats = Seats::new(1, 1);
        let first = seats.take(peer(1)).unwrap();
        let second = seats.take(peer(1)).unwrap();
        assert!(second.work());
        drop(first);
        assert_eq!(seats.take(peer(1)).err(), Some(NoSeat::Full));
        drop(second);
        assert!(seats.taken().peers.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn closing_tells_everybody_and_lets_nobody_in() {
        let seats = Seats::new(2, 2);
        let first = seats.take(peer(1)).unwrap();
        assert!(first.work());
        seats.close();
        first.woken().await;
        assert!(first.is_closing());
        assert_eq!(seats.take(peer(2)).err(), Some(NoSeat::Closing));
    }
}
