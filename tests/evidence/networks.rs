//! Networks of a route as proof: the client that our own Postfix recorded lies in one of them.

use std::collections::BTreeMap;

use stichtag::model::Inbound;

use super::house::{EDGE, House, LIVE, codes, config, inbound, plain};

/// A house that knows no key and no SPF record, and trusts these networks on the live route.
fn house(networks: &str) -> House {
    let more = [("ROUTE__DENIC_LIVE__CLIENT_NETWORKS", networks)];
    House::new(config("[\"none\"]", &BTreeMap::new(), &more))
}

fn from(client: Option<&str>) -> Inbound {
    let mut mail = inbound(plain("segelschule-bodden.de"));
    mail.envelope.client_address = client.map(|client| client.parse().unwrap());
    mail
}

#[tokio::test]
async fn a_client_in_a_network_of_the_route_vouches_and_one_beside_it_does_not() {
    let house = house("[\"192.0.2.24/30\", \"2001:db8:25::/48\"]");
    for (client, is_in) in [
        ("192.0.2.24", true),
        ("192.0.2.27", true),
        ("2001:db8:25::1", true),
        ("192.0.2.23", false),
        ("192.0.2.28", false),
        ("2001:db8:26::1", false),
    ] {
        let (_, verdict) = house.judge(&from(Some(client))).await;
        assert_eq!(verdict.is_trusted, is_in, "{client}: {:?}", verdict.checked);
        let told = verdict.checked.join("\n");
        let line = match is_in {
            true => format!("client {client} in the networks of denic-live"),
            false => format!("client {client} is not in the networks of denic-live"),
        };
        assert!(told.contains(&line), "{told}");
        assert_eq!(codes(&verdict).is_empty(), is_in);
    }
    // Nobody recorded a client: the network of whoever delivers to us counts for nothing.
    let (_, verdict) = house.judge(&from(None)).await;
    assert_eq!(codes(&verdict), ["R09"]);
}

#[tokio::test]
async fn a_network_of_one_route_says_nothing_on_another_nor_in_a_field_of_the_mail() {
    let test = house("[]");
    let (_, verdict) = test.judge(&from(Some("192.0.2.25"))).await;
    assert_eq!(codes(&verdict), ["R09"]);
    let house = house("[\"192.0.2.0/24\"]");
    // The test registry's mail from there: that route names no network.
    let mut mail = from(Some("192.0.2.25"));
    let raw = String::from_utf8(mail.raw).unwrap();
    mail.raw = raw
        .replace("@denic.de", "@test.denic.de")
        .replace("registry@", "registry-test@")
        .replace("STATUS UPDATE -", "STATUS UPDATE TEST -")
        .into_bytes();
    mail.envelope.mail_from = Some(LIVE.replace("@", "@test."));
    mail.envelope.recipients = vec!["registry-test@registrar.example".to_owned()];
    let (_, verdict) = house.judge(&mail).await;
    assert_eq!(codes(&verdict), ["R09"], "{:?}", verdict.checked);
    // A client that the mail itself names, below the field of our edge.
    let mut mail = from(None);
    let fields = format!(
        "Received: from evil.example (evil.example [203.0.113.66]) by {EDGE} (Postfix) with ESMTP; \
         Tue, 5 May 2026 08:30:10 +0200\r\n\
         Received: from smtp.denic.de (smtp.denic.de [192.0.2.25]) by {EDGE} (Postfix) with ESMTP; \
         Tue, 5 May 2026 08:30:09 +0200\r\n"
    );
    mail.raw = [fields.into_bytes(), mail.raw].concat();
    let (_, verdict) = house.judge(&mail).await;
    assert_eq!(codes(&verdict), ["R09"], "{:?}", verdict.checked);
}
