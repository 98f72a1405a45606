//! The append baseline behind our own SMTP sessions.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stichtag::model::InboundId;
use stichtag::receive::smtp::{Admission, SmtpServer, SmtpSettings, Xforward};
use stichtag::receive::{KeepBatch, KeepError, Keeper, Reply};
use stichtag::store::Sealed;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::sink::append_all;

struct Appender(File);

#[async_trait]
impl KeepBatch for Appender {
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, KeepError> {
        let raws = mails.iter().map(|mail| mail.inbound.raw.as_slice());
        tokio::task::block_in_place(|| append_all(&self.0, raws))
            .map_err(|error| KeepError::Failed(error.to_string()))?;
        Ok((1..).take(mails.len()).map(InboundId).collect())
    }
}

struct Anybody;

impl Admission for Anybody {
    fn recipient(&self, _: &str, _: &str) -> Result<(), Reply> {
        Ok(())
    }
}

/// Serves until the process is ended; says `ready smtp=ADDRESS` first.
pub fn serve(file: File) -> anyhow::Result<()> {
    let settings = SmtpSettings {
        hostname: "sink".to_owned(),
        trusted_relays: vec!["127.0.0.0/8".parse()?],
        xforward: Xforward::Use,
        max_message_size: 256 * 1024,
        max_connections: 1_200,
        max_connections_per_peer: 1_200,
        max_line: 2_048,
        max_recipients: 10,
        max_commands: 100_000_000,
        session_timeout: Duration::from_secs(1_800),
        command_timeout: Duration::from_secs(60),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("ready smtp={}", listener.local_addr()?);
        let (keeper, _keeping) = Keeper::start(Arc::new(Appender(file)), 256);
        let now = Arc::new(jiff::Timestamp::now);
        let server = SmtpServer::new(Arc::new(settings), Arc::new(Anybody), Arc::new(keeper), now);
        server.serve(listener, CancellationToken::new()).await;
        Ok(())
    })
}
