//! `init --upgrade`: what an earlier release's `init` wrote gets what this one needs.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{init, read, refused, snapshot, text};
use crate::nats::Nats;
use crate::nats::doctor::{examine, failures};

/// The folder as version 0.1.0 wrote it to /srv/kez, before devices had mailboxes. Its keys are nobody's.
fn earlier() -> (TempDir, PathBuf) {
    let (folder, from) = (tempfile::tempdir().expect("a folder"), Path::new("tests/init/0.1.0"));
    let out = folder.path().join("deployment");
    for (name, mode, bytes) in snapshot(from) {
        let to = out.join(&name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let moved = text(&bytes).replace("/srv/kez", out.to_str().expect("UTF-8"));
        fs::write(&to, moved).expect("a file");
        // A checkout keeps no more of a mode than whether a file is a program.
        let is_secret = name.starts_with("keys/") || name == "kez.env";
        let mode = if is_secret { 0o600 } else { mode };
        fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("a mode");
    }
    fs::set_permissions(out.join("keys"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
    (folder, out)
}

#[test]
fn an_earlier_folder_becomes_what_init_writes_now_and_no_key_is_touched() {
    let (_folder, out) = earlier();
    let before = snapshot(&out);
    let settings = ["--server", "kez.example"];
    refused(&out, &settings, 1, "nats.conf");
    let ended = init(&out, &["--upgrade"]);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let said = text(&ended.stdout);
    for words in ["nats.conf and nats.container.conf", "KEZ_CHAT.*", "kez.chat.*.*", "Restart nats-server"] {
        assert!(said.contains(words), "{said}");
    }
    let after = snapshot(&out);
    for (old, new) in before.iter().zip(&after) {
        let is_conf = old.0.starts_with("nats.");
        assert_eq!(old == new, !is_conf, "{}", old.0);
        assert_eq!((&old.0, old.1), (&new.0, new.1));
    }
    assert!(text(&init(&out, &settings).stdout).contains("nothing was written"), "it is what init writes");
    // Again: nothing.
    let ended = init(&out, &["--upgrade"]);
    assert!(ended.status.success() && text(&ended.stdout).contains("nothing was changed"), "{ended:?}");
    assert_eq!(snapshot(&out), after);
}

#[test]
fn what_an_operator_edited_stays_or_is_left_alone() {
    let (_folder, out) = earlier();
    let conf = out.join("nats.conf");
    let edited =
        read(&conf).replace("max_file: 10G", "max_file: 200G").replace("server_name: kez1", "server_name: ours");
    fs::write(&conf, &edited).expect("it is written");
    fs::remove_file(out.join("nats.container.conf")).expect("it is gone");
    assert!(init(&out, &["--upgrade"]).status.success());
    let after = read(&conf);
    let kept: String =
        after.split_inclusive('\n').filter(|line| !line.contains("KEZ_CHAT") && !line.contains("kez.chat")).collect();
    assert_eq!((kept, after.lines().count()), (edited.clone(), edited.lines().count() + 6));

    let (_folder, out) = earlier();
    let container = out.join("nats.container.conf");
    fs::write(&container, read(&container).replace("{ service: \"kez.send", "{service: \"kez.send"))
        .expect("it is written");
    let before = snapshot(&out);
    refused(&out, &["--upgrade"], 1, "Add by hand to the exports of STORE");
    assert_eq!(snapshot(&out), before, "all files or none");
    refused(&out, &["--upgrade", "--rotate-issuer"], 2, "--rotate-issuer");
    refused(&out.join("elsewhere"), &["--upgrade"], 1, "elsewhere");
    refused(&out.join("keys"), &["--upgrade"], 1, "nothing to upgrade");
}

/// Everything but the mailboxes works with the earlier file; the doctor says what is missing, and with the new one it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_goes_on_with_the_earlier_file_and_has_mailboxes_with_the_new_one() {
    let (folder, out) = earlier();
    let mut nats = Nats::start_written(folder, out).await;
    let server = nats.server(&[]).await;
    let (code, report) = examine(&nats, &server, &[]).await;
    let named =
        failures(&report).iter().any(|line| line.contains("does not import") && line.contains("init --upgrade"));
    assert!(code == Some(1) && named, "{report}");
    let scene = crate::mail::Scene::of(nats, server).await;
    let [mut primary, _, mut other] = scene.devices().await;
    let (subject, reply, to) = (other.subjects.send(&primary.id), other.reply(), primary.id);
    other.raw.publish(&subject, &reply, "nowhere").await;
    let answer = other.raw.next().await;
    assert!(format!("{answer:?}").contains("503"), "nobody is there to take it: {answer:?}");

    let crate::mail::Scene { nats: broker, server, owner, laptop, other: theirs } = scene;
    nats = broker;
    assert!(init(&nats.out, &["--upgrade"]).status.success());
    nats.kill().await;
    nats.start_again().await;
    server.wait_until_ready().await;
    let (code, report) = examine(&nats, &server, &[]).await;
    assert_eq!((code, failures(&report)), (Some(0), Vec::<&str>::new()), "{report}");
    let scene = crate::mail::Scene { nats, server, owner, laptop, other: theirs };
    [primary, _, other] = scene.devices().await;
    assert_eq!(other.send(&to, &[], "it arrives").await["error"], serde_json::Value::Null);
    assert_eq!(primary.take(1).await, ["it arrives"]);
}
