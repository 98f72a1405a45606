//! Lists, page by page.

use serde_json::{Value, json};

use super::house::{House, register, with};

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn stocked() -> House {
    let house = House::new();
    for number in 1..=5 {
        let body = register(&format!("neuland-{number}.de"));
        let body = match number % 2 {
            0 => with(body, json!({"environment": "test"})),
            _ => body,
        };
        house.placed(&format!("order-{number:05}"), &body);
        let renewal = with(body, json!({"action": "renew"}));
        assert_eq!(house.order("renewal-1", &renewal).status, 200);
    }
    house
}

#[test]
fn a_list_comes_in_pages_each_thing_once_and_in_order() {
    let house = stocked();
    for (list, front) in [("orders", "O"), ("requests", "Q"), ("actions", "L")] {
        let mut seen = Vec::new();
        let mut path = format!("/api/v1/{list}?limit=2");
        for _ in 0..5 {
            let page = house.get(&path).json();
            seen.extend(ids(&page));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            assert_eq!(page["items"].as_array().unwrap().len(), 2);
            path = format!("/api/v1/{list}?limit=2&after={next}");
        }
        let all: Vec<String> = (1..=5).map(|number| format!("{front}-{number}")).collect();
        assert_eq!(seen, all);
        // A page that is just full is the last one.
        let page = house.get(&format!("/api/v1/{list}?limit=5")).json();
        assert_eq!((ids(&page), &page["next"]), (all.clone(), &Value::Null));
        let page = house.get(&format!("/api/v1/{list}")).json();
        assert_eq!((ids(&page), &page["next"]), (all, &Value::Null));
        let page = house
            .get(&format!("/api/v1/{list}?after={front}-99"))
            .json();
        assert_eq!((ids(&page), &page["next"]), (vec![], &Value::Null));
    }
}

#[test]
fn a_list_is_narrowed_by_domain_and_environment() {
    let house = stocked();
    for (list, front) in [("orders", "O"), ("requests", "Q"), ("actions", "L")] {
        let found = |query: &str| ids(&house.get(&format!("/api/v1/{list}?{query}")).json());
        assert_eq!(found("domain=NEULAND-3.de"), [format!("{front}-3")]);
        assert_eq!(
            found("environment=test"),
            [format!("{front}-2"), format!("{front}-4")]
        );
        assert!(found("environment=test&domain=neuland-3.de").is_empty());
        assert_eq!(found("environment=test&limit=1"), [format!("{front}-2")]);
    }
}

#[test]
fn what_is_listed_is_what_is_shown() {
    let house = stocked();
    let orders = house.get("/api/v1/orders").json();
    for order in orders["items"].as_array().unwrap() {
        let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
        assert_eq!(house.get(&path).json(), *order);
    }
    assert_eq!(
        *orders["items"].as_array().unwrap(),
        house.objects(&["order", "list"])
    );
    let actions = house.get("/api/v1/actions").json();
    assert_eq!(
        *actions["items"].as_array().unwrap(),
        house.objects(&["action", "list"])
    );
}
