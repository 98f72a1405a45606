//! Time to read one registry mail of 8 KB, header, MIME and text. The budget is 100 µs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stichtag::parse::denic_mail;

const MAIL_BYTES: usize = 8 * 1024;

/// A status mail with both deadlines, padded with trace fields and holders to 8 KB.
fn status_mail() -> Vec<u8> {
    let mut head = String::new();
    let mut holders = String::new();
    let text = "STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: d=C3=A4nic.de [xn--dnic-loa.de]\r\n";
    let last = "INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n\
        INFO: 16350000040 Verification information must be provided for the holder(=\r\n\
        s) to avoid dedelegation by [Date: 2026-06-04T08:30:00+02:00, VerificationC=\r\n\
        laims: address;name]\r\n\
        INFO: 16350000041 Verification information must be provided for the holder(=\r\n\
        s) to avoid deletion by [Date: 2026-09-02T08:30:00+02:00, VerificationClaim=\r\n\
        s: address;name]\r\n";
    for hop in 0.. {
        let mail = format!(
            "{head}From: registry-response@denic.de\r\nTo: denic@registry.example.net\r\n\
             Subject: =?utf-8?q?DOMAIN_STATUS_UPDATE_-_2026-05-05?=\r\n\
             Date: Tue, 05 May 2026 08:30:05 +0200\r\nMIME-Version: 1.0\r\n\
             Message-ID: <20260505083005.b4@denic.de>\r\n\
             Content-Type: multipart/alternative; boundary=\"b=7f31\"\r\n\r\n--b=7f31\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}{holders}{last}\r\n\
             --b=7f31\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
             <html><body><pre>STATUS: success</pre></body></html>\r\n--b=7f31--\r\n"
        );
        if mail.len() >= MAIL_BYTES {
            return mail.into_bytes();
        }
        head += &format!(
            "Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{hop}])\r\n\
             \tby relay{hop}.example.net (Postfix) with ESMTPS id 4Zq7bK1x2vz9s;\r\n\
             \tTue, 05 May 2026 08:30:06 +0200\r\n"
        );
        holders += &format!("HOLDER: DENIC-1000888-HOLDER-{hop}\r\n");
    }
    unreachable!("every round adds to the mail")
}

fn parse(criterion: &mut Criterion) {
    let mail = status_mail();
    assert!(denic_mail(&mail).is_ok());
    let mut group = criterion.benchmark_group("denic_mail");
    group.throughput(Throughput::Bytes(mail.len() as u64));
    group.bench_function("status mail of 8 KB", |bencher| {
        bencher.iter(|| denic_mail(black_box(&mail)));
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
