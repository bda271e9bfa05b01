//! What a browser may ask for, by its path.
//!
//! Between the built files, whose hashed names change with each build, and whoever answers a request for one.
//! Invariant: what has a path never changes while the process lives; a name with a hash never stands for other bytes.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Write,
    sync::{LazyLock, OnceLock},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// The pages and what they load: Vite names each file below `assets/` after a hash of its content.
#[derive(RustEmbed)]
#[folder = "built"]
struct Built;

/// The client as one module, whose name is a promise to pages of others.
const CLIENT: &[u8] = include_bytes!("../client/dist/index.js");

/// Where names with a hash are.
const HASHED: &str = "/assets/";
/// From this size on it is tried whether fewer bytes say the same: a smaller answer is one packet either way.
const GZIP_FROM_BYTES: usize = 1_400;

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let built = Built::iter().filter_map(|name| Some((path_of(&name), Asset::new(&name, Built::get(&name)?.data))));
    let client = ("/client.js".to_owned(), Asset::new("client.js", Cow::Borrowed(CLIENT)));
    built.chain([client]).collect()
});

/// One file that a browser may ask for.
#[derive(Debug)]
pub struct Asset {
    content_type: &'static str,
    bytes: Bytes,
    gzip: OnceLock<Option<Bytes>>,
    digest: String,
}

/// The file at a path.
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.get(path)
}

/// All paths at which there is a file.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ASSETS.keys().map(String::as_str)
}

/// Whether the bytes at this path are the same for ever.
pub(crate) fn is_for_ever(path: &str) -> bool {
    path.starts_with(HASHED)
}

impl Asset {
    fn new(name: &str, bytes: Cow<'static, [u8]>) -> Self {
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { content_type: content_type(name), bytes, gzip: OnceLock::new(), digest }
    }

    /// Its media type.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its bytes in gzip's form, where that is worth it. Made when first asked for, so that a node without pages pays nothing.
    pub fn gzip(&self) -> Option<&Bytes> {
        self.gzip.get_or_init(|| packed(&self.bytes)).as_ref()
    }

    /// Whether it is a page, and not what a page loads.
    pub fn is_page(&self) -> bool {
        self.content_type.starts_with("text/html")
    }

    /// SHA-256 of its bytes, as hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// The path at which a built file is served: pages without their ending.
fn path_of(name: &str) -> String {
    match name.strip_suffix(".html") {
        Some("index") => "/".to_owned(),
        Some(page) => format!("/{page}"),
        None => format!("/{name}"),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("json" | "map" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}

/// The same in gzip's form, if that is a tenth smaller: pictures and fonts are packed already.
fn packed(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < GZIP_FROM_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the plain bytes are as good.
    encoder.write_all(bytes).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < bytes.len() / 10 * 9).then(|| Bytes::from(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pages_and_the_client_are_there() {
        for (path, kind) in [("/", "text/html"), ("/operator", "text/html"), ("/client.js", "text/javascript")] {
            assert!(asset(path).unwrap().content_type().starts_with(kind), "{path}");
        }
        assert!(asset("/operator").unwrap().is_page());
        assert!(!asset("/client.js").unwrap().is_page());
    }

    #[test]
    fn a_page_names_only_files_that_are_there() {
        for page in paths().filter(|path| asset(path).unwrap().is_page()) {
            let text = std::str::from_utf8(asset(page).unwrap().bytes()).unwrap();
            let named: Vec<&str> = text.split('"').filter(|text| text.starts_with('/')).collect();
            let missing: Vec<&&str> = named.iter().filter(|path| asset(path).is_none()).collect();
            assert!(missing.is_empty(), "{page} names {missing:?}");
            assert!(!named.is_empty(), "{page} loads nothing");
        }
    }

    #[test]
    fn every_file_has_a_media_type() {
        let unknown: Vec<&str> =
            paths().filter(|path| asset(path).unwrap().content_type() == "application/octet-stream").collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn what_gzip_does_not_make_smaller_stays_plain() {
        let small = vec![b' '; GZIP_FROM_BYTES - 1];
        // Every byte once, again and again: no shorter word for any of them, but a pattern for all.
        let (patterned, mut noise, mut state) = (b"/* the same */".repeat(200), Vec::new(), 1_u64);
        while noise.len() < 4_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            noise.push((state >> 56) as u8);
        }
        assert_eq!((packed(&small), packed(&noise)), (None, None));
        assert!(packed(&patterned).unwrap().len() < 200);
    }
}
