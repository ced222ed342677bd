//! The MLS working group's vectors for suite 3 (`crypto-basics.json`), and what the suite refuses.

use super::*;

fn provider() -> Provider {
    Provider { stream: Stream::default(), pads: false }
}

fn hex(text: &str) -> Vec<u8> {
    const_hex::decode(text).expect("hex")
}

fn vector(content: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(content.len()).expect("short")];
    out.extend_from_slice(content);
    out
}

fn labelled(label: &str, content: &[u8]) -> Vec<u8> {
    [vector(format!("MLS 1.0 {label}").as_bytes()), vector(content)].concat()
}

fn expand(secret: &str, label: &str, context: &[u8]) -> String {
    let info = [vec![0, 32], labelled(label, context)].concat();
    const_hex::encode(provider().kdf_expand(&hex(secret), &info, 32).expect("32 bytes"))
}

#[test]
fn secrets_are_derived_as_the_working_group_does() {
    let context = hex("e5da8bb590c7736fc27a1f634cb8ac2884ff242ad174fb715a3a261953522a8f");
    assert_eq!(
        expand("fca0057fbcbc257a219ca00eda7b932c19cd284666666d73da7d2e9ba0050b85", "ExpandWithLabel", &context),
        "7fbb9f71ba33733f875935644d430916eac8c20a3d358015ad536aad295d5a03"
    );
    assert_eq!(
        expand("9dafd47e71e2133cb115f22d77931c70fd819db20710dd90abe8509f5da36c52", "DeriveSecret", &[]),
        "0c73ea9a78c55d60aa7e7754593f7fef44a1052a43067f82f363f01fdec37b3a"
    );
    let generation = 2_694_881_440_u32.to_be_bytes();
    assert_eq!(
        expand("168b187171d90947aedac49980939b2dd71041e40350b046e540e0191cf99e0f", "DeriveTreeSecret", &generation),
        "a59537e982b032f55b8f00eb853ca1200cf7c1ff7ce2898da85ccaf0ac9c0d69"
    );
    let value = hex("73020b3d087e7b5471a3f0b7aff803fd5085161d7fd0138dc41deb1a2a93ea12");
    let hashed = provider().hash(&[vector(b"RefHash"), vector(&value)].concat()).expect("a hash");
    assert_eq!(const_hex::encode(hashed), "354e71224cd883d8994ab553e2c88a50fb4df2432cc871fe87caa92b945524ac");
}

#[test]
fn signatures_are_those_of_the_working_group() {
    let secret = SignatureSecretKey::new(hex("4cc2127e86b88ef7799ce235fc1cbff6391a29b56df0ec0f27cd4007d953ae66"));
    let public = SignaturePublicKey::new(hex("0060dd83fadcb2055773a74f4f1f0cc6ebffc47d5eadcb036a960495169da50f"));
    let content = hex("e310c8359a2858fb77e91ddab46e94d5dac71914a631c0f80a3efa495033d0f9");
    let signed = labelled("SignWithLabel", &content);
    let signature = "27c24992dd39e24b7bbca1164b430f67d0508a96b0c59e153b27d68313d31b57226a6c939f2c8e80c58947d926167498514b4ba7ba6c8441418cef32b360700d";
    assert_eq!(provider().signature_key_derive_public(&secret), Ok(public.clone()));
    assert_eq!(provider().sign(&secret, &signed).map(const_hex::encode), Ok(signature.to_owned()));
    assert_eq!(provider().verify(&public, &hex(signature), &signed), Ok(()));
    assert_eq!(provider().verify(&public, &hex(signature), &content), Err(Refused));
    assert_eq!(provider().verify(&public, &hex(signature)[..63], &signed), Err(Refused));
    assert_eq!(provider().verify(&SignaturePublicKey::new(vec![0; 32]), &[0; 64], &signed), Err(Refused));
}

#[test]
fn what_others_sealed_is_opened() {
    let sealed = HpkeCiphertext {
        kem_output: hex("8ab65d6b6311b64b850bad990e50763083c5b9f45ea3de2d97a0defd0799f61f"),
        ciphertext: hex(
            "9bc51f706abe79109fcf89e9b6fb3d44222b07509a105e4f2740bfeeee01f3b16d3f5b8cd8e38925335ea12ec99348ca",
        ),
    };
    let secret: HpkeSecretKey = hex("a4583e93da26fbed2aefa063952c791925a868944314ea99542b58a1b72c5fe2").into();
    let public: HpkePublicKey = hex("fd3a01a2472d56c985870efce6ec9b84ea8dfc4ae772d26b4c63ccca2cc71e4f").into();
    let context = hex("12b0c535b1e5f4f40fabf70c1bd780080a2223d9d090be9bdeca1935497e489d");
    let info = labelled("EncryptWithLabel", &context);
    let plaintext = "0eb9423b4c8e4b6b31c8987be66d7af96458e93d8539150d093b750dfeab7058";
    let opened = provider().hpke_open(&sealed, &secret, &public, &info, None).map(const_hex::encode);
    assert_eq!(opened, Ok(plaintext.to_owned()));
    assert_eq!(provider().hpke_open(&sealed, &secret, &public, b"", None), Err(Refused));
    let again = provider().hpke_seal(&public, &info, None, b"secret").expect("a good key");
    let opened = provider().hpke_open(&again, &secret, &public, &info, None).expect("just sealed");
    assert_eq!(*opened, b"secret");
    assert!(provider().hpke_seal(&vec![0; 32].into(), &info, None, b"").is_err(), "a point of small order");
    assert!(provider().kem_public_key_validate(&vec![0; 31].into()).is_err());
}

#[test]
fn messages_are_padded_and_nothing_else_is() {
    let padding = Provider::new(Stream::default());
    let length = |data: usize, aad: usize| {
        padding.aead_seal(&[1; 32], &vec![7; data], Some(&vec![0; aad]), &[2; 12]).expect("sealed").len()
    };
    for (data, sealed) in [(0, 256), (1, 256), (240, 256), (241, 512), (5_000, 5_120)] {
        assert_eq!(length(data, SENDER_DATA_AAD + 1), sealed, "{data} bytes");
    }
    assert_eq!(length(12, SENDER_DATA_AAD), 28, "who sent it has one length");
    let welcome = padding.aead_seal(&[1; 32], &[7; 100], None, &[2; 12]).expect("sealed");
    assert_eq!(welcome.len(), 116);
    let opened = padding.aead_open(&[1; 32], &welcome, None, &[2; 12]).expect("just sealed");
    assert_eq!(*opened, [7; 100]);
    assert!(padding.aead_open(&[1; 32], &welcome, Some(b"x"), &[2; 12]).is_err());
}

#[test]
fn a_stream_never_says_the_same_again() {
    let stream = Stream::default();
    let (first, second): ([u8; 40], [u8; 40]) = (stream.array(), stream.array());
    assert_ne!(first, second);
    assert_eq!(first, Stream::default().array(), "and is a function of its seed");
}
