//! The answer to a request for an embedded file: the bytes in a form the browser takes, or that it has them already, and
//! what a page of ours may do there.
//!
//! Between a node's HTTP and `asset`. Pure: a path and headers in, an answer out. Invariant: an answer that may be kept says
//! for how long, and one that depends on the request's headers says on which.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::asset::{Asset, asset, is_for_ever};

/// What a page may do in a browser: run and load what this node serves, speak with nodes, nothing else.
///
/// `connect-src` names ws: and http: because a viewer may be moved to another node of the cluster, and asks there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self' ws: wss: http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// For a year, without asking: a name with a hash never stands for other bytes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// May be kept, and is asked for each time: a new version of the cluster shows itself at once.
const ASK_AGAIN: &str = "no-cache";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The answer to a GET of this path, if there is a file.
pub fn answer(path: &str, request: &HeaderMap) -> Option<Response<Bytes>> {
    let asset = asset(path)?;
    let gzip = asset.gzip().filter(|_| takes_gzip(request));
    let tag = format!("\"{}{}\"", asset.digest(), if gzip.is_some() { "-gzip" } else { "" });
    let known = has(request, &tag);
    let body = if known { Bytes::new() } else { gzip.unwrap_or(asset.bytes()).clone() };
    let mut response = Response::new(body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    say(CACHE_CONTROL, if is_for_ever(path) { FOR_EVER } else { ASK_AGAIN });
    if asset.gzip().is_some() {
        say(VARY, "accept-encoding");
    }
    if gzip.is_some() && !known {
        say(CONTENT_ENCODING, "gzip");
    }
    say(CONTENT_TYPE, asset.content_type());
    for (name, value) in rules(asset) {
        say(name, value);
    }
    headers.insert(ETAG, HeaderValue::from_str(&tag).ok()?);
    Some(response)
}

/// What a browser is to keep to. A page's address holds its viewer's name, which is nobody else's business; a module may be
/// loaded by pages of others, which are the reason for its being there.
fn rules(asset: &Asset) -> Vec<(HeaderName, &'static str)> {
    let mut rules = vec![(X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    if asset.is_page() {
        rules.extend([
            (CONTENT_SECURITY_POLICY, POLICY),
            (OPENER_POLICY, "same-origin"),
            (RESOURCE_POLICY, "same-origin"),
        ]);
    } else {
        rules.push((RESOURCE_POLICY, "cross-origin"));
    }
    rules
}

/// Whether the request takes gzip: named, and not with a quality of 0 (RFC 9110, section 12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    listed(request, ACCEPT_ENCODING).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

/// Whether the browser has these bytes already: the comparison is the weak one (RFC 9110, section 13.1.2).
fn has(request: &HeaderMap, tag: &str) -> bool {
    listed(request, IF_NONE_MATCH).any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

/// The items of a header that is a list. Our tags hold no commas, so that a list of tags may be split at them.
fn listed(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::paths;

    fn ask(path: &str, headers: &[(HeaderName, &str)]) -> Response<Bytes> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        answer(path, &headers.collect()).unwrap_or_else(|| panic!("nothing at {path}"))
    }

    fn said(response: &Response<Bytes>, name: HeaderName) -> &str {
        response.headers().get(&name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn who_has_the_bytes_gets_none() {
        for path in paths() {
            let first = ask(path, &[]);
            assert_eq!(first.status(), StatusCode::OK);
            assert!(!first.body().is_empty(), "{path}");
            let tag = said(&first, ETAG);
            assert!(tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag} is not a strong tag");
            for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let again = ask(path, &[(IF_NONE_MATCH, &known)]);
                assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0), "{path} {known}");
                assert_eq!(said(&again, ETAG), tag);
                assert_eq!(said(&again, CACHE_CONTROL), said(&first, CACHE_CONTROL));
            }
            assert_eq!(ask(path, &[(IF_NONE_MATCH, "\"other\"")]).status(), StatusCode::OK);
        }
    }

    #[test]
    fn gzip_holds_the_same_bytes_under_a_tag_of_its_own() {
        let mut packed = 0;
        for path in paths() {
            let (plain, gzip) = (ask(path, &[]), ask(path, &[(ACCEPT_ENCODING, "br, gzip;q=0.5")]));
            assert_eq!(said(&plain, CONTENT_ENCODING), "");
            if said(&gzip, CONTENT_ENCODING) != "gzip" {
                assert_eq!((plain.body(), said(&gzip, VARY)), (gzip.body(), ""), "{path}");
                continue;
            }
            packed += 1;
            let mut bytes = Vec::new();
            GzDecoder::new(&gzip.body()[..]).read_to_end(&mut bytes).unwrap();
            assert_eq!(&bytes, plain.body(), "{path}");
            assert_ne!(said(&gzip, ETAG), said(&plain, ETAG));
            assert_eq!((said(&gzip, VARY), said(&plain, VARY)), ("accept-encoding", "accept-encoding"));
            let other = ask(path, &[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, said(&plain, ETAG))]);
            assert_eq!(other.status(), StatusCode::OK, "{path}: the plain form is not the one that is answered");
        }
        assert!(packed > 0);
    }

    #[test]
    fn who_refuses_gzip_gets_plain_bytes() {
        for refusal in ["identity", "gzip;q=0", "gzip; q=0.000", "xgzip", "gzip;q=none"] {
            assert_eq!(said(&ask("/operator", &[(ACCEPT_ENCODING, refusal)]), CONTENT_ENCODING), "", "{refusal}");
        }
    }

    #[test]
    fn only_names_with_a_hash_are_kept_without_asking() {
        for path in paths() {
            let wanted = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
            assert_eq!(said(&ask(path, &[]), CACHE_CONTROL), wanted, "{path}");
        }
        assert!(paths().any(is_for_ever));
    }

    #[test]
    fn a_page_may_run_only_what_its_node_serves() {
        for path in ["/", "/operator"] {
            let page = ask(path, &[]);
            let policy = said(&page, CONTENT_SECURITY_POLICY);
            for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
                assert!(policy.split("; ").any(|said| said == rule), "{path}: no {rule} in {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(said(&page, X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(said(&page, REFERRER_POLICY), "no-referrer");
        }
    }

    #[test]
    fn a_page_of_others_may_load_the_client() {
        let client = ask("/client.js", &[]);
        assert_eq!(said(&client, RESOURCE_POLICY), "cross-origin");
        assert_eq!(said(&ask("/", &[]), RESOURCE_POLICY), "same-origin");
    }
}
