//! Requests in XML of version 5.0, strictly: the order of elements is fixed, an unknown or an empty
//! one is an error (`denic.md` 4.1).

use super::asked::{Asked, Fields, Object};
use super::line::Line;
use super::xml_tree::{Node, tree, wrong};
use crate::model::Ctid;
use crate::wire::Format;

/// Reads a request.
pub(super) fn read(text: &str) -> Result<Asked, Line> {
    let root = tree(text)?;
    if root.name != "global:registry-request" {
        return Err(wrong(&root.name));
    }
    let (body, ctid) = match root.children.as_slice() {
        [body] => (body, None),
        [body, ctid] if ctid.name == "global:ctid" => (body, Some(Ctid(ctid.leaf()?.to_owned()))),
        _ => return Err(wrong("registry-request")),
    };
    let mut request = Request::default();
    let (object, action) = request.body(body)?;
    Ok(Asked {
        format: Format::Xml,
        action: action.to_owned(),
        object,
        ctid,
        fields: request.fields,
        proofs: request.proofs,
    })
}

#[derive(Default)]
struct Request {
    fields: Fields,
    proofs: Vec<Fields>,
}

impl Request {
    fn push(&mut self, keyword: &'static str, value: &str) {
        self.fields.push((keyword, value.to_owned()));
    }

    /// Takes the values of child elements under their keywords.
    fn take(&mut self, node: &Node, names: &[(&str, &'static str)]) -> Result<(), Line> {
        for child in &node.children {
            if let Some((_, keyword)) = names.iter().find(|(name, _)| *name == child.name) {
                self.push(keyword, child.leaf()?);
            }
        }
        Ok(())
    }

    fn body(&mut self, body: &Node) -> Result<(Object, &'static str), Line> {
        let is_data = |action| matches!(action, "CREATE" | "UPDATE" | "CHHOLDER" | "CHPROV");
        let allowed: &[&str] = match body.name.as_str() {
            "domain:info" => &["recursive"],
            "domain:transit" => &["disconnect"],
            "domain:createAuthInfo1" => &["hash", "expire"],
            "msg:queue-read" => &["msgType"],
            "msg:delete" => &["msgid", "msgType"],
            _ => &[],
        };
        let mut attributes = body.attributes.iter();
        if let Some((name, _)) = attributes.find(|(name, _)| !allowed.contains(&name.as_str())) {
            return Err(wrong(name));
        }
        for (name, keyword) in [
            ("recursive", "Recursive"),
            ("disconnect", "Disconnect"),
            ("hash", "AuthInfoHash"),
            ("expire", "AuthInfoExpire"),
            ("msgType", "MsgType"),
            ("msgid", "MsgId"),
        ] {
            if let Some(value) = body.attribute(name) {
                self.push(keyword, value);
            }
        }
        let (part, name) = body.name.split_once(':').unwrap_or_default();
        match (part, name) {
            ("global", "login") => {
                body.in_order(&["global:user", "global:password"])?;
                self.take(
                    body,
                    &[("global:user", "User"), ("global:password", "Password")],
                )?;
                Ok((Object::Session, "LOGIN"))
            }
            ("global", "logout") => {
                body.in_order(&[])?;
                Ok((Object::Session, "LOGOUT"))
            }
            ("msg", "queue-read" | "delete") => {
                body.in_order(&[])?;
                let action = match name {
                    "delete" => "QUEUE-DELETE",
                    _ => "QUEUE-READ",
                };
                Ok((Object::Queue, action))
            }
            ("regacc", "info") => {
                body.in_order(&["regacc:handle"])?;
                self.take(body, &[("regacc:handle", "RegAcc")])?;
                Ok((Object::RegAcc, "INFO"))
            }
            ("domain", name) => {
                let action = match name {
                    "check" => "CHECK",
                    "info" => "INFO",
                    "create" => "CREATE",
                    "update" => "UPDATE",
                    "chholder" => "CHHOLDER",
                    "chprov" => "CHPROV",
                    "delete" => "DELETE",
                    "restore" => "RESTORE",
                    "transit" => "TRANSIT",
                    "createAuthInfo1" => "CREATE-AUTHINFO1",
                    "deleteAuthInfo1" => "DELETE-AUTHINFO1",
                    "createAuthInfo2" => "CREATE-AUTHINFO2",
                    _ => return Err(wrong(&body.name)),
                };
                self.domain(body, action, is_data(action))?;
                Ok((Object::Domain, action))
            }
            ("contact", name) => {
                let action = match name {
                    "check" => "CHECK",
                    "info" => "INFO",
                    "create" => "CREATE",
                    "update" => "UPDATE",
                    _ => return Err(wrong(&body.name)),
                };
                self.contact(body, is_data(action))?;
                Ok((Object::Contact, action))
            }
            _ => Err(wrong(&body.name)),
        }
    }

    fn domain(&mut self, body: &Node, action: &str, is_data: bool) -> Result<(), Line> {
        let order: &[&str] = match action {
            "CHPROV" => &[
                "domain:handle",
                "domain:ace",
                "domain:contact",
                // The secret stands between the entries or behind them (`denic.md` 4.5).
                "dnsentry:dnsentry|domain:authInfo",
            ],
            _ if is_data => &[
                "domain:handle",
                "domain:ace",
                "domain:contact",
                "dnsentry:dnsentry",
            ],
            "DELETE" => &["domain:handle", "domain:ace", "domain:contact"],
            "INFO" => &["domain:handle", "domain:ace", "domain:authInfo"],
            _ => &["domain:handle", "domain:ace"],
        };
        body.in_order(order)?;
        self.push("Domain", body.child("domain:handle")?.leaf()?);
        self.take(
            body,
            &[
                ("domain:ace", "Domain-Ace"),
                ("domain:authInfo", "AuthInfo"),
            ],
        )?;
        for contact in body.children("domain:contact") {
            let keyword = match contact.attribute("role") {
                Some("holder") => "Holder",
                Some("generalrequest") if is_data => "GeneralRequest",
                Some("abusecontact") if is_data => "AbuseContact",
                _ => return Err(wrong("role")),
            };
            self.push(keyword, contact.leaf()?);
        }
        body.children("dnsentry:dnsentry")
            .try_for_each(|entry| self.entry(entry))
    }

    fn entry(&mut self, entry: &Node) -> Result<(), Line> {
        entry.in_order(&["dnsentry:owner", "dnsentry:rdata"])?;
        let owner = entry.child("dnsentry:owner")?.leaf()?;
        let owner = owner.strip_suffix('.').unwrap_or(owner);
        let rdata = entry.child("dnsentry:rdata")?;
        let of = |name| rdata.child(name)?.leaf();
        match entry.attribute("type") {
            Some("dnsentry:NS") => {
                let addresses = "dnsentry:address|dnsentry:addressV6";
                rdata.in_order(&["dnsentry:nameserver", addresses])?;
                let host = of("dnsentry:nameserver")?;
                let behind = &rdata.children[1..];
                if behind.is_empty() {
                    self.push("Nserver", host);
                }
                for address in behind {
                    self.push("Nserver", &format!("{host} {}", address.leaf()?));
                }
            }
            Some("dnsentry:DNSKEY") => {
                let names = ["flags", "protocol", "algorithm", "publicKey"]
                    .map(|name| format!("dnsentry:{name}"));
                rdata.in_order(&names.each_ref().map(String::as_str))?;
                let parts: Result<Vec<&str>, Line> =
                    names.iter().map(|name| of(name.as_str())).collect();
                self.push("Dnskey", &parts?.join(" "));
            }
            Some("dnsentry:A") => {
                rdata.in_order(&["dnsentry:address"])?;
                let address = of("dnsentry:address")?;
                self.push("Nsentry", &format!("{owner} IN A {address}"));
            }
            // Inferred, like the names in it (`denic.md` 4.5).
            Some("dnsentry:MX") => {
                rdata.in_order(&["dnsentry:preference", "dnsentry:exchange"])?;
                let (preference, host) = (of("dnsentry:preference")?, of("dnsentry:exchange")?);
                self.push("Nsentry", &format!("{owner} IN MX {preference} {host}"));
            }
            _ => return Err(wrong("dnsentry")),
        }
        Ok(())
    }

    fn contact(&mut self, body: &Node, is_data: bool) -> Result<(), Line> {
        let order: &[&str] = match is_data {
            true => &[
                "contact:handle",
                "contact:type",
                "contact:name",
                "contact:organisation",
                "contact:postal",
                "contact:email",
                "contact:phone",
                "contact:uri-template",
                "verification:verificationInformation",
            ],
            false => &["contact:handle"],
        };
        body.in_order(order)?;
        body.child("contact:handle")?;
        self.take(
            body,
            &[
                ("contact:handle", "Handle"),
                ("contact:type", "Type"),
                ("contact:name", "Name"),
                ("contact:organisation", "Organisation"),
                ("contact:email", "EMail"),
                ("contact:phone", "Phone"),
                ("contact:uri-template", "UriTemplate"),
            ],
        )?;
        for postal in body.children("contact:postal") {
            postal.in_order(&[
                "contact:address",
                "contact:postalCode",
                "contact:city",
                "contact:countryCode",
            ])?;
            self.take(
                postal,
                &[
                    ("contact:address", "Address"),
                    ("contact:postalCode", "PostalCode"),
                    ("contact:city", "City"),
                    ("contact:countryCode", "CountryCode"),
                ],
            )?;
        }
        for block in body.children("verification:verificationInformation") {
            self.proofs.push(proof(block)?);
        }
        Ok(())
    }
}

fn proof(block: &Node) -> Result<Fields, Line> {
    const NAMES: [(&str, &str); 6] = [
        ("verification:verificationResult", "VerificationResult"),
        (
            "verification:verificationReference",
            "VerificationReference",
        ),
        (
            "verification:verificationTimestamp",
            "VerificationTimestamp",
        ),
        ("verification:verificationEvidence", "VerificationEvidence"),
        ("verification:verificationMethod", "VerificationMethod"),
        ("verification:trustFramework", "TrustFramework"),
    ];
    if block.attribute("type") != Some("verification:verificationInformationType") {
        return Err(wrong("xsi:type"));
    }
    let mut order = vec!["verification:verifiedClaims"];
    order.extend(NAMES.map(|(name, _)| name));
    block.in_order(&order)?;
    let mut fields = Fields::new();
    let claims = block.child("verification:verifiedClaims")?;
    claims.in_order(&["verification:claim"])?;
    for claim in &claims.children {
        fields.push(("VerifiedClaim", claim.leaf()?.to_owned()));
    }
    for (name, keyword) in NAMES {
        fields.push((keyword, block.child(name)?.leaf()?.to_owned()));
    }
    Ok(fields)
}
