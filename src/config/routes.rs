//! `[route.…]`: which mail is taken, and what must vouch for it.

use super::layers::{ConfigError, Layers};
use super::values::Field;
use crate::evidence::openpgp::read_keys;
use crate::model::{DomainName, Environment, PinnedKey, Require, Route, RouteParser};

/// All routes, those without recipients too.
pub fn routes(layers: &Layers) -> Result<Vec<Route>, ConfigError> {
    let mut routes = Vec::new();
    for name in layers.routes() {
        let field = |key: &str| layers.field(&format!("route.{name}.{key}"));
        let any = field("recipients").list()?.iter().any(|to| to == "*");
        let route = Route {
            environment: field("environment")
                .choice(&[("live", Environment::Live), ("test", Environment::Test)])?,
            parser: field("parser").choice(&[
                ("denic", RouteParser::Denic),
                ("centralnic", RouteParser::Centralnic),
                ("dsn", RouteParser::Dsn),
            ])?,
            recipients: field("recipients").list()?,
            envelope_from: field("envelope_from").list()?,
            header_from: field("header_from").list()?,
            subject_forbids: field("subject_forbids").pattern()?,
            subject_requires: field("subject_requires").pattern()?,
            require: field("require")
                .choice(&[("aligned", Require::Aligned), ("record", Require::Record)])?,
            client_networks: field("client_networks")
                .parsed_list("networks such as \"192.0.2.0/24\"")?,
            pgp_keys: pinned_keys(&field("pgp_keys"))?,
            name: name.clone(),
        };
        if any && route.parser == RouteParser::Dsn {
            return Err(field("recipients").error(
                "addresses or domains of notices alone, such as \"@bounce.example.net\": every other mail is no report",
            ));
        }
        routes.push(route);
    }
    Ok(routes)
}

/// What comes back to the envelope senders of notices is taken without anybody saying so.
pub fn take_bounces(routes: &mut [Route], bounce_domain: &str) {
    let Ok(domain) = bounce_domain.parse::<DomainName>() else {
        return;
    };
    let bounces = routes.iter_mut().filter(|route| {
        route.name == "bounces" && route.parser == RouteParser::Dsn && route.recipients.is_empty()
    });
    for route in bounces {
        route.recipients.push(format!("@{}", domain.ace()));
    }
}

/// The keys of the files that a field names. Whether they are valid today is checked at the start.
fn pinned_keys(field: &Field<'_>) -> Result<Vec<PinnedKey>, ConfigError> {
    let mut pinned = Vec::new();
    for file in field.list()? {
        let wrong = |why: String| field.wrong(&format!("{file}: {why}"));
        let bytes = std::fs::read(&file).map_err(|error| wrong(error.to_string()))?;
        let keys = read_keys(&bytes).map_err(|error| wrong(error.to_string()))?;
        pinned.extend(keys.into_iter().map(|key| PinnedKey {
            file: file.clone(),
            ..key
        }));
    }
    Ok(pinned)
}
