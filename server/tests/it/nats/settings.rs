//! Settings and brokers that can never do: the program says why, in one line without a secret, and ends.

use tokio::io::AsyncWriteExt as _;

use super::Nats;
use crate::program::run;

/// The flags of a server, with one of them replaced or, by nothing, taken out.
fn with(nats: &Nats, flag: &str, value: Option<&str>) -> Vec<String> {
    let mut flags = nats.flags();
    let at = flags.iter().position(|known| known == flag).expect("a known flag");
    match value {
        Some(value) => value.clone_into(&mut flags[at + 1]),
        None => drop(flags.drain(at..at + 2)),
    }
    flags
}

async fn ends(flags: &[String], code: i32) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("kez.db").to_str().expect("UTF-8").to_owned();
    let mut all = vec!["--bind", "127.0.0.1:0", "--db", &db];
    all.extend(flags.iter().map(String::as_str));
    let (ended, out, err) = run(&all, &[("KEZ_CHAT_SERVER", crate::harness::NAME)]).await;
    assert_eq!((ended, out.as_str(), err.lines().count()), (Some(code), "", 1), "{flags:?}: {err}");
    err
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_a_nonce_is_refused() {
    let nats = Nats::start_edited(&[], |conf| {
        let kept: Vec<&str> =
            conf.lines().filter(|line| line.starts_with("listen:") || line.starts_with("http:")).collect();
        format!("{}\nauthorization {{ user: somebody, password: secret }}\n", kept.join("\n"))
    })
    .await;
    let err = ends(&nats.flags(), 1).await;
    assert!(err.contains("no nonce") && err.contains("nkey"), "{err}");
}

/// Not a broker of that age, which cannot be had, but what one says.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_too_old_is_refused() {
    let nats = Nats::start(&[]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("nats://{}", listener.local_addr().expect("an address"));
    let old = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let info = "INFO {\"server_id\":\"NA\",\"version\":\"2.9.10\",\"nonce\":\"aM28yb1GkNEYbdQ\"}\r\n";
        stream.write_all(info.as_bytes()).await.expect("it is sent");
    });
    let err = ends(&with(&nats, "--nats-url", Some(&url)), 1).await;
    old.await.expect("it was asked");
    assert!(err.contains("2.9.10") && err.contains("2.10"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_that_are_missing_or_damaged_are_named_and_not_shown() {
    let nats = Nats::start(&[]).await;
    for name in ["issuer", "auth", "store", "sys"] {
        let flag = format!("--nats-{name}-seed");
        let err = ends(&with(&nats, &flag, None), 2).await;
        assert!(err.contains("--nats-url") && err.contains(&flag), "{err}");
        let seed = crate::init::seed(&nats.out, name);
        // Of the other kind, one character changed, cut off, too long, quoted, and with a word before it.
        let wrong_kind = crate::init::seed(&nats.out, if name == "issuer" { "auth" } else { "issuer" });
        let changed = format!("{}{}", &seed[..57], if seed.ends_with('A') { 'B' } else { 'A' });
        let cut = seed[..57].to_owned();
        let longer = format!("{seed}A");
        let quoted = format!("\"{seed}\"");
        let worded = format!("seed={seed}");
        for wrong in [wrong_kind, changed, cut, longer, quoted, worded] {
            let err = ends(&with(&nats, &flag, Some(&wrong)), 2).await;
            assert!(err.contains(&flag), "{err}");
            assert!(!err.contains(&seed[2..50]) && !err.contains(&wrong[2..50]), "{flag}: a secret is shown");
        }
        let err = ends(&with(&nats, &flag, Some("/no/such/file")), 2).await;
        assert!(err.contains(&flag) && err.contains("/no/such/file"), "{err}");
    }
}
