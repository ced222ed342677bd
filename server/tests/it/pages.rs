//! The pages' side of the server: files with their headers, and what is shown where no site was built.

use reqwest::Method;

use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn built_files_are_compressed_and_kept() {
    let site = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(site.path().join("pkg")).expect("a folder");
    // Newer than the page's own script, which it must not be taken for.
    for name in
        ["pkg/kez-chat.Aa1.js", "pkg/kez-chat.Bb2.wasm", "pkg/kez-chat.Cc3.css", "pkg/broker.Dd4.js", "robots.txt"]
    {
        std::fs::write(site.path().join(name), "plain").expect("a file");
        std::fs::write(site.path().join(format!("{name}.br")), "brotli").expect("a file");
    }
    let web_dir = site.path().to_str().expect("UTF-8");
    let server = Server::start_with(&["--web-dir", web_dir, "--nats-ws-url", "wss://nats.kez.test:8443"]).await;
    let types = [
        ("/pkg/kez-chat.Aa1.js", "text/javascript"),
        ("/pkg/kez-chat.Bb2.wasm", "application/wasm"),
        ("/pkg/broker.Dd4.js", "text/javascript"),
        ("/robots.txt", "text/plain"),
    ];
    for (path, media_type) in types {
        for (accepted, body) in [("br", "brotli"), ("identity", "plain")] {
            let answer = server.send(Method::GET, path, &[("accept-encoding", accepted)], Vec::new()).await;
            assert_eq!((answer.status, answer.bytes.as_slice()), (200, body.as_bytes()), "{path}");
            assert!(answer.header("content-type").starts_with(media_type), "{path}");
            assert_eq!(answer.header("vary"), "accept-encoding", "{path}");
            let kept =
                if path.starts_with("/pkg/") { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
            assert_eq!(answer.header("cache-control"), kept, "{path}");
        }
    }
    let page = server.get("/register").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("; connect-src 'self' wss://nats.kez.test:8443; "), "{policy}");
    let page = String::from_utf8(page.bytes).expect("UTF-8");
    assert!(page.contains("/pkg/kez-chat.Aa1.js") && page.contains("/pkg/kez-chat.Cc3.css"), "{page}");
    assert!(page.contains(r#" data-broker="/pkg/broker.Dd4.js" data-broker-url="wss://nats.kez.test:8443""#), "{page}");
    assert_eq!(page.matches("broker.Dd4").count(), 1, "named, and not loaded: {page}");
    assert_eq!(server.get("/v1/server").await.json()["nats_ws_url"], "wss://nats.kez.test:8443");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_a_page_may_talk_to_its_own_server_alone() {
    let site = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(site.path().join("pkg")).expect("a folder");
    for name in ["kez-chat.js", "kez-chat.wasm", "kez-chat.css", "broker.js"] {
        std::fs::write(site.path().join("pkg").join(name), "plain").expect("a file");
    }
    let server = Server::start_with(&["--web-dir", site.path().to_str().expect("UTF-8")]).await;
    let page = server.get("/identity").await;
    assert!(page.header("content-security-policy").contains("; connect-src 'self'; "));
    let page = String::from_utf8(page.bytes).expect("UTF-8");
    assert!(page.contains(r#"data-script="/pkg/kez-chat.js""#) && !page.contains("data-broker"), "{page}");
    assert_eq!(server.get("/v1/server").await.json()["nats_ws_url"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_site_a_plain_page_says_how_to_build_it() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    server.register("second", &key(2)).await;
    assert_eq!(server.post("/v1/release", server.release("second", &key(2))).await.status, 200);
    for (path, status) in [("/", 200), ("/@tudisco", 200), ("/@second", 410), ("/@nobody", 404), ("/a/b", 404)] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"), "{path}");
        assert!(String::from_utf8_lossy(&answer.bytes).contains("make build"), "{path}");
    }
}
