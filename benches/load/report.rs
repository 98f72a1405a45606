//! Medians, ratios, bars.

use crate::drain::Processing;
use crate::servers::Measured;

/// Connections of the runs that the bars are about.
pub const AT: usize = 32;

/// A server's runs with one number of connections, a round each.
pub struct Row {
    /// The server.
    pub name: &'static str,
    /// Connections.
    pub connections: usize,
    /// In the order of the rounds.
    pub rounds: Vec<Measured>,
}

/// A bar or goal, and how it went.
pub struct Bar {
    text: String,
    is_met: bool,
    is_required: bool,
}

/// The median; the lower one of two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(f64::NAN)
}

impl Row {
    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.seen.rate))
    }

    fn p99_ms(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.seen.p99_ms))
    }

    fn cpu_ms(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.cpu_ms))
    }
}

/// Prints the table: mails per second, milliseconds to the final reply, CPU per mail.
pub fn table(rows: &[Row]) {
    println!("| server | connections | mails/s | p50 ms | p99 ms | CPU ms/mail |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.3} |",
            row.name,
            row.connections,
            row.rate(),
            median(row.rounds.iter().map(|round| round.seen.p50_ms)),
            row.p99_ms(),
            row.cpu_ms(),
        );
    }
    println!();
}

/// Prints what processing does.
pub fn processing(processing: &Processing) {
    let beside = &processing.beside;
    println!(
        "processing: backlog at {:.0} messages/s; beside it {:.0} mails/s accepted (p99 {:.2} ms, \
         {:.3} ms CPU with processing), drained {:.2} s after the last\n",
        processing.backlog_rate,
        beside.seen.rate,
        beside.seen.p99_ms,
        beside.cpu_ms,
        processing.drain_s,
    );
}

/// Holds the figures against bars and goals.
pub fn bars(rows: &[Row], idle: &Row, rest_mib: f64, processing: &Processing) -> Vec<Bar> {
    let row = |name: &str, connections: usize| {
        rows.iter()
            .find(|row| row.name == name && row.connections == connections)
    };
    let mut bars = Vec::new();
    let mut ratio = |over: &'static str, under: &'static str, connections, least, is_required| {
        let ratio = row(over, connections)
            .zip(row(under, connections))
            .map(|(over, under)| {
                let rounds = over.rounds.iter().zip(&under.rounds);
                median(rounds.map(|(over, under)| over.seen.rate / under.seen.rate))
            });
        bars.push(Bar {
            text: match ratio {
                Some(ratio) => format!(
                    "{over} at {connections} connections is {ratio:.2} times {under}, at least {least}"
                ),
                None => format!("{under} is not there to be compared with"),
            },
            is_met: ratio.is_some_and(|ratio| ratio >= least),
            is_required,
        });
    };
    // The generator can do more than it is asked for.
    ratio("null", "append", AT, 1.1, true);
    ratio("null", "stichtag", AT, 1.5, true);
    ratio("stichtag", "one by one", AT, 2.5, true);
    ratio("stichtag", "postfix", AT, 5.0, true);
    ratio("stichtag", "append", AT, 0.5, true);
    ratio("stichtag", "smtp-append", AT, 0.85, false);
    ratio("stichtag", "sqlite", AT, 0.85, false);
    ratio("stichtag", "sqlite", 1, 0.8, false);
    let mut most = |what: &str, value: f64, limit: f64| {
        bars.push(Bar {
            text: format!("{what} {value:.3}, below {limit}"),
            is_met: value < limit,
            is_required: false,
        });
    };
    if let Some(ours) = row("stichtag", AT) {
        most(
            "ms to the final reply at 32 connections, p99:",
            ours.p99_ms(),
            8.0,
        );
        most("ms CPU per mail at 32 connections:", ours.cpu_ms(), 0.12);
        let slower = median(
            idle.rounds
                .iter()
                .zip(&ours.rounds)
                .map(|(idle, ours)| ours.seen.rate / idle.seen.rate),
        );
        most(
            "times slower with 1,000 idle connections beside:",
            slower,
            1.15,
        );
    }
    most("MiB at rest:", rest_mib, 32.0);
    bars.push(Bar {
        text: format!(
            "backlog processed at {:.0} messages/s, at least 8000",
            processing.backlog_rate
        ),
        is_met: processing.backlog_rate >= 8_000.0,
        is_required: false,
    });
    bars
}

/// Prints the bars; `true`: all that are required are met.
pub fn verdict(bars: &[Bar]) -> bool {
    for bar in bars {
        let word = match (bar.is_met, bar.is_required) {
            (true, _) => "met   ",
            (false, true) => "MISSED",
            (false, false) => "short ",
        };
        let kind = if bar.is_required { "bar" } else { "goal" };
        println!("{word} {kind}: {}", bar.text);
    }
    bars.iter().all(|bar| bar.is_met || !bar.is_required)
}
