//! Events: numbered, and readable by the API, as mail and by EPP (`centralnic.md` 6, 7.2).

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{Answer, instant};

/// The words before a trigger code.
const TRIGGER: &str = "CONTACTVERIFICATION WITH TRIGGERCODE:";

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number.
    pub number: u32,
    /// When it happened.
    pub at: Timestamp,
    /// `CLASS`.
    pub class: &'static str,
    /// `SUBCLASS`.
    pub subclass: &'static str,
    /// A handle, an address or a domain.
    pub object: String,
    /// Keys with their values, in order.
    pub data: Vec<(&'static str, String)>,
    /// `reason` and `info`.
    pub info: Option<String>,
    /// Acknowledged by `DeleteEvent`.
    pub is_deleted: bool,
}

/// What an event about a code says.
pub fn trigger_text(code: &str) -> String {
    format!("{TRIGGER}{code}")
}

impl Event {
    /// The code in it.
    pub fn trigger(&self) -> Option<&str> {
        self.info.as_deref()?.strip_prefix(TRIGGER)
    }

    /// The answer to `StatusEvent`.
    pub fn answer(&self) -> String {
        let mut answer = Answer::done()
            .with("date", &format!("{}.0", instant(self.at)))
            .with("class", self.class)
            .with("subclass", self.subclass)
            .with("object id", &self.object);
        let reason = self.info.iter().map(|info| ("reason", info));
        let data = self.data.iter().map(|(key, value)| (*key, value));
        for (index, (key, value)) in data.chain(reason).enumerate() {
            answer.put("data", index, &format!("{key}:{value}"));
        }
        if let Some(info) = &self.info {
            let info = utf8_percent_encode(info, NON_ALPHANUMERIC).to_string();
            answer.put("info", 0, &info);
        }
        answer.write()
    }

    /// The body of the mail about it.
    pub fn mail_text(&self) -> String {
        let mut text = String::new();
        if let Some(code) = self.trigger() {
            // With a blank behind the colon, which the other forms do not have (CV-16, CV-17).
            for key in ["REASON", "MESSAGE"] {
                text.push_str(&format!("{key}:{TRIGGER} {code}\r\n"));
            }
            text.push_str(&format!("OBJECT:{}\r\n", self.object));
        } else {
            let (at, number) = (instant(self.at), self.number);
            text.push_str(&format!("DATE:{at}\r\nINDEX:{number}\r\n"));
        }
        text.push_str(&format!(
            "CLASS:{}\r\nSUBCLASS:{}\r\n",
            self.class, self.subclass
        ));
        if self.trigger().is_none() {
            if let Some(info) = &self.info {
                text.push_str(&format!("REASON:{info}\r\n"));
            }
            for (key, value) in &self.data {
                text.push_str(&format!("{key}:{value}\r\n"));
            }
        }
        text
    }

    /// The answer to an EPP poll that finds it, with `count` messages waiting.
    pub fn poll_xml(&self, count: usize) -> String {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%S.0Z").to_string();
        let word = self.class.split('_').next().unwrap_or_default();
        let (kind, space) = match word {
            "CONTACT" => ("contact", "urn:ietf:params:xml:ns:contact-1.0"),
            _ => ("domain", "urn:ietf:params:xml:ns:domain-1.0"),
        };
        let name = if kind == "contact" { "id" } else { "name" };
        let object = escaped(&self.object);
        let mut data = String::new();
        for (key, value) in &self.data {
            let key = camel_case(key);
            data.push_str(&format!("<{key}>{}</{key}>", escaped(value)));
        }
        let mut info = String::new();
        if let Some(text) = &self.info {
            let text = escaped(text);
            data.push_str(&format!("<reason>{text}</reason>"));
            info = format!("<keysys:info>{text}</keysys:info>");
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response>\
             <result code=\"1301\"><msg>Command completed successfully; ack to dequeue</msg></result>\
             <msgQ count=\"{count}\" id=\"{number}\"><qDate>{at}</qDate><msg>{word}_{subclass}</msg></msgQ>\
             <resData><{kind}:panData xmlns:{kind}=\"{space}\">\
             <{kind}:{name} paResult=\"false\">{object}</{kind}:{name}>\
             <{kind}:paTRID><svTRID>UNDEF</svTRID></{kind}:paTRID>\
             <{kind}:paDate>{at}</{kind}:paDate></{kind}:panData></resData>\
             <extension><keysys:poll xmlns:keysys=\"http://www.key-systems.net/epp/keysys-1.0\">\
             <keysys:data>{data}</keysys:data>{info}</keysys:poll></extension>\
             <trID><clTRID>UNDEF</clTRID><svTRID>00000000-0000-4000-8000-{number:012}</svTRID></trID>\
             </response></epp>\n",
            number = self.number,
            subclass = self.subclass,
        )
    }
}

/// `current registrar` as EPP writes it: `currentRegistrar`.
fn camel_case(key: &str) -> String {
    let mut words = key.split([' ', '_', '-']);
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
