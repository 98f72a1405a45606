//! One mail goes in; nothing in it may come out as a second one.

use tokio::io::AsyncWriteExt;

use crate::harness::House;

const ENDS: [&[u8]; 6] = [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n", b"\0"];
const EVIL: &[u8] = b"MAIL FROM:<evil@example.de>\r\nRCPT TO:<denic@registry.example.net>\r\n\
    DATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n";

fn forms() -> impl Iterator<Item = Vec<u8>> {
    ENDS.into_iter()
        .flat_map(|before| ENDS.map(|after| [before, b".", after].concat()))
}

/// Sends the outer mail, `form` in the middle of it, in the given pieces; returns all the replies
/// that follow the 354.
async fn smuggle(house: &House, pieces: &[&[u8]]) -> String {
    let mut client = house.greeted().await;
    client.begin().await;
    for piece in pieces {
        // The server may close in the middle, and should.
        if client.stream.write_all(piece).await.is_err() {
            break;
        }
        // Lets the session read this piece alone.
        tokio::task::yield_now().await;
    }
    let _ = client.stream.shutdown().await;
    let mut replies = String::new();
    loop {
        let reply = client.reply().await;
        if reply.is_empty() {
            return replies;
        }
        replies += &reply;
    }
}

fn assert_nothing_smuggled(house: &House, replies: &str, form: &[u8]) {
    let shown = form.escape_ascii();
    assert!(house.shelf.kept().is_empty(), "{shown} was taken");
    assert!(
        replies.starts_with("550 5.5.2 bare <"),
        "{shown}: {replies}"
    );
    assert_eq!(
        replies.lines().count(),
        1,
        "{shown}: closed after the reply: {replies}"
    );
}

#[tokio::test(start_paused = true)]
async fn only_crlf_dot_crlf_ends_a_mail_sent_in_one_piece() {
    for form in forms().filter(|form| form != b"\r\n.\r\n") {
        let house = House::new();
        let whole = [b"Subject: outer\r\n\r\nbody", form.as_slice(), EVIL].concat();
        let replies = smuggle(&house, &[&whole]).await;
        assert_nothing_smuggled(&house, &replies, &form);
    }
}

#[tokio::test(start_paused = true)]
async fn only_crlf_dot_crlf_ends_a_mail_sent_byte_by_byte() {
    for form in forms().filter(|form| form != b"\r\n.\r\n") {
        let house = House::new();
        let whole = [b"Subject: outer\r\n\r\nbody", form.as_slice(), EVIL].concat();
        let replies = smuggle(&house, &whole.chunks(1).collect::<Vec<_>>()).await;
        assert_nothing_smuggled(&house, &replies, &form);
    }
}

#[tokio::test(start_paused = true)]
async fn only_crlf_dot_crlf_ends_a_mail_wherever_it_is_cut() {
    for form in forms().filter(|form| form != b"\r\n.\r\n") {
        for cut in 0..=form.len() {
            let house = House::new();
            let (first, second) = form.split_at(cut);
            let first = [b"body", first].concat();
            let second = [second, EVIL].concat();
            let replies = smuggle(&house, &[&first, &second]).await;
            assert_nothing_smuggled(&house, &replies, &form);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_crlf_dot_crlf_ends_a_mail_at_the_edges_of_buffers() {
    for edge in [1024, 16 * 1024, 64 * 1024] {
        for form in forms().filter(|form| form != b"\r\n.\r\n") {
            for back in 0..=form.len() {
                let house = House::new();
                let body = vec![b'x'; edge - back];
                let whole = [body.as_slice(), &form, EVIL].concat();
                let replies = smuggle(&house, &[&whole]).await;
                assert_nothing_smuggled(&house, &replies, &form);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_on_the_first_line_ends_nothing_either() {
    for after in ENDS.into_iter().filter(|after| *after != b"\r\n") {
        let house = House::new();
        let form = [b".", after].concat();
        let replies = smuggle(&house, &[&form, EVIL]).await;
        assert_nothing_smuggled(&house, &replies, &form);
    }
}

#[tokio::test(start_paused = true)]
async fn the_true_end_is_an_end_however_it_is_cut() {
    let whole = [b"Subject: outer\r\n\r\nbody\r\n.\r\n", EVIL].concat();
    for size in 1..=whole.len() {
        let house = House::new();
        let replies = smuggle(&house, &whole.chunks(size).collect::<Vec<_>>()).await;
        assert_eq!(house.shelf.raw()[0], "Subject: outer\r\n\r\nbody\r\n");
        assert_eq!(
            house.shelf.kept().len(),
            2,
            "what follows the end is a mail of its own"
        );
        assert!(
            replies.starts_with("250 2.0.0 kept as 1\r\n250 2.1.0"),
            "{replies}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_bare_byte_in_a_message_too_big_still_ends_the_connection() {
    let house = House::with(|settings| settings.max_message_size = 100);
    let body = [&[b'x'; 500][..], b"\n.\r\n", EVIL].concat();
    let replies = smuggle(&house, &[&body]).await;
    assert_nothing_smuggled(&house, &replies, b"\n.\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_bare_line_end_in_a_command_ends_the_connection() {
    for (line, name) in [
        ("EHLO x\n", "<LF>"),
        ("NOOP\nMAIL FROM:<a@example.de>\r\n", "<LF>"),
        ("\n", "<LF>"),
        ("NOOP\rNOOP\r\n", "<CR>"),
        ("NOOP\r\r\n", "<CR>"),
        ("NOOP\0\r\n", "<NUL>"),
        ("NOOP \0NOOP\r\n", "<NUL>"),
    ] {
        let house = House::new();
        let mut client = house.greeted().await;
        client
            .send(format!("{line}MAIL FROM:<a@example.de>\r\n"))
            .await;
        client
            .expect(&format!("500 5.5.2 bare {name} in command"))
            .await;
        client.closed().await;
    }
}
