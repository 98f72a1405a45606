//! The rooms import each other only as the design draws it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each room with the rooms it may import; `*` is all of them.
const ARROWS: [(&str, &[&str]); 17] = [
    ("model", &[]),
    ("openpgp", &[]),
    ("clock", &[]),
    ("authenticate", &["model"]),
    ("parse", &["model"]),
    ("apply", &["model"]),
    ("notify", &["model", "apply"]),
    ("store", &["model"]),
    ("wire", &["model"]),
    ("receive", &["model", "store", "wire"]),
    ("send", &["model", "store", "wire", "openpgp"]),
    ("evidence", &["model", "openpgp"]),
    (
        "config",
        &["model", "notify", "receive", "evidence", "send"],
    ),
    (
        "process",
        &[
            "model",
            "authenticate",
            "parse",
            "apply",
            "notify",
            "store",
            "evidence",
        ],
    ),
    ("serve", &["*"]),
    ("simulate", &["*"]),
    ("inspect", &["*"]),
];

/// What only some rooms may use of the outside world.
const OUTSIDE: [(&str, &[&str]); 15] = [
    ("mail_auth", &["evidence", "simulate"]),
    ("sqlx", &["store"]),
    ("mailin", &["receive"]),
    ("use pgp::", &["openpgp", "evidence", "send"]),
    ("AsyncSmtpTransport", &["send"]),
    ("hyper::", &["wire"]),
    ("rustls::", &["wire", "simulate"]),
    ("rcgen::", &["simulate"]),
    ("hmac::", &["send", "notify"]),
    ("axum", &["serve", "inspect"]),
    ("prometheus::", &["serve"]),
    ("clap", &["inspect", "main", "bin"]),
    (
        "tokio::",
        &[
            "receive", "store", "send", "wire", "serve", "simulate", "inspect", "evidence",
        ],
    ),
    ("Timestamp::now", &["clock", "inspect"]),
    ("rand::", &["process"]),
];

fn sources(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// The room of each source file with its code, comments and unit tests left out.
fn rooms() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    paths
        .iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let first = relative.components().next().unwrap().as_os_str();
            let room = first.to_string_lossy().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(path).unwrap();
            let code: String = text
                .split("#[cfg(test)]")
                .next()
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                // A name in a list of texts is no use of it.
                .filter(|line| !line.trim_start().starts_with('"'))
                .collect::<Vec<_>>()
                .join("\n");
            (room, relative.display().to_string(), code)
        })
        .collect()
}

/// Every room named behind `crate::`, grouped imports included.
fn imported(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = BTreeSet::new();
    for behind in code.split("crate::").skip(1) {
        match behind.trim_start().strip_prefix('{') {
            None => {
                found.insert(word(behind));
            }
            Some(group) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '}' if depth == 0 => break,
                        ',' if depth == 0 => {
                            found.insert(word(&item));
                            item.clear();
                        }
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => item.push(c),
                    }
                }
                found.insert(word(&item));
            }
        }
    }
    found.remove("");
    found
}

#[test]
fn every_arrow_is_drawn_in_the_design() {
    let mut wrong = Vec::new();
    for (room, file, code) in rooms() {
        if ["lib", "main", "bin"].contains(&room.as_str()) {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{file}: the design has no room `{room}`"));
        for target in imported(&code) {
            if target != room && !allowed.contains(&"*") && !allowed.contains(&target.as_str()) {
                wrong.push(format!("{file}: {room} → {target}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that the design does not draw:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nobody_imports_the_rooms_at_the_rim() {
    for (room, file, code) in rooms() {
        let targets = imported(&code);
        let is_rim = ["inspect", "serve", "simulate", "main", "bin"].contains(&room.as_str());
        for rim in ["inspect", "serve", "simulate"] {
            assert!(is_rim || !targets.contains(rim), "{file} imports {rim}");
        }
    }
}

#[test]
fn the_outside_world_is_met_where_it_belongs() {
    let mut wrong = Vec::new();
    for (room, file, code) in rooms() {
        for (name, allowed) in OUTSIDE {
            let is_used = code.contains(name);
            if is_used && !allowed.contains(&room.as_str()) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_is_found_however_it_is_written() {
    let code =
        "use crate::{apply, model::{A, B}, store};\nfn f() { crate::parse::x(); }\nuse super::Y;";
    let found: Vec<_> = imported(code).into_iter().collect();
    assert_eq!(found, ["apply", "model", "parse", "store"]);
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    sources(&root.join("tests"), &mut paths);
    let code: Vec<String> = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let text = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let names: BTreeSet<&str> = quoted
        .filter(|word| word.matches('_').count() >= 3 && !word.contains(['.', '/', ' ']))
        .collect();
    assert!(names.len() > 60, "{} names", names.len());
    for name in names {
        let begin = format!("fn {name}(");
        assert!(code.iter().any(|code| code.contains(&begin)), "{name}");
    }
}
