//! The description of the API, and the answers held against it.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::house::House;
use super::http::{Answer, Request};

const PLACE: &str = "http://localhost/openapi.json";

pub struct Document(Value);

impl Document {
    pub fn read(document: &Value) -> Self {
        Document(document.clone())
    }

    fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0["paths"].as_object().unwrap().iter()
    }

    /// The described path that a path is one of.
    fn path(&self, path: &str) -> Option<&String> {
        let path = path.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').collect();
        let found = self.paths().map(|(known, _)| known);
        // `{id}` stands for any text, a fixed part for itself.
        let mut found = found.filter(|known| {
            let known: Vec<&str> = known.split('/').collect();
            known.len() == parts.len()
                && known
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known == part || known.starts_with('{'))
        });
        found.next()
    }

    /// The answer must be one that is described.
    pub fn check(&self, request: &Request, answer: &Answer) {
        let method = request.method.to_ascii_lowercase();
        if answer.status == 304 {
            assert_eq!(answer.text, "");
            let path = self.path(&request.path).unwrap();
            assert!(self.0["paths"][path][&method]["responses"]["304"].is_object());
            return;
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{answer:?}"
        );
        // Who keeps what was read asks each time whether it still holds.
        let is_read = method == "get" && answer.status == 200;
        let keep = if is_read {
            "private, no-cache"
        } else {
            "no-store"
        };
        assert_eq!(answer.header("cache-control"), Some(keep));
        assert_eq!(answer.header("etag").is_some(), is_read);
        let value = answer.json();
        let operation = self
            .path(&request.path)
            .map(|path| (path, &self.0["paths"][path][&method]))
            .filter(|(_, operation)| operation.is_object());
        let Some((path, operation)) = operation else {
            assert!(
                [404, 405].contains(&answer.status),
                "{request:?}: {answer:?}"
            );
            return self.fits("/components/schemas/Error", &value);
        };
        let status = answer.status.to_string();
        let content = &operation["responses"][&status]["content"]["application/json"];
        assert!(
            content.is_object(),
            "not described: {request:?}: {answer:?}"
        );
        let path = path
            .replace('/', "~1")
            .replace('{', "%7B")
            .replace('}', "%7D");
        self.fits(
            &format!("/paths/{path}/{method}/responses/{status}/content/application~1json/schema"),
            &value,
        );
        if !request.path.ends_with("/openapi.json") {
            self.knows(&value);
        }
    }

    fn fits(&self, pointer: &str, value: &Value) {
        let mut compiler = Compiler::new();
        compiler.add_resource(PLACE, self.0.clone()).unwrap();
        let mut schemas = Schemas::new();
        let schema = compiler
            .compile(&format!("{PLACE}#{pointer}"), &mut schemas)
            .unwrap_or_else(|error| panic!("{pointer}: {error:#}"));
        if let Err(error) = schemas.validate(value, schema) {
            panic!("{value} does not fit {pointer}: {error}");
        }
    }

    /// A form allows more fields than it describes; what is answered today is described whole.
    fn knows(&self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let names: BTreeSet<&String> = fields.keys().collect();
                let schemas = self.0["components"]["schemas"].as_object().unwrap();
                let is_known = schemas.values().any(|schema| {
                    let properties = schema["properties"].as_object();
                    properties.is_some_and(|properties| {
                        names.iter().all(|name| properties.contains_key(*name))
                    })
                });
                assert!(is_known, "no form has all of {names:?}");
                fields.values().for_each(|value| self.knows(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.knows(value)),
            _ => {}
        }
    }
}

#[test]
fn every_route_that_is_described_is_there_and_takes_no_other_method() {
    let house = House::new();
    let answer = house.send(&Request::new("GET", "/api/v1/openapi.json"));
    let document = Document::read(&answer.json());
    assert_eq!(document.0["openapi"], "3.1.0");
    let mut routes = 0;
    for (path, item) in document.paths() {
        let real = path.replace("{id}", "1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = house.send(&Request::new(method, &real));
            let is_described = item.get(method.to_ascii_lowercase()).is_some();
            assert_eq!(answer.status != 405, is_described, "{method} {path}");
            // Without a token nothing but the description is shown, and what codes mean.
            let expected = match path.as_str() {
                "/api/v1/openapi.json" => 200,
                // `1` is no code.
                "/api/v1/explain/{id}" => 404,
                _ => 401,
            };
            if is_described {
                assert_eq!(answer.status, expected, "{method} {path}");
                routes += 1;
            }
        }
    }
    assert_eq!(routes, 27);
}

#[test]
fn the_description_says_what_must_be_said_of_an_order() {
    let house = House::new();
    let document = house.get("/api/v1/openapi.json").json();
    let form = &document["components"]["schemas"]["NewOrder"];
    let required: BTreeSet<&str> = form["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(
        required,
        BTreeSet::from(["action", "domain", "environment"])
    );
    assert_eq!(form["additionalProperties"], false);
    let operation = &document["paths"]["/api/v1/orders"]["post"];
    let key = &operation["parameters"][0];
    assert_eq!(
        (&key["name"], &key["required"]),
        (&"Idempotency-Key".into(), &true.into())
    );
    assert_eq!(operation["security"][0]["token"][0], "orders:write");
    let scheme = &document["components"]["securitySchemes"]["token"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&"http".into(), &"bearer".into())
    );
    // What stands in an example is no real name.
    assert_eq!(form["properties"]["domain"]["example"], "example.de");
}
