//! The secret of a transfer is in no answer, error or log, wherever it is put.

use serde_json::{Value, json};

use super::house::{AUTH_INFO, House, of_customer, register, transfer, with, without};
use super::http::Request;

#[test]
fn the_auth_info_appears_nowhere() {
    let house = House::new();
    let mut answers = vec![
        house.order("shop-order-1", &transfer("neuland.de")),
        house.order("shop-order-1", &transfer("neuland.de")),
        // The same key with another secret.
        house.order(
            "shop-order-1",
            &with(transfer("neuland.de"), json!({"auth_info": "Zz9yXx8wVv"})),
        ),
        house.order("shop-order-2", &of_customer(transfer("drittes.de"))),
        house.pay("O-2", "bill-7"),
        house.withdraw("O-2", "chargeback"),
        house.get("/api/v1/orders"),
        house.get("/api/v1/requests"),
        house.get("/api/v1/requests/Q-1"),
        house.get("/api/v1/actions"),
    ];
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 200, 409, 201, 200, 200, 200, 200, 200, 200]);
    // A secret in a wrong place, or in a wrong form.
    let number = 1_234_567_890_123_u64;
    let misplaced: Vec<Value> = vec![
        with(transfer("viertes.de"), json!({"auth_info": number})),
        with(transfer("viertes.de"), json!({"auth_info": [AUTH_INFO]})),
        with(
            transfer("viertes.de"),
            json!({"auth_info": {"secret": AUTH_INFO}}),
        ),
        with(
            transfer("viertes.de"),
            json!({"auth_info": format!("{AUTH_INFO}{AUTH_INFO}")}),
        ),
        with(
            transfer("viertes.de"),
            json!({"auth_info": format!("{AUTH_INFO} ")}),
        ),
        with(register("viertes.de"), json!({"auth_info": AUTH_INFO})),
        with(transfer("viertes.de"), json!({"action": AUTH_INFO})),
        with(transfer("viertes.de"), json!({"account": AUTH_INFO})),
        without(transfer("viertes.de"), "environment"),
    ];
    for body in &misplaced {
        let answer = house.order("shop-order-3", body);
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        answers.push(answer);
    }
    let text = transfer("viertes.de").to_string();
    for cut in [
        text.len() - 1,
        text.find(AUTH_INFO).unwrap() + AUTH_INFO.len(),
    ] {
        let request = Request::new("POST", "/api/v1/orders")
            .token(&house.token)
            .key("shop-order-3")
            .header("Content-Type", "application/json")
            .bytes(&text.as_bytes()[..cut]);
        let answer = house.send(&request);
        assert_eq!(answer.status, 400, "{answer:?}");
        answers.push(answer);
    }
    for answer in &answers {
        let all = format!("{answer:?}");
        assert!(
            !all.contains(AUTH_INFO) && !all.contains(&number.to_string()),
            "{all}"
        );
    }
    let log = house.log();
    for secret in [AUTH_INFO, &number.to_string(), &house.token] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
    assert_eq!(house.requests().len(), 2);
}
