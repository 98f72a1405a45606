//! What can be done on the command line can be done on the web, and the other way round.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};
use stichtag::inspect::cli::Cli;
use stichtag::inspect::web::ways;

/// Commands that only read, whose pages are looked at and not pressed.
const READING: &[&str] = &[
    "action list",
    "action show",
    "alarm list",
    "audit list",
    "audit verify",
    "case calls",
    "case export",
    "case letter",
    "case list",
    "case plan",
    "case show",
    "config check",
    "config show",
    "customer show",
    "deadlines",
    "deadlines feed-key list",
    "doctor",
    "domain history",
    "domain list",
    "domain show",
    "explain",
    "held list",
    "held show",
    "log follow",
    "log list",
    "log raw",
    "log show",
    "log why",
    "notice check",
    "notice lint",
    "notice list",
    "notice preview",
    "notice show",
    "notice templates",
    "order list",
    "order show",
    "parse",
    "request list",
    "request show",
    "reseller list",
    "status",
    "token list",
    "user list",
    "verify-site pending",
];

/// Commands that change something and belong on the command line alone.
const COMMAND_LINE_ALONE: &[(&str, &str)] = &[
    ("alarm resend", "of alarms, which no page is about"),
    (
        "alarm test",
        "whether alarms reach somebody is tried where they are set up",
    ),
    ("completion", "for a shell"),
    ("demo", "in a folder of its own"),
    (
        "import customers",
        "whole tables, from files of the machine",
    ),
    ("import domains", "whole tables, from files of the machine"),
    ("import mail", "whole folders of the machine"),
    ("import queue", "files of the machine"),
    ("man", "for a machine"),
    ("serve", "it is the server"),
    (
        "token add",
        "programs are let in by whoever runs the server",
    ),
    (
        "token revoke",
        "programs are let in by whoever runs the server",
    ),
    (
        "verify-site retry",
        "of confirmations, which no page is about",
    ),
];

/// Every command that does something, such as `held release`.
fn commands() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(&Cli::command(), "", &mut found);
    found
}

fn walk(command: &Command, front: &str, into: &mut BTreeSet<String>) {
    let mut is_group = false;
    for one in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        is_group = true;
        walk(one, format!("{front} {}", one.get_name()).trim(), into);
    }
    // A group may be a command itself.
    if !is_group || !front.is_empty() && !command.is_subcommand_required_set() {
        into.insert(front.to_owned());
    }
}

#[test]
fn whatever_changes_something_can_be_done_on_the_web_and_on_the_command_line() {
    let commands = commands();
    let done: BTreeSet<&str> = ways().iter().filter_map(|way| way.command).collect();
    let alone: BTreeSet<&str> = COMMAND_LINE_ALONE.iter().map(|(name, _)| *name).collect();
    let known = done.iter().chain(READING).chain(&alone);
    let stale: Vec<_> = known.filter(|name| !commands.contains(**name)).collect();
    assert!(stale.is_empty(), "no such command: {stale:?}");
    let missing: Vec<_> = commands
        .iter()
        .map(String::as_str)
        .filter(|name| !done.contains(name) && !READING.contains(name) && !alone.contains(name))
        .collect();
    assert!(missing.is_empty(), "on the command line alone: {missing:?}");
    let both: Vec<_> = done.intersection(&alone).collect();
    assert!(both.is_empty(), "on the web, too: {both:?}");
}
