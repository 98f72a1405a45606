//! As little of HTTP as a visitor needs, so that a test can say every wrong thing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than anything that the server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept.
pub struct Line {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What stands in the heading.
    pub fn heading(&self) -> &str {
        let (_, behind) = self
            .text
            .split_once("<h1>")
            .unwrap_or_else(|| panic!("{self:?}"));
        behind.split("</h1>").next().unwrap()
    }

    /// The value of a hidden field, as a browser sends it.
    pub fn hidden(&self, name: &str) -> String {
        let front = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let (_, behind) = self
            .text
            .split_once(&front)
            .unwrap_or_else(|| panic!("{self:?}"));
        let value = behind.split('"').next().unwrap();
        value
            .replace("&#x2f;", "/")
            .replace("&amp;", "&")
            .replace("&#x3d;", "=")
    }
}

impl Line {
    pub fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Head and body leave in two writes; the second must not wait for the first's acknowledgement.
        stream.set_nodelay(true).unwrap();
        Line {
            stream: BufReader::new(stream),
        }
    }

    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: confirm.example.net\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" || !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let stream = self.stream.get_mut();
        stream
            .write_all(format!("{head}\r\n{body}").as_bytes())
            .unwrap();
        self.read(method == "HEAD")
    }

    fn read(&mut self, is_head: bool) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(
                self.stream.read_line(&mut line).unwrap() > 0,
                "no whole answer: {lines:?}"
            );
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let field = |name| headers.iter().find(|(known, _)| known == name);
        let length = field("content-length").map_or(0, |(_, length)| length.parse().unwrap());
        let body = match field("transfer-encoding").is_some() {
            true => self.chunks(),
            false => self.bytes(if is_head { 0 } else { length }),
        };
        Answer {
            status,
            headers,
            text: String::from_utf8(body).unwrap(),
        }
    }
}

impl Line {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut head = String::new();
            self.stream.read_line(&mut head).unwrap();
            let length = usize::from_str_radix(head.trim_end(), 16).unwrap();
            all.extend(self.bytes(length));
            self.bytes(2);
            if length == 0 {
                return all;
            }
        }
    }
}

/// Every octet that is no letter or digit, encoded.
pub fn encoded(text: &str) -> String {
    let write = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(write).collect()
}
