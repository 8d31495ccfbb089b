use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[test]
fn what_is_not_outside_is_known() {
    for inside in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "192.88.99.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "fec0::1",
        "::127.0.0.1",
        "100::1",
    ] {
        assert!(!is_global(inside.parse().unwrap()), "{inside}");
    }
    for outside in [
        "1.1.1.1",
        "93.184.215.14",
        "100.128.0.1",
        "140.82.121.4",
        "2606:4700::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "2a01:4f8::1",
    ] {
        assert!(is_global(outside.parse().unwrap()), "{outside}");
    }
}

fn post<'a>(headers: &'a [(&'a str, String)], answer_bytes_max: usize) -> Post<'a> {
    Post { content_type: "application/json", headers, body: "{}".into(), answer_bytes_max }
}

/// A listener that must not be reached, or that answers with what it is told to.
async fn listener(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let (listener, reached) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(AtomicUsize::new(0)));
    let (port, counted) = (listener.local_addr().unwrap().port(), Arc::clone(&reached));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut seen = vec![0; 4096];
            let _ = stream.read(&mut seen).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, reached)
}

/// However this machine is written: the C library understands more ways than a parser of addresses does.
#[tokio::test]
async fn no_way_of_writing_this_machine_reaches_it() {
    let (port, reached) = listener("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0",
        "0.0.0.0",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.000.000.001",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127.9.9.9",
        "0x7f.1",
    ] {
        for scheme in ["http", "https"] {
            let Ok(url) = format!("{scheme}://{host}:{port}/x").parse::<HookUrl>() else { continue };
            let error = Egress::default().post(&url, post(&[], 0)).await.err().unwrap();
            assert!(error.to_string().contains("not reached"), "{host}: {error}");
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
    for bad in ["ftp://example.org/", "https://user:pw@example.org/", "example.org", "https://", "javascript:x"] {
        assert!(bad.parse::<HookUrl>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn what_is_listed_is_reached_and_sends_nobody_on() {
    let (elsewhere, reached) = listener("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
    let (port, _) = listener(Box::leak(redirect.into_boxed_str())).await;
    let egress = Egress { allowed: vec!["127.0.0.1".parse().unwrap()], own: vec!["site.example.org".into()] };
    let url = format!("http://127.0.0.1:{port}/hook").parse().unwrap();
    assert_eq!(egress.post(&url, post(&[("x-a", "b".into())], 0)).await.unwrap().status, 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0, "no redirect is followed");
    let own = "https://SITE.example.org/x".parse().unwrap();
    assert!(egress.post(&own, post(&[], 0)).await.err().unwrap().to_string().contains("the site itself"));
}

#[tokio::test]
async fn no_more_of_an_answer_is_read_than_is_wanted() {
    let (port, _) = listener("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 6\r\n\r\nanswer").await;
    let egress = Egress { allowed: vec!["127.0.0.1".parse().unwrap()], own: Vec::new() };
    let url = format!("http://127.0.0.1:{port}/").parse().unwrap();
    let answered = egress.post(&url, post(&[], 6)).await.unwrap();
    assert_eq!((answered.content_type.as_str(), &answered.body[..]), ("text/x", &b"answer"[..]));
    assert!(egress.post(&url, post(&[], 5)).await.is_err());
    assert!(egress.post(&url, post(&[], 0)).await.unwrap().body.is_empty());
}
