//! Domains: what is known of each, and who said so.

use super::house::House;
use super::mails::status;

fn house() -> House {
    let house = House::new(&[]);
    house.import("customers", "customer,email\nK-1,anna@example.net\n");
    house.import(
        "domains",
        "domain,environment,customer,holders,status\n\
         dänic.de,live,K-1,DENIC-1000002-A,connect\n\
         dänic.de,test,K-1,DENIC-1000002-A,connect\n\
         drei.de,live,,,connect\n\
         drum.de,live,K-1,,connect\n",
    );
    let due = [("dedelegation", 5), ("deletion", 12)];
    house.receives(&[status("xn--dnic-loa.de", "live", "connect", &due)]);
    house
}

fn rows(page: &str) -> Vec<String> {
    let rows = page.split("<th scope=\"row\">").skip(1);
    rows.map(|row| {
        row.split_once("\">")
            .unwrap()
            .1
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    })
    .collect()
}

#[test]
fn domains_are_found_by_how_they_begin_in_either_form() {
    let house = house();
    let viewer = house.person("viewer", "en");
    let found = |query: &str| rows(&viewer.page(&format!("/domains?{query}")));
    assert_eq!(found(""), ["drei.de", "drum.de", "dänic.de", "dänic.de"]);
    assert_eq!(found("text=dr"), ["drei.de", "drum.de"]);
    assert_eq!(found("text=D%C3%84"), ["dänic.de", "dänic.de"]);
    assert_eq!(found("text=d&env=live"), ["drei.de", "drum.de", "dänic.de"]);
    assert_eq!(found("text=xn--dn&env=test"), ["dänic.de"]);
    assert_eq!(found("customer=K-1&env=live"), ["drum.de", "dänic.de"]);
    assert_eq!(found("after=live.drum.de"), ["dänic.de", "dänic.de"]);
    assert_eq!(found("text=d&after=live.xn--dnic-loa.de"), ["dänic.de"]);
    assert!(
        viewer
            .page("/domains?text=q")
            .contains("No domain is like that.")
    );
    assert_eq!(viewer.get("/domains?after=anna").status, 422);
}

#[test]
fn a_domain_shows_what_is_held_to_be_true_and_the_message_that_said_so() {
    let house = house();
    let page = house
        .person("viewer", "en")
        .page("/domains/xn--dnic-loa.de");
    for part in [
        "<h1>dänic.de</h1>",
        "<p class=\"code\">xn--dnic-loa.de</p>",
        "<a href=\"/messages/1\">1</a>",
        "address, name",
        "href=\"/cases/V-1\"",
        "href=\"/notices/N-1\"",
        "href=\"/customers/K%2D1\"",
        "<span class=\"mark\">TEST</span>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Of the test system nothing was heard.
    let (live, test) = page.split_once("id=\"in-test\"").unwrap();
    assert!(!live.contains("Never mentioned by the registry."));
    assert!(test.contains("Never mentioned by the registry."));
    assert!(!test.contains("href=\"/notices/N-1\""));
    let test = house
        .person("viewer", "de")
        .page("/domains/xn--dnic-loa.de?env=test");
    assert!(test.contains("class=\"banner test\""));
    assert!(test.contains("Von der Registrierungsstelle nie erwähnt."));
    assert_eq!(
        house
            .person("viewer", "en")
            .get("/domains/nobody.de")
            .status,
        404
    );
    assert_eq!(house.person("viewer", "en").get("/domains/-").status, 404);
}
