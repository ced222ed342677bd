//! Conditional requests and requests for parts (RFC 9110 sections 13 and 14), the same for answers and files.

use reqwest::Method;

use crate::chains::owner::Owner;
use crate::harness::{Answer, Server};

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.send(Method::GET, path, headers, Vec::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_conditional() {
    let server = Server::start().await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let tagged = [
        "/v1/u/tudisco".to_owned(),
        "/v1/u/tudisco/registration".to_owned(),
        owner.path(""),
        owner.path("/head"),
        owner.path("/state"),
    ];
    for path in &tagged {
        // Twice: the second comes from memory.
        for _ in 0..2 {
            let tag = get(&server, path, &[]).await.header("etag").to_owned();
            let weak = format!("W/{tag}");
            let list = format!("\"other\", {tag}");
            for (name, value, status) in [
                ("if-none-match", &*tag, 304),
                ("if-none-match", &weak, 304),
                ("if-none-match", &list, 304),
                ("if-none-match", "*", 304),
                ("if-none-match", "\"other\"", 200),
                ("if-match", &tag, 200),
                ("if-match", "*", 200),
                ("if-match", "\"other\"", 412),
                ("if-match", &weak, 412),
            ] {
                for method in [Method::GET, Method::HEAD] {
                    let answer = server.send(method.clone(), path, &[(name, value)], Vec::new()).await;
                    assert_eq!(answer.status, status, "{method} {path} {name}: {value}");
                    match status {
                        304 => {
                            assert_eq!((answer.header("etag"), answer.bytes.len()), (&*tag, 0), "{path}");
                            assert!(!answer.header("cache-control").is_empty());
                        }
                        412 if method == Method::GET => answer.is(412, "precondition_failed"),
                        _ => {}
                    }
                }
            }
            let both = get(
                &server,
                path,
                &[("if-none-match", "\"other\""), ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")],
            )
            .await;
            assert_eq!(both.status, 200, "{path}");
        }
    }
    // What is not there stays what it is, and what has no tag has none that could be named.
    get(&server, "/v1/u/nobody", &[("if-match", "\"x\"")]).await.is(404, "not_found");
    get(&server, "/v1/server", &[("if-match", "\"x\"")]).await.is(412, "precondition_failed");
    assert_eq!(get(&server, "/v1/server", &[("if-none-match", "\"x\"")]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_conditional() {
    let site = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(site.path().join("pkg")).expect("a folder");
    for name in ["pkg/kez-chat.Aa1.js", "pkg/kez-chat.Bb2.wasm", "pkg/kez-chat.Cc3.css", "robots.txt"] {
        std::fs::write(site.path().join(name), "0123456789").expect("a file");
    }
    let server = Server::start_with(&["--web-dir", site.path().to_str().expect("UTF-8")]).await;
    for path in ["/pkg/kez-chat.Aa1.js", "/robots.txt"] {
        let whole = get(&server, path, &[]).await;
        let modified = whole.header("last-modified").to_owned();
        let (long_ago, far_off) = ("Thu, 01 Jan 1970 00:00:01 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
        for (headers, status) in [
            (&[("if-none-match", "*")][..], 304),
            (&[("if-none-match", "\"x\"")], 200),
            (&[("if-none-match", "\"x\""), ("if-modified-since", far_off)], 200),
            (&[("if-modified-since", &modified)], 304),
            (&[("if-modified-since", long_ago)], 200),
            (&[("if-modified-since", "yesterday")], 200),
            (&[("if-unmodified-since", long_ago)], 412),
            (&[("if-unmodified-since", &modified)], 200),
            (&[("if-match", "\"x\"")], 412),
            (&[("if-match", "*"), ("if-unmodified-since", long_ago)], 200),
            (&[("range", "bytes=2-4"), ("if-none-match", "*")], 304),
        ] {
            let answer = get(&server, path, headers).await;
            assert_eq!(answer.status, status, "{path} {headers:?}");
            if status == 304 {
                assert_eq!(answer.header("last-modified"), modified);
                assert_eq!(answer.header("cache-control"), whole.header("cache-control"));
            }
        }
        for (headers, part) in [
            (&[("range", "bytes=2-4")][..], "234"),
            (&[("range", "BYTES=2-4")], "234"),
            (&[("range", "bytes=8-99")], "89"),
            (&[("range", "bytes=-3")], "789"),
            (&[("range", "bytes=-99")], "0123456789"),
            (&[("range", "bytes=2-4"), ("if-range", &modified)], "234"),
        ] {
            let answer = get(&server, path, headers).await;
            assert_eq!((answer.status, answer.bytes.as_slice()), (206, part.as_bytes()), "{path} {headers:?}");
        }
        for headers in [
            &[("range", "bytes=2-4"), ("if-range", "\"x\"")][..],
            &[("range", "bytes=2-4"), ("if-range", long_ago)],
            &[("range", "bytes=99-"), ("if-range", "\"x\"")],
            &[("range", "items=2-4")],
            &[("range", "bytes=4-2")],
            &[("range", "bytes=x")],
            &[("range", "bytes=0-1,3-4")],
        ] {
            let answer = get(&server, path, headers).await;
            assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b"0123456789"[..]), "{path} {headers:?}");
        }
        let beyond = get(&server, path, &[("range", "bytes=10-")]).await;
        assert_eq!(
            (beyond.status, beyond.header("content-range"), beyond.bytes.len()),
            (416, "bytes */10", 0),
            "{path}"
        );
        let head = server.send(Method::HEAD, path, &[("range", "bytes=2-4")], Vec::new()).await;
        assert_eq!((head.status, head.header("content-length")), (200, "10"), "a range is for GET: {path}");
    }
}
