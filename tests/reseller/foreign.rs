//! Sessions with an EPP server that is not ours: Python's TLS, framing and XML, and recorded frames.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stichtag::parse;
use stichtag::wire::epp::{EppError, EppLogin, EppSession};
use stichtag::wire::reseller::Pace;
use stichtag::wire::rri::trust;

use super::house::{LOGIN, PASSWORD};

struct Foreign {
    child: Child,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
    login: EppLogin,
    _folder: tempfile::TempDir,
}

impl Foreign {
    fn new(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("python3")
            .arg(root.join("tests/reseller/epp_server.py"))
            .arg(root.join("fixtures/centralnic-poll"))
            .args([&certificate, &key])
            .arg(mode)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().unwrap().unwrap().parse().unwrap();
        Foreign {
            child,
            said,
            login: EppLogin {
                host: "localhost".to_owned(),
                port,
                trust: trust(Some(&certificate)).unwrap(),
                user: LOGIN.as_bytes().to_vec().into(),
                password: PASSWORD.as_bytes().to_vec().into(),
                pace: Pace::new(Duration::ZERO),
            },
            _folder: folder,
        }
    }

    /// What it was asked; it has ended well.
    fn end(mut self) -> Vec<String> {
        let said = self.said.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_a_foreign_server_reads_and_acknowledges_however_frames_arrive() {
    for mode in ["whole", "bytewise", "joined"] {
        let foreign = Foreign::new(mode);
        let mut session = EppSession::open(&foreign.login).await.unwrap();
        assert!(session.has_extension(), "{mode}");
        let (frame, head) = session.poll().await.unwrap();
        assert_eq!(
            (head.code, head.msgid.as_deref()),
            (Some(1301), Some("81001"))
        );
        let event = parse::centralnic_poll(&frame).unwrap();
        assert_eq!(event.object.as_deref(), Some("P-QRT1207"), "{mode}");
        session.hello().await.unwrap();
        let head = session.acknowledge("81001").await.unwrap();
        assert_eq!((head.code, head.count), (Some(1000), Some(2)), "{mode}");
        let (_, head) = session.poll().await.unwrap();
        assert_eq!(head.code, Some(1300), "{mode}");
        session.close().await;
        let said = tokio::task::spawn_blocking(|| foreign.end()).await.unwrap();
        let all = [
            "login",
            "poll req",
            "hello",
            "poll ack 81001",
            "poll req",
            "logout",
        ];
        assert_eq!(said, all, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_frame_that_is_broken_is_no_message() {
    for (mode, is_way) in [
        ("short", false),
        ("empty", false),
        ("huge", false),
        ("more", true),
        ("cut", true),
        ("cut-length", true),
    ] {
        let foreign = Foreign::new(mode);
        let mut session = EppSession::open(&foreign.login).await.unwrap();
        let error = session.poll().await.unwrap_err();
        assert_eq!(
            matches!(error, EppError::Way(_)),
            is_way,
            "{mode}: {error:?}"
        );
        assert_eq!(
            matches!(error, EppError::Unreadable(_)),
            !is_way,
            "{mode}: {error:?}"
        );
        drop(session);
        let said = tokio::task::spawn_blocking(|| foreign.end()).await.unwrap();
        assert_eq!(said, ["login", "poll req"], "{mode}");
    }
}
