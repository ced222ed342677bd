//! Canonical JSON: texts, and their canonical form or why they have none.

use serde::Serialize;

use super::{Expect, Files, code, put, verdict};

#[derive(Default, Serialize)]
struct Case {
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// Where the input is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_hex: Option<String>,
    expect: Expect,
}

fn add(files: &mut Files, name: &str, input: &str, expect: Expect) {
    let folder = format!("canonical/{}", verdict(&expect));
    put(files, &folder, name, &Case { input: Some(input.to_owned()), input_hex: None, expect });
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

pub(crate) fn add_all(files: &mut Files) {
    valid(files);
    malformed_json(files);
    malformed_envelope(files);
    for (name, bytes) in [
        ("utf8_lone_continuation", "2280 22"),
        ("utf8_overlong_quote", "22c0a222"),
        ("utf8_surrogate", "22eda08022"),
        ("utf8_beyond_unicode", "22f490808022"),
        ("utf8_truncated", "22c3"),
        ("utf8_latin1", "22e922"),
        ("utf16_little_endian", "fffe2200"),
        ("utf8_outside_string", "ff"),
    ] {
        let input_hex = Some(bytes.replace(' ', ""));
        put(files, "canonical/invalid", name, &Case { input: None, input_hex, expect: code("malformed_json") });
    }
}

fn valid(files: &mut Files) {
    for (name, input, canonical) in [
        ("null", "null", "null"),
        ("white_space", " \t\r\n[ 1 ,\n2 ] \t\r\n", "[1,2]"),
        ("empty_object", "{ }", "{}"),
        ("empty_array", "[\n]", "[]"),
        ("empty_name", r#"{"":1}"#, r#"{"":1}"#),
        ("empty_string", r#""""#, r#""""#),
        ("literals", "[true,false,null]", "[true,false,null]"),
        ("integer_zero", "0", "0"),
        ("integer_largest", "9007199254740991", "9007199254740991"),
        ("integer_smallest", "-9007199254740991", "-9007199254740991"),
        (
            "names_sorted",
            r#"{"b":1,"a":2,"B":3,"aa":4,"1":5,"10":6,"2":7,"_":8}"#,
            r#"{"1":5,"10":6,"2":7,"B":3,"_":8,"a":2,"aa":4,"b":1}"#,
        ),
        ("names_sorted_after_unescaping", r#"{"\u0062":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        (
            "names_sorted_by_character_not_by_escape",
            r#"{"\\":1,"\n":2,"]":3,"\u007f":4}"#,
            "{\"\\n\":2,\"\\\\\":1,\"]\":3,\"\u{7f}\":4}",
        ),
        ("names_sorted_inside", r#"[{"z":{"y":1,"x":2},"a":[]}]"#, r#"[{"a":[],"z":{"x":2,"y":1}}]"#),
        ("names_with_prefix", r#"{"ab":1,"a":2,"a ":3}"#, r#"{"a":2,"a ":3,"ab":1}"#),
        ("same_name_in_different_objects", r#"{"a":{"a":1},"b":{"a":2}}"#, r#"{"a":{"a":1},"b":{"a":2}}"#),
        ("escapes_short", r#""\u0008\u0009\u000a\u000c\u000d\u0022\u005c\u002f""#, r#""\b\t\n\f\r\"\\/""#),
        ("escapes_slash", r#""\/""#, r#""/""#),
        ("escapes_control_lower_case", r#""\u0000\u0001\u000b\u000E\u001F""#, r#""\u0000\u0001\u000b\u000e\u001f""#),
        ("escapes_delete_is_plain", r#""\u007f\u0080""#, "\"\u{7f}\u{80}\""),
        ("escapes_non_ascii_is_plain", r#""\u20ac\u00E9""#, "\"€é\""),
        ("escapes_line_separators_are_plain", r#""\u2028\u2029""#, "\"\u{2028}\u{2029}\""),
        ("escapes_surrogate_pair", r#""\ud83d\uDE02""#, "\"😂\""),
        ("escapes_surrogate_pair_lowest", r#""\ud800\udc00""#, "\"\u{10000}\""),
        ("escapes_surrogate_pair_highest", r#""\udbff\udfff""#, "\"\u{10ffff}\""),
        ("noncharacters", r#""\ufdd0\uffff\ufffe\udbff\udffe""#, "\"\u{fdd0}\u{ffff}\u{fffe}\u{10fffe}\""),
        ("byte_order_mark_in_string", r#""\ufeff""#, "\"\u{feff}\""),
        (
            "no_unicode_normalisation",
            "[\"\u{e9}\",\"e\u{301}\",\"\u{212b}\"]",
            "[\"\u{e9}\",\"e\u{301}\",\"\u{212b}\"]",
        ),
        ("html_is_plain", r#""<script>&'\u003c""#, r#""<script>&'<""#),
    ] {
        add(files, name, input, Expect::from([("canonical", canonical.into())]));
    }
    add(files, "nests_16_deep", &nested(16), Expect::from([("canonical", nested(16).into())]));
    let objects = format!("{}1{}", "{\"a\":".repeat(16), "}".repeat(16));
    add(files, "nests_16_deep_objects", &objects, Expect::from([("canonical", objects.clone().into())]));
}

fn malformed_json(files: &mut Files) {
    for (name, input) in [
        ("empty", ""),
        ("white_space_only", " \n"),
        ("byte_order_mark", "\u{feff}{}"),
        ("byte_order_mark_alone", "\u{feff}"),
        ("trailing_garbage", "{}x"),
        ("trailing_document", "1 2"),
        ("trailing_comma_after_document", "1,"),
        ("trailing_nul", "{}\0"),
        ("trailing_comma_in_array", "[1,]"),
        ("trailing_comma_in_object", r#"{"a":1,}"#),
        ("comma_missing_in_array", "[1 2]"),
        ("comma_missing_in_object", r#"{"a":1 "b":2}"#),
        ("comma_twice", "[1,,2]"),
        ("comma_first", "[,1]"),
        ("colon_missing", r#"{"a" 1}"#),
        ("value_missing", r#"{"a":}"#),
        ("name_not_quoted", "{a:1}"),
        ("name_is_number", "{1:1}"),
        ("name_alone", r#"{"a"}"#),
        ("bracket_mismatch", "[1}"),
        ("array_not_closed", "[1"),
        ("object_not_closed", r#"{"a":1"#),
        ("single_quotes", "'a'"),
        ("comment", "/**/1"),
        ("literal_in_other_case", "True"),
        ("literal_cut", "tru"),
        ("literal_longer", "nullx"),
        ("nan", "NaN"),
        ("infinity", "-Infinity"),
        ("white_space_form_feed", "\u{c}1"),
        ("white_space_vertical_tab", "\u{b}1"),
        ("white_space_no_break", "\u{a0}1"),
        ("duplicate_name", r#"{"a":1,"a":1}"#),
        ("duplicate_name_deep", r#"[{"b":{"a":1,"c":2,"a":3}}]"#),
        ("duplicate_name_after_unescaping", r#"{"a":1,"\u0061":2}"#),
        ("duplicate_name_not_ascii", "{\"é\":1,\"\\u00e9\":2}"),
        ("duplicate_empty_name", r#"{"":1,"":2}"#),
        ("surrogate_high_alone", r#""\ud800""#),
        ("surrogate_high_at_end_of_range", r#""\udbff""#),
        ("surrogate_low_alone", r#""\udc00""#),
        ("surrogate_low_at_end_of_range", r#""\udfff""#),
        ("surrogate_low_before_high", r#""\udc00\ud800""#),
        ("surrogate_high_twice", r#""\ud800\ud800""#),
        ("surrogate_high_before_letter", r#""\ud800a""#),
        ("surrogate_high_before_other_escape", r#""\ud800\n""#),
        ("surrogate_high_before_plain_escape", r#""\ud800\u0041""#),
        ("surrogate_high_before_private_use", r#""\ud800\ue000""#),
        ("surrogate_in_name", r#"{"\ud800":1}"#),
        ("control_character_in_string", "\"\u{1}\""),
        ("control_character_1f_in_string", "\"\u{1f}\""),
        ("control_nul_in_string", "\"\0\""),
        ("newline_in_string", "\"a\nb\""),
        ("tab_in_name", "{\"\t\":1}"),
        ("escape_unknown", r#""\x41""#),
        ("escape_upper_case_u", r#""\U0041""#),
        ("escape_upper_case_n", r#""\N""#),
        ("escape_quote_single", r#""\'""#),
        ("escape_hex_short", r#""\u041""#),
        ("escape_hex_bad", r#""\u00g1""#),
        ("escape_hex_with_sign", r#""\u+041""#),
        ("escape_hex_not_ascii", "\"\\u004\u{661}\""),
        ("escape_cut", r#""\"#),
        ("escape_hex_cut", r#""\u00"#),
        ("string_not_closed", r#""abc"#),
        ("number_leading_zero", "01"),
        ("number_leading_zeros", "-00"),
        ("number_leading_plus", "+1"),
        ("number_minus_alone", "-"),
        ("number_minus_twice", "--1"),
        ("number_leading_point", ".5"),
        ("number_point_at_end", "1."),
        ("number_point_before_exponent", "1.e1"),
        ("number_exponent_empty", "1e"),
        ("number_exponent_sign_only", "1e+"),
        ("number_exponent_sign_twice", "1e+-1"),
        ("number_hex", "0x1"),
        ("number_with_underscore", "1_000"),
        ("number_digits_not_ascii", "\u{661}"),
        ("before_bad_number", "[1.5,1.5"),
        ("before_name_not_ascii", "{\"é\":1"),
        ("before_bad_number_depth", "[1.5,[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"),
        ("before_bad_number_duplicate", r#"{"a":1.5,"a":1}"#),
        ("before_bad_number_surrogate", r#"[1e400,"\ud800"]"#),
    ] {
        add(files, name, input, code("malformed_json"));
    }
    add(files, "nests_17_deep", &nested(17), code("malformed_json"));
    add(
        files,
        "nests_17_deep_objects",
        &format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17)),
        code("malformed_json"),
    );
    add(files, "nests_17_deep_mixed", &format!("{}[]{}", "[{\"a\":".repeat(8), "}]".repeat(8)), code("malformed_json"));
    add(files, "nests_10000_deep", &nested(10_000), code("malformed_json"));
    add(files, "nests_10000_deep_not_closed", &"{\"a\":".repeat(10_000), code("malformed_json"));
}

fn malformed_envelope(files: &mut Files) {
    for (name, input) in [
        ("number_with_point", "1.0"),
        ("number_with_zero_point", "0.0"),
        ("number_half", "[0.5]"),
        ("number_with_exponent", "1e0"),
        ("number_with_capital_exponent", "1E0"),
        ("number_with_positive_exponent", "1e+2"),
        ("number_with_negative_exponent", "100e-2"),
        ("number_minus_zero", "-0"),
        ("number_minus_zero_point", "-0.0"),
        ("number_overflows_double", "1e400"),
        ("number_underflows_double", "1e-400"),
        ("number_2_53", "9007199254740992"),
        ("number_minus_2_53", "-9007199254740992"),
        ("number_i64_max_plus_one", "9223372036854775808"),
        ("number_u64_max_plus_one", "18446744073709551616"),
        ("name_not_ascii", "{\"é\":1}"),
        ("name_not_ascii_escaped", r#"{"\u00e9":1}"#),
        ("name_not_ascii_deep", "[{\"a\":[{\"\u{1f600}\":1}]}]"),
        ("name_u_0080", r#"{"\u0080":1}"#),
    ] {
        add(files, name, input, code("malformed_envelope"));
    }
    add(files, "number_of_400_digits", &"9".repeat(400), code("malformed_envelope"));
    add(files, "number_of_5000_zeros_after_point", &format!("1.{}", "0".repeat(5000)), code("malformed_envelope"));
    add(files, "number_with_400_digit_exponent", &format!("0e{}", "9".repeat(400)), code("malformed_envelope"));
}
