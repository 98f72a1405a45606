//! A panic while one message is worked on: caught, with its place and the way to it.
//!
//! A panic's text says what went wrong, not where; the place and the calls that led to it are known
//! only while it happens. So a hook, set once, notes them for whoever catches on the same thread.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

/// Calls that are told to a person; the log has all of them.
const CALLS_MAX: usize = 20;

/// Parts of names and of files that say nothing about where we were: how panics and tasks work.
const MACHINERY: [&str; 11] = [
    "<alloc::",
    "<core::",
    "<std::",
    "<unknown>",
    "__rust",
    "alloc::",
    "core::",
    "rust_begin_unwind",
    "std::",
    "stichtag::process::caught",
    "tokio::",
];
const MACHINERY_FILES: [&str; 4] = ["/rustc/", "/tokio-", "/futures-", "src/process/caught.rs"];

thread_local! {
    /// Does somebody up the stack catch?
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// The last panic that was caught on this thread.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// What is known of a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// Its text.
    pub what: String,
    /// File and line.
    pub place: String,
    /// The calls that led to it, the innermost first.
    pub calls: Vec<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panic: {} (at {})", self.what, self.place)
    }
}

/// Runs `work`; a panic in it comes back as a value, and is in the log with all of its calls.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    listen();
    let is_outer = !IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    if is_outer {
        IS_CAUGHT.set(false);
    }
    done.map_err(|panic| {
        let what = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no text".to_owned());
        let (place, backtrace) = LAST.take().unwrap_or_default();
        Panic {
            what,
            place,
            calls: calls(&backtrace),
        }
    })
}

/// The same for a future: each of its turns is caught, and the first panic ends it.
pub async fn caught_async<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| match caught(|| work.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// From the first call on panics that are caught here go into the log, all others their usual way.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| match IS_CAUGHT.get() {
            true => note(panic),
            false => usual(panic),
        }));
    });
}

fn note(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(|at| format!("{}:{}", at.file(), at.line()))
        .unwrap_or_default();
    let backtrace = Backtrace::force_capture().to_string();
    let what = panic.payload_as_str().unwrap_or("no text");
    tracing::error!(place, backtrace, "panic: {what}");
    LAST.set(Some((place, backtrace)));
}

/// The calls of a backtrace as its text has them: a line `  12: name`, most with a line
/// `      at file:line:column` behind it.
fn calls(backtrace: &str) -> Vec<String> {
    let mut calls = Vec::new();
    let mut lines = backtrace.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((_, name)) = line.split_once(": ") else {
            continue;
        };
        let file = lines.next_if(|next| next.starts_with("at "));
        let file = file
            .and_then(|at| at.strip_prefix("at "))
            .unwrap_or_default();
        let is_machinery = MACHINERY.iter().any(|front| name.starts_with(front))
            || MACHINERY_FILES.iter().any(|part| file.contains(part));
        if is_machinery {
            continue;
        }
        if calls.len() == CALLS_MAX {
            break;
        }
        calls.push(match file {
            "" => name.to_owned(),
            // Of a dependency its name and version, not where this machine keeps it.
            _ => format!(
                "{name} ({})",
                file.rsplit("/registry/src/").next().unwrap_or(file)
            ),
        });
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks() -> u32 {
        let nothing: Option<u32> = "nothing".parse().ok();
        nothing.expect("a number")
    }

    #[test]
    fn a_panic_comes_back_with_its_place_and_the_way_to_it() {
        let panic = caught(breaks).unwrap_err();
        assert_eq!(panic.what, "a number");
        assert!(panic.place.starts_with("src/process/caught.rs:"), "{panic}");
        assert_eq!(caught(|| 1), Ok(1));
        let again = caught(|| panic!("{}", "again")).map(|()| 0).unwrap_err();
        assert_eq!(again.what, "again");
    }

    #[test]
    fn what_was_caught_inside_is_not_told_of_what_happens_outside() {
        let outer = caught(|| {
            assert!(caught(breaks).is_err());
            panic!("outside")
        });
        let outer: Result<(), Panic> = outer;
        assert_eq!(outer.unwrap_err().what, "outside");
    }

    #[test]
    fn of_a_backtrace_the_calls_that_say_something_are_told() {
        let text = "   0: std::backtrace::Backtrace::force_capture\n\
             \x20            at /rustc/x/backtrace.rs:1:1\n\
             \x20  1: stichtag::parse::name::read\n\
             \x20            at ./src/parse/name.rs:7:5\n\
             \x20  2: poll<&mut dyn Future>\n\
             \x20            at /rustc/x/future.rs:250:5\n\
             \x20  3: part\n\
             \x20            at /home/x/.cargo/registry/src/index-1/mail-parser-0.11.9/src/part.rs:3:1\n\
             \x20  4: stichtag::process::read::read_all\n";
        assert_eq!(
            calls(text),
            [
                "stichtag::parse::name::read (./src/parse/name.rs:7:5)",
                "part (index-1/mail-parser-0.11.9/src/part.rs:3:1)",
                "stichtag::process::read::read_all",
            ]
        );
    }

    #[tokio::test]
    async fn a_future_that_panics_in_a_later_turn_is_caught() {
        let work = async {
            tokio::task::yield_now().await;
            assert_eq!(breaks(), 1);
        };
        assert_eq!(caught_async(work).await.unwrap_err().what, "a number");
        assert_eq!(caught_async(async { 2 }).await, Ok(2));
    }
}
