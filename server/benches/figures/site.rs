//! Bytes over the wire by a browser that takes brotli: for a first visit to `/register`, and for connecting to the broker.

use crate::target;

/// The page, and everything that it loads before it can be used: the program that takes a key, too.
pub(crate) async fn first_visit() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours_with(folder.path(), &["--web-dir".to_owned(), site()]).await;
    let http = reqwest::Client::new();
    let load = async |path: &str| {
        let request = http.get(format!("http://{}{path}", ours.address)).header("accept-encoding", "br");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}: is the site built?");
        let encoding = answer.headers().get("content-encoding").cloned();
        (answer.bytes().await.expect("a body").to_vec(), encoding)
    };
    let (page, encoding) = load("/register").await;
    let mut total = page.len();
    println!("  {:>7} bytes  /register {encoding:?}", page.len());
    for file in files(&plain(&http, &ours.address).await).into_iter().chain(parts("keys")) {
        let (body, encoding) = load(&file).await;
        println!("  {:>7} bytes  {file} {encoding:?}", body.len());
        total += body.len();
    }
    println!("{:<44} {:>10}", "bytes for a first visit to /register, brotli", total);
    let mut chain = 0;
    for file in parts("sigchain") {
        chain += load(&file).await.0.len();
    }
    println!("{:<44} {:>10}", "bytes for an identity's chain, brotli", chain);
}

/// Where the site was built, which need not be beside the program.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
fn site() -> String {
    std::env::var("KEZ_SITE").expect("the environment of scripts/env")
}

/// The files that the split program `name` is made of, and what loads them, as the build's own list has it.
fn parts(name: &str) -> Vec<String> {
    let site = site();
    let names = std::fs::read_dir(format!("{site}/pkg")).expect("a built site").flatten();
    let names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let find = |start: &str, end: &str| names.iter().find(|name| name.starts_with(start) && name.ends_with(end));
    let list = find("__wasm_split_manifest.", ".json").expect("a list of parts");
    let list = std::fs::read(format!("{site}/pkg/{list}")).expect("the list");
    let list: serde_json::Value = serde_json::from_slice(&list).expect("JSON");
    let parts = list[name].as_array().expect("a part").iter().filter_map(|part| part.as_str());
    let loader = find("__wasm_split.", ".js").expect("what loads parts");
    parts.map(|part| format!("/pkg/{part}.wasm")).chain([format!("/pkg/{loader}")]).collect()
}

/// What a page loads when it is to be connected to the message broker, and not before.
pub(crate) async fn connecting() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--web-dir".to_owned(), site(), "--nats-ws-url".to_owned(), "ws://127.0.0.1:8443".to_owned()];
    let ours = target::ours_with(folder.path(), &flags).await;
    let http = reqwest::Client::new();
    let page = plain(&http, &ours.address).await;
    let clients: Vec<String> = files(&page).into_iter().filter(|file| file.starts_with("/pkg/broker.")).collect();
    let [client] = clients.as_slice() else { panic!("one client: {clients:?}; is the site built?") };
    let request = http.get(format!("http://{}{client}", ours.address)).header("accept-encoding", "br");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-encoding"], "br");
    let size = answer.bytes().await.expect("a body").len();
    println!("{:<44} {:>10}", "bytes for connecting to the broker, brotli", size);
}

async fn plain(http: &reqwest::Client, address: &str) -> String {
    http.get(format!("http://{address}/register")).send().await.expect("an answer").text().await.expect("text")
}

/// Paths below `/pkg/` and the icon that a page names, each once.
fn files(page: &str) -> Vec<String> {
    let mut files: Vec<String> = page
        .split(['"', '\'', '`'])
        .filter(|text| text.starts_with("/pkg/") || text.starts_with("/favicon"))
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}
