//! File and environment laid over the defaults, every value with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::model::{HIDDEN, without_logins};

/// The defaults, and with them the list of all keys and their types.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Keys that hold a table of free names; taken as one value.
const OPEN_TABLES: [&str; 1] = ["authenticate.dns_static"];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Variable(name) => write!(f, "{name}"),
        }
    }
}

/// A key as anybody may see it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The dotted path.
    pub key: String,
    /// The value, without the passwords in it.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// A configuration that cannot be used; names the key, its origin and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {text}")]
pub struct ConfigError {
    /// Where the fault is.
    pub origin: Origin,
    /// One sentence.
    pub text: String,
}

impl ConfigError {
    /// An error about `origin`.
    pub fn new(origin: &Origin, text: impl Into<String>) -> Self {
        ConfigError {
            origin: origin.clone(),
            text: without_logins(&text.into()).into_owned(),
        }
    }
}

/// Every key with its value and origin, by dotted path.
#[derive(Clone, Debug)]
pub struct Layers {
    values: BTreeMap<String, (Value, Origin)>,
    /// Is there a file at all?
    pub has_file: bool,
    /// Variables that look like ours and name no key.
    pub ignored: Vec<String>,
}

impl Layers {
    /// Reads `file` (and `conf.d` beside it), then lays `variables` over it.
    pub fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers {
            values: defaults(),
            has_file: file.is_some(),
            ignored: Vec::new(),
        };
        for path in file.into_iter().flat_map(with_parts) {
            layers.lay_file(&path)?;
        }
        let mut variables: Vec<_> = variables
            .filter(|(name, _)| name.starts_with("STICHTAG_") && name != "STICHTAG_CONFIG")
            .collect();
        variables.sort();
        let (variables, others): (Vec<_>, Vec<_>) = variables
            .into_iter()
            .partition(|(name, _)| name.contains("__"));
        layers.ignored = others.into_iter().map(|(name, _)| name).collect();
        for (name, text) in variables {
            layers.lay_variable(&name, &text)?;
        }
        Ok(layers)
    }

    /// Every key, in order, as anybody may see it.
    pub fn settings(&self) -> Vec<Setting> {
        let all = self.values.iter();
        all.map(|(key, (value, origin))| Setting {
            key: key.clone(),
            value: shown(key, value),
            origin: origin.clone(),
        })
        .collect()
    }

    /// Every key, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.values
            .iter()
            .map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// The value and origin of a key that the defaults have.
    pub fn get(&self, key: &str) -> Option<(&Value, &Origin)> {
        self.values.get(key).map(|(value, origin)| (value, origin))
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.values
            .get(key)
            .map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// The names of the routes.
    pub fn routes(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .values
            .keys()
            .filter_map(|key| key.strip_prefix("route.")?.split('.').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        names
    }

    /// Sets a value nobody has set.
    pub fn default_to(&mut self, key: &str, value: Value) {
        if let Some(slot) = self.values.get_mut(key)
            && slot.1 == Origin::Default
        {
            slot.0 = value;
        }
    }

    fn lay_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let origin = Origin::File(path.to_owned());
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::new(&origin, format!("cannot be read: {error}")))?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            ConfigError::new(&origin, unreadable(&error, &text))
        })?;
        for (key, value) in flatten(&table) {
            self.set(&key, value, &origin)?;
        }
        Ok(())
    }

    fn lay_variable(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::Variable(name.to_owned());
        let path = name["STICHTAG_".len()..]
            .to_ascii_lowercase()
            .replace("__", ".");
        let key = self
            .values
            .keys()
            .find(|known| known.replace('-', "_") == path)
            .cloned()
            .unwrap_or_else(|| match path.strip_prefix("route.") {
                // A route that no file names: `-` in its name is written `_`.
                Some(rest) => match rest.rsplit_once('.') {
                    Some((route, key)) => format!("route.{}.{key}", route.replace('_', "-")),
                    None => path.clone(),
                },
                None => path.clone(),
            });
        let value = match self.expected(&key) {
            Some(Value::String(_)) | None => Value::String(text.to_owned()),
            Some(expected) => serde_json::from_str::<Value>(text)
                .ok()
                .filter(|value| value.same_type(&expected))
                .ok_or_else(|| {
                    let text = shown(&key, &Value::String(text.to_owned()));
                    ConfigError::new(
                        &origin,
                        format!("{text} is not {}", a_kind(&expected, true)),
                    )
                })?,
        };
        self.set(&key, value, &origin)
    }

    /// What a key holds by default: its type.
    fn expected(&self, key: &str) -> Option<Value> {
        match self.values.get(key) {
            Some((value, _)) => Some(value.clone()),
            None => {
                let (_, rest) = key.strip_prefix("route.")?.rsplit_once('.')?;
                self.values
                    .get(&format!("route.denic-live.{rest}"))
                    .map(|(value, _)| value.clone())
            }
        }
    }

    fn set(&mut self, key: &str, value: Value, origin: &Origin) -> Result<(), ConfigError> {
        let Some(expected) = self.expected(key) else {
            return Err(ConfigError::new(origin, self.unknown(key)));
        };
        if !value.same_type(&expected) {
            let (value, kind) = (shown(key, &value), a_kind(&expected, false));
            let text = format!("`{key}` is `{value}`, expected {kind}");
            return Err(ConfigError::new(origin, text));
        }
        if let Some(route) = key
            .strip_prefix("route.")
            .and_then(|rest| rest.split('.').next())
            && !self.values.contains_key(&format!("route.{route}.parser"))
        {
            self.add_route(route);
        }
        self.values.insert(key.to_owned(), (value, origin.clone()));
        Ok(())
    }

    /// A new route starts empty: it has no senders until somebody names them.
    fn add_route(&mut self, route: &str) {
        let template: Vec<_> = self
            .values
            .iter()
            .filter_map(|(key, (value, _))| {
                Some((
                    key.strip_prefix("route.denic-live.")?.to_owned(),
                    value.clone(),
                ))
            })
            .collect();
        for (key, value) in template {
            let value = match key.as_str() {
                "environment" | "parser" | "require" => value,
                _ if value.is_array() => Value::Array(Vec::new()),
                _ => Value::String(String::new()),
            };
            self.values
                .insert(format!("route.{route}.{key}"), (value, Origin::Default));
        }
    }

    fn unknown(&self, key: &str) -> String {
        let nearest = self
            .values
            .keys()
            .map(|known| (strsim::damerau_levenshtein(known, key), known))
            .min();
        match nearest {
            Some((distance, known)) if distance <= key.len() / 2 => {
                format!("`{key}` is not a key; did you mean `{known}`?")
            }
            _ => format!("`{key}` is not a key; `stichtag config show` lists them all"),
        }
    }
}

/// Keys whose URLs may hold a login.
const LOGINS: [&str; 2] = ["notices.smarthost", "store.url"];

/// Does the value of that key open something to whoever knows it? A webhook's address does.
fn is_secret(key: &str) -> bool {
    let word = key.rsplit(['.', '_', '-']).next().unwrap_or_default();
    key == "watch.webhook_url"
        || ["password", "passphrase", "secret", "token", "key"].contains(&word)
}

/// A value as anybody may see it: without the passwords in it.
pub fn shown(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(_) if is_secret(key) => Value::String(HIDDEN.to_owned()),
        Value::String(text) => {
            let shown = without_logins(text);
            // A URL with a slip in it may hold a login all the same.
            let is_odd = LOGINS.contains(&key) && shown == *text && text.contains('@');
            let text = if is_odd { HIDDEN } else { &shown };
            Value::String(text.to_owned())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| shown(key, item)).collect()),
        other => other.clone(),
    }
}

/// What is wrong with a file, and where. The line itself is shown unless a secret may stand in it.
fn unreadable(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map_or(0, |span| {
        let before = text.get(..span.start).unwrap_or_default();
        before.matches('\n').count()
    });
    let name = text.lines().nth(line).unwrap_or_default();
    let name = name.split('=').next().unwrap_or_default().trim();
    let is_open = !is_secret(name) && !name.ends_with("webhook_url");
    match is_open {
        true => error.to_string(),
        false => format!("line {}, `{name}`: {}", line + 1, error.message()),
    }
}

fn a_kind(value: &Value, is_text: bool) -> &'static str {
    match value {
        Value::Array(_) if is_text => "a JSON list, such as [\"a@b.example\"]",
        Value::Array(_) => "a list, such as [\"a@b.example\"]",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Table(_) if is_text => {
            "a JSON object, such as {\"s1._domainkey.example.net\": [\"v=DKIM1; p=…\"]}"
        }
        Value::Table(_) => "a table",
        _ => "text in quotes",
    }
}

fn defaults() -> BTreeMap<String, (Value, Origin)> {
    // The defaults are part of the program; a test reads them.
    let table: Table = DEFAULTS.parse().expect("default.toml is valid TOML");
    flatten(&table)
        .into_iter()
        .map(|(key, value)| (key, (value, Origin::Default)))
        .collect()
}

fn flatten(table: &Table) -> Vec<(String, Value)> {
    fn walk(prefix: &str, table: &Table, into: &mut Vec<(String, Value)>) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                Value::Table(inner) if !OPEN_TABLES.contains(&key.as_str()) => {
                    walk(&key, inner, into);
                }
                _ => into.push((key, value.clone())),
            }
        }
    }
    let mut found = Vec::new();
    walk("", table, &mut found);
    found
}

/// The file, then `conf.d/*.toml` beside it in the order of their names.
fn with_parts(file: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = std::fs::read_dir(file.with_file_name("conf.d"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    parts.sort();
    parts.insert(0, file.to_owned());
    parts
}
