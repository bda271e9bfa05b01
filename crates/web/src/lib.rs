//! The browser's side, embedded into the binary: the live page that every broadcast node serves at `/`.
//!
//! Beside the data flow: it is a client like any other and knows only the client protocol.
//! Invariant: everything the page needs comes from this list; it loads nothing from elsewhere.

/// One file that a browser may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The path it is served at.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// What a page of ours may do in a browser: run and load what this node serves, connect to nodes, nothing else.
///
/// `connect-src` names ws: and http: because a viewer may be moved to another node of the cluster.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self' ws: wss: http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const ASSETS: [Asset; 3] = [
    Asset { path: "/", content_type: "text/html; charset=utf-8", bytes: include_bytes!("../page/index.html") },
    Asset {
        path: "/live.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../page/live.js"),
    },
    Asset { path: "/live.css", content_type: "text/css; charset=utf-8", bytes: include_bytes!("../page/live.css") },
];

/// The file at a path.
pub fn asset(path: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_are_served() {
        let page = std::str::from_utf8(asset("/").unwrap().bytes).unwrap();
        let named = page.split('"').filter(|text| text.starts_with('/'));
        let missing: Vec<&str> = named.filter(|path| asset(path).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(page.contains("\"/live.js\""));
    }
}
