//! An address as a QR code, for another device's camera.

use qrcodegen::{Mask, QrCode, QrCodeEcc, QrSegment, Version};

/// Modules of white that scanners want around the code (ISO/IEC 18004).
const QUIET: i32 = 4;

/// An SVG picture of `url`, called `label`, which is plain text; nothing when it is too long for a code. Dark on light in every colour scheme, because some
/// scanners read no other.
pub(crate) fn qr_code(url: &str, label: &str) -> Option<String> {
    // Every mask can be read. Finding the one that is read best takes a third of the encoder, which a page that is being
    // rendered has at hand, and which a browser would have to download first.
    let mask = if cfg!(feature = "ssr") { None } else { Some(Mask::new(0)) };
    let bytes = [QrSegment::make_bytes(url.as_bytes())];
    let code =
        QrCode::encode_segments_advanced(&bytes, QrCodeEcc::Medium, Version::MIN, Version::MAX, mask, true).ok()?;
    let side = code.size() + 2 * QUIET;
    let modules = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let dark = modules.filter(|&(x, y)| code.get_module(x, y));
    let path: String = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET)).collect();
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::qr_code;

    #[test]
    fn an_address_becomes_a_picture() {
        let picture = qr_code("https://kez.lat/@tudisco", "QR code").unwrap_or_default();
        // 24 characters need version 2: 25 modules a side, and 4 of quiet on either.
        assert!(picture.contains("viewBox=\"0 0 33 33\""), "{picture}");
        assert!(picture.matches("h1v1h-1z").count() > 200);
        assert!(qr_code(&"x".repeat(5_000), "").is_none());
    }
}
