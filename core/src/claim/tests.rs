use super::*;
use crate::KeyId;

const HEX: &str = "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12";

fn chain() -> KeyId {
    format!("ed25519:{HEX}").parse().expect("a key")
}

fn evidence(kind: &str, subject: &str, proof: &str) -> Result<Evidence, NotCheckable> {
    Evidence::of(&Claim { r#type: kind.into(), subject: subject.into(), proof: proof.into() })
}

#[test]
fn domains_have_one_spelling() {
    let longest = format!("{}.{}.{}.{}.org", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(52));
    assert_eq!(longest.len(), 248);
    for good in ["example.org", "a.b", "xn--bcher-kva.example", "1.2.3.org", "a-b.c-d.example", &longest] {
        let found = evidence("dns", good, "").expect("a domain");
        assert_eq!(found.proof(), format!("dns:_kez.{good}?type=TXT"));
        assert!(found.link().ends_with(&format!("?name=_kez.{good}&type=TXT")));
        assert_eq!(found.command(), format!("dig +short TXT _kez.{good}"));
    }
    for bad in [
        "",
        "org",
        "localhost",
        "Example.org",
        "example.org.",
        ".example.org",
        "example..org",
        "-a.org",
        "a-.org",
        "a.-b",
        "_kez.example.org",
        "exämple.org",
        "example.org ",
        " example.org",
        "example.org:53",
        "example.org/x",
        "https://example.org",
        "user@example.org",
        "127.0.0.1",
        "1.0x7f",
        "1.2.3.4.5",
        "[::1]",
        "::1",
        "*.example.org",
        "a\0.org",
        "e\u{fe52}.org",
        &format!("a{longest}"),
        &format!("{}.org", "a".repeat(64)),
    ] {
        assert_eq!(evidence("dns", bad, ""), Err(NotCheckable::BadDomain), "{bad:?}");
    }
}

#[test]
fn hosts_have_one_spelling() {
    for good in ["example.org", "example.org:8443", "a.b:1", "a.b:65535", "a.b:80"] {
        let url = format!("https://{good}/.well-known/kez.json");
        let found = evidence("https", good, "whatever").expect("a host");
        assert_eq!((found.proof(), found.link()), (url.clone(), url));
    }
    for bad in [
        "",
        "example",
        "example.org:",
        "example.org:443",
        "example.org:0",
        "example.org:080",
        "example.org:65536",
        "example.org:+1",
        "example.org:1:2",
        "example.org:1/x",
        "EXAMPLE.org",
        "example.org/",
        "example.org?",
        "example.org#",
        "example.org\\x",
        "user@example.org",
        "user:1@example.org",
        "192.0.2.1",
        "192.0.2.1:8443",
        "0x7f.0.0.1",
        "2130706433",
        "a.1",
        "[2001:db8::1]",
        "[2001:db8::1]:8443",
    ] {
        assert_eq!(evidence("https", bad, ""), Err(NotCheckable::BadHost), "{bad:?}");
    }
}

#[test]
fn gists_belong_to_the_user() {
    let longest = "a".repeat(39);
    for (user, owner) in
        [("tudisco", "tudisco"), ("Tudisco", "tuDisco"), ("a", "a"), ("a-1-b", "a-1-b"), (&*longest, &longest)]
    {
        let page = format!("https://gist.github.com/{owner}/00ff00ff00ff00ff00ff");
        let Ok(Evidence::Gist(gist)) = evidence("github", user, &page) else { panic!("{user}") };
        assert_eq!(gist.page(), format!("https://gist.github.com/{user}/00ff00ff00ff00ff00ff"));
        assert_eq!(gist.raw(), format!("https://gist.github.com/{user}/00ff00ff00ff00ff00ff/raw"));
    }
    let good = "https://gist.github.com/tudisco/00ff";
    for bad in ["", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "a b", "á", "@a", &"a".repeat(40)] {
        assert_eq!(evidence("github", bad, good), Err(NotCheckable::BadUser), "{bad:?}");
    }
    for bad in [
        "",
        "https://gist.github.com/other/00ff",
        "https://gist.github.com/tudisco",
        "https://gist.github.com/tudisco/",
        "https://gist.github.com/00ff",
        "https://gist.github.com//00ff",
        "https://gist.github.com/tudisco/00FF",
        "https://gist.github.com/tudisco/00fg",
        "https://gist.github.com/tudisco/00ff/",
        "https://gist.github.com/tudisco/00ff/raw",
        "https://gist.github.com/tudisco/00ff?x",
        "https://gist.github.com/tudisco/00ff#x",
        "https://gist.github.com/tudisco/../other/00ff",
        "https://gist.github.com:443/tudisco/00ff",
        "https://gist.github.com.evil.example/tudisco/00ff",
        "https://gist.github.com@evil.example/tudisco/00ff",
        "https://u@gist.github.com/tudisco/00ff",
        "http://gist.github.com/tudisco/00ff",
        "HTTPS://gist.github.com/tudisco/00ff",
        " https://gist.github.com/tudisco/00ff",
        "https://github.com/tudisco/00ff",
        &format!("https://gist.github.com/tudisco/{}", "0".repeat(65)),
    ] {
        assert_eq!(evidence("github", "tudisco", bad), Err(NotCheckable::BadGist), "{bad:?}");
    }
}

#[test]
fn a_gists_text_is_below_its_owner() {
    let Ok(Evidence::Gist(gist)) = evidence("github", "tudisco", "https://gist.github.com/tudisco/00ff") else {
        panic!("a gist")
    };
    for good in ["/tudisco/00ff/raw", "/Tudisco/00ff/raw/", "/tudisco/00ff/raw/0123/kez.txt"] {
        assert!(gist.owns(good), "{good}");
    }
    for bad in [
        "",
        "/",
        "tudisco/00ff/raw",
        "//tudisco/00ff/raw",
        "/other/00ff/raw",
        "/tudisco/00fe/raw",
        "/tudisco/00ff",
        "/tudisco/00ff/rawer",
        "/x/tudisco/00ff/raw",
        "/raw/tudisco/00ff",
    ] {
        assert!(!gist.owns(bad), "{bad}");
    }
}

#[test]
fn what_cannot_be_checked_is_said() {
    for unknown in ["", "DNS", "dns ", "twitter", "http"] {
        assert_eq!(evidence(unknown, "example.org", ""), Err(NotCheckable::UnknownType), "{unknown:?}");
    }
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert!(kind.check_subject("").is_err());
    }
    assert_eq!(Kind::Github.check_subject("tudisco"), Ok(()));
}

#[test]
fn records_name_the_chain_and_nothing_else() {
    let txt = evidence("dns", "example.org", "").expect("a domain");
    let text = proof_text(Kind::Dns, &chain());
    assert_eq!(text, format!("kez=ed25519:{HEX}"));
    assert!(txt.proves(&chain(), text.as_bytes()));
    for bad in [
        String::new(),
        HEX.to_owned(),
        format!("ed25519:{HEX}"),
        format!("kez={HEX}"),
        format!("{text} "),
        format!(" {text}"),
        format!("{text}\n"),
        format!("\"{text}\""),
        format!("{text}0"),
        format!("xkez=ed25519:{HEX}"),
        format!("v=1; {text}"),
        format!("{text} {text}"),
        format!("KEZ=ed25519:{HEX}"),
        format!("kez=ed25519:{}", HEX.to_uppercase()),
        format!("kez=secp256k1:{HEX}"),
        text[..text.len() - 1].to_owned(),
        text.replace("2152", "2153"),
    ] {
        assert!(!txt.proves(&chain(), bad.as_bytes()), "{bad:?}");
    }
}

#[test]
fn documents_list_the_chain() {
    let document = evidence("https", "example.org", "").expect("a host");
    let key = format!("ed25519:{HEX}");
    assert_eq!(proof_text(Kind::Https, &chain()), format!(r#"{{"kez":"claims","chains":["{key}"]}}"#));
    for good in [
        proof_text(Kind::Https, &chain()),
        format!("{{ \"chains\": [\"other\", \"{key}\"],\n  \"kez\": \"claims\", \"note\": {{\"more\": 1}} }}\n"),
        format!(r#"{{"kez":"claims","chains":["ed25519:\u0032{}"]}}"#, &HEX[1..]),
    ] {
        assert!(document.proves(&chain(), good.as_bytes()), "{good}");
    }
    for bad in [
        String::new(),
        key.clone(),
        format!("kez={key}"),
        format!(r#"["{key}"]"#),
        format!(r#"{{"chains":["{key}"]}}"#),
        format!(r#"{{"kez":"claim","chains":["{key}"]}}"#),
        format!(r#"{{"kez":["claims"],"chains":["{key}"]}}"#),
        format!(r#"{{"kez":"claims","chains":"{key}"}}"#),
        format!(r#"{{"kez":"claims","chains":[["{key}"]]}}"#),
        format!(r#"{{"kez":"claims","chains":[{{"chain":"{key}"}}]}}"#),
        format!(r#"{{"kez":"claims","chains":{{"{key}":1}}}}"#),
        format!(r#"{{"kez":"claims","chain":["{key}"]}}"#),
        format!(r#"{{"kez":"claims","chains":["{HEX}"]}}"#),
        format!(r#"{{"kez":"claims","chains":[" {key}"]}}"#),
        format!(r#"{{"kez":"claims","chains":["{key}0"]}}"#),
        format!(r#"{{"kez":"claims","chains":["kez={key}"]}}"#),
        format!(r#"{{"kez":"claims","chains":["ed25519:{}"]}}"#, HEX.to_uppercase()),
        format!(r#"{{"kez":"claims","chains":[]}} "{key}""#),
        format!(r#"{{"kez":"claims","chains":["{key}"],"chains":[]}}"#),
        format!(r#"{{"kez":"claims","chains":[],"x":{{"kez":"claims","chains":["{key}"]}}}}"#),
        format!(r#"{{"kez":"claims","chains":["{key}"]"#),
        format!("\u{feff}{}", proof_text(Kind::Https, &chain())),
        format!("<!doctype html><pre>{}</pre>", proof_text(Kind::Https, &chain())),
    ] {
        assert!(!document.proves(&chain(), bad.as_bytes()), "{bad}");
    }
    assert!(!document.proves(&chain(), b"\xff\xfe{"));
}

#[test]
fn gists_have_a_line_of_their_own_for_it() {
    let gist = evidence("github", "tudisco", "https://gist.github.com/tudisco/00ff").expect("a gist");
    let text = proof_text(Kind::Github, &chain());
    for good in
        [text.clone(), format!("{text}\r\n"), format!("I am tudisco.\n\n\t{text} \nBye."), format!("\u{e4}\n{text}")]
    {
        assert!(gist.proves(&chain(), good.as_bytes()), "{good:?}");
    }
    assert!(gist.proves(&chain(), &[b"\xff\n", text.as_bytes()].concat()), "other lines may be anything");
    for bad in [
        String::new(),
        format!("ed25519:{HEX}"),
        format!("> {text}"),
        format!("{text}, really"),
        format!("`{text}`"),
        format!("x{text}"),
        format!("{text}0"),
        format!("\u{a0}{text}"),
        format!("\u{feff}{text}"),
        text.replace("ed", "\ned"),
        text.to_uppercase(),
        text.replace("2152", "2153"),
    ] {
        assert!(!gist.proves(&chain(), bad.as_bytes()), "{bad:?}");
    }
}
