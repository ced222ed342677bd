//! WebFinger queries: whom a resource names.

use serde::Serialize;
use serde_json::json;

use super::{Expect, Files, code, put, verdict};

#[derive(Serialize)]
struct Case {
    server: &'static str,
    public_url: &'static str,
    query: String,
    expect: Expect,
}

pub(crate) fn add_all(files: &mut Files) {
    let mut add = |name: &str, query: String, expect: Expect| {
        let folder = format!("webfinger/{}", verdict(&expect));
        put(files, &folder, name, &Case { server: "kez.lat", public_url: "https://chat.kez.lat", query, expect });
    };
    for (name, query, rels) in [
        ("acct", "resource=acct:tudisco@kez.lat", json!([])),
        ("acct_percent_encoded", "resource=acct%3Atudisco%40kez.lat", json!([])),
        ("acct_escapes_that_need_not_be", "resource=acct:%74udisco@kez.lat", json!([])),
        ("acct_host_in_other_case", "resource=acct:tudisco@KEZ.lat", json!([])),
        ("acct_user_in_other_case", "resource=acct:TuDisco@kez.lat", json!([])),
        ("acct_scheme_in_other_case", "resource=ACCT:tudisco@kez.lat", json!([])),
        ("resource_name_by_escapes", "re%73ource=acct:tudisco@kez.lat", json!([])),
        ("profile_page", "resource=https://kez.lat/@tudisco", json!([])),
        ("profile_page_percent_encoded", "resource=https%3A%2F%2Fkez.lat%2F%40tudisco", json!([])),
        ("profile_page_in_other_case", "resource=HTTPS://Kez.Lat/@Tudisco", json!([])),
        ("profile_page_under_public_url", "resource=https://chat.kez.lat/@tudisco", json!([])),
        ("rel_once", "rel=self&resource=acct:tudisco@kez.lat", json!(["self"])),
        ("rel_twice", "resource=acct:tudisco@kez.lat&rel=self&rel=http%3A%2F%2Fa%2Fb", json!(["self", "http://a/b"])),
        ("other_parameters_ignored", "format=json&resource=acct:tudisco@kez.lat&&x=%ff", json!([])),
        ("plus_is_a_plus_in_rel", "resource=acct:tudisco@kez.lat&rel=a+b", json!(["a+b"])),
    ] {
        add(name, query.to_owned(), Expect::from([("handle", "tudisco".into()), ("rels", rels)]));
    }
    for (name, query) in [
        ("query_empty", ""),
        ("resource_missing", "rel=self"),
        ("resource_empty", "resource="),
        ("resource_without_value", "resource"),
        ("resource_name_in_other_case", "Resource=acct:tudisco@kez.lat"),
        ("resource_twice", "resource=acct:tudisco@kez.lat&resource=acct:tudisco@kez.lat"),
        ("resource_twice_once_by_escapes", "resource=acct:tudisco@kez.lat&re%73ource=acct:other@kez.lat"),
        ("resource_twice_once_empty", "resource=acct:tudisco@kez.lat&resource"),
        ("resource_no_scheme", "resource=tudisco@kez.lat"),
        ("resource_scheme_only", "resource=acct:"),
        ("resource_scheme_empty", "resource=:tudisco@kez.lat"),
        ("resource_scheme_begins_with_digit", "resource=1acct:tudisco@kez.lat"),
        ("resource_scheme_with_underscore", "resource=ac_ct:tudisco@kez.lat"),
        ("resource_with_space", "resource=acct:tudisco%20@kez.lat"),
        ("resource_with_newline", "resource=acct:tudisco@kez.lat%0a"),
        ("resource_with_nul", "resource=acct:tudisco@kez.lat%00"),
        ("resource_not_ascii", "resource=acct:tudisc%C3%B3@kez.lat"),
        ("resource_not_utf8", "resource=acct:tudisco%ff@kez.lat"),
        ("resource_bad_escape", "resource=acct:tudisco%2@kez.lat"),
        ("resource_bad_escape_after_decoding", "resource=acct:tudisco%25zz@kez.lat"),
        ("resource_escape_cut", "resource=acct:tudisco@kez.lat%"),
        ("resource_angle_brackets", "resource=acct:%3Ctudisco%3E@kez.lat"),
        ("acct_without_host", "resource=acct:tudisco"),
        ("acct_host_empty", "resource=acct:tudisco@"),
        ("acct_with_two_hosts", "resource=acct:tudisco@evil.example@kez.lat"),
        ("acct_with_two_hosts_by_escapes", "resource=ACCT:tudisco%40evil.example%40kez.lat"),
        ("acct_user_empty", "resource=acct:@kez.lat"),
        ("rel_not_utf8", "resource=acct:tudisco@kez.lat&rel=%ff"),
    ] {
        add(name, query.to_owned(), code("invalid_resource"));
    }
    for (name, resource) in [
        ("other_host", "acct:tudisco@evil.example"),
        ("other_scheme", "mailto:tudisco@kez.lat"),
        ("other_path", "https://kez.lat/u/tudisco"),
        ("root_path", "https://kez.lat/"),
        ("http_profile_page", "http://kez.lat/@tudisco"),
        ("acct_with_slashes", "acct://tudisco@kez.lat"),
        ("acct_with_port", "acct:tudisco@kez.lat:443"),
        ("acct_with_query", "acct:tudisco@kez.lat?x"),
        ("acct_decoded_twice", "acct:%2574udisco@kez.lat"),
        ("acct_user_too_short", "acct:ab@kez.lat"),
        ("acct_user_impossible", "acct:tu.disco@kez.lat"),
        ("acct_user_with_escaped_at", "acct:tu%2540disco@kez.lat"),
        ("profile_page_of_other_host", "https://evil.example/@tudisco"),
        ("profile_page_with_slash_at_end", "https://kez.lat/@tudisco/"),
        ("profile_page_with_query", "https://kez.lat/@tudisco?x=1"),
        ("profile_page_with_fragment", "https://kez.lat/@tudisco%23x"),
        ("profile_page_below_path", "https://kez.lat/x/@tudisco"),
        ("profile_page_with_user_info", "https://me@kez.lat/@tudisco"),
        ("profile_page_without_slashes", "https:xxkez.lat/@tudisco"),
        ("profile_page_two_at", "https://kez.lat/@x/@tudisco"),
        ("profile_page_without_user", "https://kez.lat/@"),
        ("profile_page_user_impossible", "https://kez.lat/@a"),
    ] {
        add(name, format!("resource={resource}"), code("not_found"));
    }
}
