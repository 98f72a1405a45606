//! Personal data, for programs that may not see it.

use serde_json::Value;

use super::caller::Caller;
use crate::inspect::web::veiled;
use crate::model::Scope;

/// Fields that say something of a person.
const PERSONAL: [&str; 8] = [
    "salutation",
    "email",
    "second_email",
    "phone",
    "recipient",
    "final_recipient",
    "original_recipient",
    "diagnostic",
];

/// Fields that are nothing but what was written to a person.
const WRITTEN: [&str; 1] = ["mail"];

/// The object as this program may see it.
pub fn seen_by(caller: &Caller, mut object: Value) -> Value {
    if !caller.may(Scope::PeopleRead) {
        veil(&mut object);
    }
    object
}

fn veil(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if PERSONAL.contains(&name.as_str()) => {
                        *text = veiled(text);
                    }
                    _ if WRITTEN.contains(&name.as_str()) => *value = Value::Null,
                    _ => veil(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(veil),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_something_of_a_person_is_veiled_wherever_it_stands() {
        let mut object = json!({
            "id": "N-1", "recipient": "kunde@example.net", "mail": "Guten Tag",
            "reports": [{"final_recipient": "kunde@example.net", "status": "5.1.1"}],
            "phone": null, "second_email": "",
        });
        veil(&mut object);
        let seen = json!({
            "id": "N-1", "recipient": "k…@example.net", "mail": null,
            "reports": [{"final_recipient": "k…@example.net", "status": "5.1.1"}],
            "phone": null, "second_email": "",
        });
        assert_eq!(object, seen);
    }
}
