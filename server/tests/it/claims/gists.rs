//! Gists: their text is found where GitHub sends readers, and is the named user's own.

use kez_chat_server::claims::State::{Failed, Proven};
use kez_core::claim::{Kind, proof_text};

use super::world::{Internet, Reply, chain, is, ok, redirect};

const PAGE: &str = "https://gist.github.com/tudisco/00ff";

fn text() -> String {
    format!("This is me.\n{}\n", proof_text(Kind::Github, &chain()))
}

/// GitHub, which sends readers of the text to `to`, and shows the proof wherever else.
async fn github(to: &'static str) -> Internet {
    let answer = move |host: &str, path: &str| -> Reply {
        if (host, path) == ("gist.github.com", "/tudisco/00ff/raw") { redirect(to) } else { ok(text()) }
    };
    Internet::start(answer).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gist_of_the_user_proves() {
    for to in [
        "https://gist.githubusercontent.com/tudisco/00ff/raw/0123/kez.txt",
        "https://gist.github.com/Tudisco/00ff/raw/",
    ] {
        assert_eq!(github(to).await.check("github", "Tudisco", PAGE).await.state, Proven, "{to}");
    }
    let internet = Internet::start(|_, _| ok("kez=ed25519:00\n")).await;
    is(internet.check("github", "tudisco", PAGE).await, Failed, "does not name");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_places_prove_nothing() {
    for to in [
        "https://gist.githubusercontent.com/other/00ff/raw/0123/kez.txt",
        "https://gist.githubusercontent.com/tudisco/00fe/raw/0123/kez.txt",
        "https://gist.githubusercontent.com/raw/00ff",
        "https://gist.githubusercontent.com/tudisco/00ff/raw/../../../other/00ff/raw",
        "https://gist.github.com/tudisco/00ff",
        "https://gist.github.com/other/00ff/raw",
        "https://gist.github.com:8443/tudisco/00ff/raw",
        "https://example.org/tudisco/00ff/raw",
        "https://other.example/tudisco/00ff/raw",
        "http://gist.githubusercontent.com/tudisco/00ff/raw",
        "https://127.0.0.1/tudisco/00ff/raw",
    ] {
        let internet = github(to).await;
        is(internet.check("github", "tudisco", PAGE).await, Failed, "A redirect leads to where");
        assert_eq!(internet.heads.lock().expect("no panic").len(), 1, "{to}");
    }
}
