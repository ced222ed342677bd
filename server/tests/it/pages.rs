//! The pages' side of the server: files with their headers, and what is shown where no site was built.

use data_encoding::BASE64URL_NOPAD;
use kez_core::Hash;
use reqwest::Method;

use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn built_files_are_compressed_and_kept() {
    let site = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(site.path().join("pkg")).expect("a folder");
    // A name tells the content where it carries the first characters of its SHA-256 in base64url.
    let hash = &BASE64URL_NOPAD.encode(Hash::of(b"plain").as_bytes())[..22];
    let [script, wasm, style] = ["js", "wasm", "css"].map(|ext| format!("pkg/kez-chat.{hash}.{ext}"));
    // The client is newer than the page's own script, which it must not be taken for.
    let (broker, other) = (format!("pkg/broker.{hash}.js"), format!("pkg/other.{}.js", "A".repeat(22)));
    for name in [&script, &wasm, &style, &broker, &other, "robots.txt"] {
        std::fs::write(site.path().join(name), "plain").expect("a file");
        std::fs::write(site.path().join(format!("{name}.br")), "brotli").expect("a file");
    }
    let web_dir = site.path().to_str().expect("UTF-8");
    let server = Server::start_with(&["--web-dir", web_dir, "--nats-ws-url", "wss://nats.kez.test:8443"]).await;
    let types = [
        (&*script, "text/javascript"),
        (&wasm, "application/wasm"),
        (&broker, "text/javascript"),
        (&other, "text/javascript"),
        ("robots.txt", "text/plain"),
    ];
    for (path, media_type) in types {
        let is_immutable = path.contains(hash);
        let path = &format!("/{path}");
        for (accepted, body) in [("br", "brotli"), ("identity", "plain")] {
            let answer = server.send(Method::GET, path, &[("accept-encoding", accepted)], Vec::new()).await;
            assert_eq!((answer.status, answer.bytes.as_slice()), (200, body.as_bytes()), "{path}");
            assert!(answer.header("content-type").starts_with(media_type), "{path}");
            assert_eq!(answer.header("vary"), "accept-encoding", "{path}");
            let kept = if is_immutable { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
            assert_eq!(answer.header("cache-control"), kept, "{path}");
        }
    }
    let page = server.get("/register").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("; connect-src 'self' wss://nats.kez.test:8443; "), "{policy}");
    let page = String::from_utf8(page.bytes).expect("UTF-8");
    assert!(page.contains(&script) && page.contains(&style), "{page}");
    let named = format!(r#" data-broker="/{broker}" data-broker-url="wss://nats.kez.test:8443""#);
    assert!(page.contains(&named), "{page}");
    assert_eq!(page.matches(&broker).count(), 1, "named, and not loaded: {page}");
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
