//! Requests to the registry as they leave: text in either of its formats.

mod key_value;
mod xml;

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::wire::Format;

use crate::model::Ctid;
use crate::model::request::{RegistryRequest, RequestError};

/// A request of more bytes than this is refused by the registry (`denic.md` 1.2).
const REQUEST_BYTES_MAX: usize = 65_535;

/// The text of a request.
///
/// A reading request carries no ctid, whatever is given (63000000007). Errors: a rule that the
/// request breaks, or a text too long for the registry.
pub fn write(
    request: &RegistryRequest,
    ctid: &Ctid,
    format: Format,
) -> Result<String, RequestError> {
    request.check()?;
    let ctid = request.is_writing().then_some(ctid);
    ctid.map_or(Ok(()), check_ctid)?;
    let text = match format {
        Format::KeyValue => key_value::text(request, ctid),
        Format::Xml => xml::text(request, ctid),
    };
    match text.len() <= REQUEST_BYTES_MAX {
        true => Ok(text),
        false => Err(RequestError::new(
            "Action",
            format!("the request has more than {REQUEST_BYTES_MAX} bytes"),
        )),
    }
}

/// 3 to 64 visible characters.
fn check_ctid(ctid: &Ctid) -> Result<(), RequestError> {
    let is_fine = (3..=64).contains(&ctid.0.len()) && ctid.0.bytes().all(|b| b.is_ascii_graphic());
    match is_fine {
        true => Ok(()),
        false => Err(RequestError::new(
            "ctid",
            "3 to 64 visible ASCII characters are expected",
        )),
    }
}

/// IPv6 without `::`, as in all examples of the registry.
fn written_out(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().map(|part| format!("{part:x}")).join(":"),
    }
}

/// `YYYY-MM-DDThh:mm:ss±hh:mm`, 25 characters, by the registry's clocks (`denic.md` 1.7).
fn instant(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    at.to_zoned(zone)
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}
