//! `init --upgrade`: adds what this release needs to a folder that an earlier one's `init` wrote, and changes nothing else.
//!
//! Lines are put behind lines that `init` wrote, so what an operator has edited elsewhere stays, and no key is read. A file
//! in which they are not where `init` put them is left as it is: the operator hears what to add.

use std::path::Path;

use super::folder::{Access, Folder};
use super::settings::Settings;
use super::{InitError, NATS_CONF, NATS_CONTAINER_CONF};

/// What was in the file before, and what has to stand behind it.
struct Addition {
    /// Where it stands, in words.
    place: &'static str,
    behind: &'static str,
    lines: [&'static str; 3],
}

/// The way to devices' mailboxes.
const MAIL: [Addition; 2] = [
    Addition {
        place: "the exports of STORE",
        behind: r#"{ service: "kez.send.*.*", accounts: [USERS] }"#,
        lines: [
            r#"{ service: "$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.*", response_type: stream, accounts: [USERS] }"#,
            r#"{ service: "$JS.ACK.KEZ_CHAT.>", accounts: [USERS] }"#,
            r#"{ service: "kez.chat.*.*", accounts: [USERS] }"#,
        ],
    },
    Addition {
        place: "the imports of USERS",
        behind: r#"{ service: { account: STORE, subject: "kez.send.*.*" } }"#,
        lines: [
            r#"{ service: { account: STORE, subject: "$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.*" } }"#,
            r#"{ service: { account: STORE, subject: "$JS.ACK.KEZ_CHAT.>" } }"#,
            r#"{ service: { account: STORE, subject: "kez.chat.*.*" } }"#,
        ],
    },
];

/// Words by which a file that was edited by hand shows that it has the way already.
const SUBJECTS: [&str; 3] =
    [r#""$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.*""#, r#""$JS.ACK.KEZ_CHAT.>""#, r#""kez.chat.*.*""#];

/// Adds what is missing, to all files or to none; the text for the operator is returned.
pub(super) fn run(settings: &Settings) -> Result<String, InitError> {
    let folder = Folder::open(&settings.out)?;
    let (mut changed, mut found) = (Vec::new(), false);
    for name in [NATS_CONF, NATS_CONTAINER_CONF] {
        let Some(text) = folder.read(name, Access::Public)? else { continue };
        found = true;
        if let Some(text) = added(&text).map_err(|by_hand| refusal(&folder.path(name), &by_hand))? {
            changed.push((name, text));
        }
    }
    if !found {
        let conf = folder.path(NATS_CONF);
        return Err(InitError::Refused(format!("{} is missing: there is nothing to upgrade", conf.display())));
    }
    for (name, text) in &changed {
        folder.write(Path::new(name), Access::Public, text)?;
    }
    let out = settings.out.display();
    if changed.is_empty() {
        return Ok(format!("{out}: everything is there, nothing was changed.\n"));
    }
    let names: Vec<&str> = changed.iter().map(|(name, _)| *name).collect();
    let lines: Vec<String> =
        MAIL.iter().map(|addition| format!("  {}:\n    {}", addition.place, addition.lines.join("\n    "))).collect();
    Ok(format!(
        "{out}: added to {}, for the mailboxes of devices:\n{}\nNo key and no other file was changed. Restart nats-server.\n",
        names.join(" and "),
        lines.join("\n")
    ))
}

/// The text with all that it lacks; none where it lacks nothing.
///
/// # Errors
/// With what to add by hand, where it cannot be told where that belongs.
fn added(text: &str) -> Result<Option<String>, String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let missing = |addition: &Addition| {
        addition.lines.into_iter().filter(|line| lines().all(|found| found != *line)).collect::<Vec<_>>()
    };
    if MAIL.iter().all(|addition| missing(addition).is_empty()) {
        return Ok(None);
    }
    // Both places, in another form than init's.
    let mentions = |subject: &str| lines().map(|line| line.matches(subject).count()).sum::<usize>();
    if SUBJECTS.iter().all(|subject| mentions(subject) >= MAIL.len()) {
        return Ok(None);
    }
    let is_clear = MAIL.iter().all(|addition| lines().filter(|line| *line == addition.behind).count() == 1);
    let is_untouched = SUBJECTS.iter().all(|subject| mentions(subject) == 0);
    if !is_clear || !is_untouched {
        let by_hand = MAIL.iter().map(|addition| format!("to {}: {}", addition.place, addition.lines.join(" ")));
        return Err(by_hand.collect::<Vec<_>>().join("; "));
    }
    let mut whole = String::with_capacity(text.len() + 1024);
    for line in text.split_inclusive('\n') {
        whole.push_str(line);
        let Some(addition) = MAIL.iter().find(|addition| line.trim() == addition.behind) else { continue };
        let (indent, end) =
            (&line[..line.len() - line.trim_start().len()], if line.ends_with("\r\n") { "\r\n" } else { "\n" });
        if !line.ends_with('\n') {
            whole.push_str(end);
        }
        for new in addition.lines {
            whole.extend([indent, new, end]);
        }
    }
    Ok(Some(whole))
}

fn refusal(path: &Path, by_hand: &str) -> InitError {
    InitError::Refused(format!(
        "{}: the accounts are not as init wrote them, so nothing was changed. Add by hand {by_hand}; then restart nats-server",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = include_str!("templates/nats.conf");

    fn before() -> String {
        NOW.lines()
            .filter(|line| !line.contains("KEZ_CHAT") && !line.contains("kez.chat"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn what_an_earlier_release_wrote_becomes_what_this_one_writes_and_stays_it() {
        assert_eq!(before().lines().count() + 6, NOW.lines().count());
        assert_eq!(added(&before()), Ok(Some(NOW.to_owned())));
        assert_eq!(added(NOW), Ok(None));
    }

    #[test]
    fn what_was_edited_elsewhere_stays() {
        let edit = |text: &str| text.replace("max_file: 10G", "max_file: 200G # ours").replace('\n', "\r\n");
        assert_eq!(added(&edit(&before())), Ok(Some(edit(NOW))));
    }

    #[test]
    fn where_it_cannot_be_told_where_lines_belong_they_are_named() {
        for edited in [
            String::new(),
            before().replace("\"kez.send.*.*\", accounts", "\"kez.send.*.*\",  accounts"),
            format!("{}{}", before(), before()),
            before().replace("      { service: \"kez.send", "      # { service: \"kez.send"),
            NOW.replacen("      { service: \"kez.chat.*.*\", accounts: [USERS] }\n", "", 1),
        ] {
            let by_hand = added(&edited).expect_err("it is left alone");
            for line in MAIL.iter().flat_map(|addition| addition.lines) {
                assert!(by_hand.contains(line), "{by_hand}");
            }
        }
    }

    #[test]
    fn the_same_in_another_form_is_enough() {
        let mut other = NOW.to_owned();
        for addition in MAIL {
            for line in addition.lines {
                other = other.replace(line, &line.replace("{ ", "{"));
            }
        }
        assert_eq!(added(&other), Ok(None));
        assert!(added(&other.replacen("kez.chat.*.*", "kez.chat.>", 1)).is_err());
    }
}
