//! What is found out about a mail's origin, with real signatures and a real DNS server.

#[path = "evidence/arc.rs"]
mod arc;
#[path = "evidence/dkim.rs"]
mod dkim;
#[path = "evidence/dns.rs"]
mod dns;
#[path = "evidence/house.rs"]
mod house;
#[path = "evidence/networks.rs"]
mod networks;
#[path = "evidence/serve.rs"]
mod serve;
#[path = "evidence/spf.rs"]
mod spf;
#[path = "evidence/suite.rs"]
mod suite;
#[path = "evidence/trouble.rs"]
mod trouble;
