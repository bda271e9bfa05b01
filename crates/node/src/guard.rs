//! Who may see how the cluster is: whoever shows the operators' token, or anybody where the cluster has no secret.
//!
//! Before the answers for operators, on every node, of every role. Viewers' requests and pages, `/healthz` and `/readyz` do not
//! pass here. Invariant: what was shown is compared in constant time, and is never logged.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, InvalidHeaderValue, WWW_AUTHENTICATE,
    },
};
use watershed_membership::{OperatorToken, Topology};
use watershed_net::http::Reply;

use crate::{admin::error, figures::Figure};

/// What is for operators.
const PATHS: [&str; 3] = ["/v1/cluster", "/v1/node", "/metrics"];
/// How long a browser may remember that it may show a token here, in seconds.
const PREFLIGHT_SERVES_S: &str = "3600";
/// What is said to whoever has no token.
const HOW: &str = "`watershed token --topology FILE` prints it, send it as `Authorization: Bearer TOKEN`";

/// See the head of the file.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    token: Option<OperatorToken>,
    turned_away: Arc<TurnedAway>,
}

#[derive(Debug, Default)]
struct TurnedAway {
    missing: AtomicU64,
    wrong: AtomicU64,
}

impl Guard {
    /// Of this cluster.
    pub(crate) fn new(topology: &Topology) -> Self {
        Self { token: topology.operator_token(), turned_away: Arc::default() }
    }

    /// The answer to whoever may not see what is at this path. `None`: it is no path for operators, or the token is right.
    pub(crate) fn turn_away(&self, path: &str, headers: &HeaderMap) -> Option<Reply> {
        let token = self.token.as_ref().filter(|_| PATHS.contains(&path))?;
        let (challenge, why) = match headers.get(AUTHORIZATION) {
            None => {
                self.turned_away.missing.fetch_add(1, Ordering::Relaxed);
                ("Bearer", "the operators' token is needed here")
            }
            Some(shown) if bearer(shown).is_some_and(|shown| token.is(shown)) => return None,
            Some(_) => {
                let wrong = self.turned_away.wrong.fetch_add(1, Ordering::Relaxed) + 1;
                // Somebody may try for long: the log doubles its patience each time, the metric counts all.
                if wrong.is_power_of_two() {
                    tracing::warn!(path, wrong, "a token was shown that is not the operators'");
                }
                ("Bearer error=\"invalid_token\"", "this is not the operators' token of this cluster")
            }
        };
        let mut reply = error(StatusCode::UNAUTHORIZED, &format!("{why}: {HOW}"));
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Some(reply)
    }

    /// Who was turned away so far.
    pub(crate) fn figures(&self) -> [Figure; 2] {
        let (missing, wrong) = (&self.turned_away.missing, &self.turned_away.wrong);
        [
            Figure::counter("tokens_missing", "Asked as an operator, without a token", missing.load(Ordering::Relaxed)),
            Figure::counter("tokens_wrong", "Asked as an operator, with a wrong token", wrong.load(Ordering::Relaxed)),
        ]
    }
}

/// What a node shows to the others of its cluster.
pub(crate) fn credentials(topology: &Topology) -> Option<HeaderValue> {
    shown(&topology.operator_token()?.reveal()).ok()
}

/// A token as it is shown.
pub(crate) fn shown(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut shown = HeaderValue::try_from(format!("Bearer {token}"))?;
    shown.set_sensitive(true);
    Ok(shown)
}

/// The answer to a browser that asks whether a page of another node may show a token here. `None`: it asks for nothing else.
pub(crate) fn preflight(method: &Method, path: &str, headers: &HeaderMap) -> Option<Reply> {
    if method != Method::OPTIONS || !PATHS.contains(&path) || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SERVES_S));
    Some(reply)
}

/// The token behind `Bearer`, whose letters may be of either case (RFC 9110, section 11.1).
fn bearer(shown: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = shown.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(secret: Option<&str>) -> Guard {
        Guard { token: secret.map(OperatorToken::of), turned_away: Arc::default() }
    }

    fn head(authorization: &str) -> HeaderMap {
        [(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())].into_iter().collect()
    }

    #[test]
    fn what_is_for_operators_needs_the_token_and_nothing_else_does() {
        let guard = guard(Some("open sesame"));
        let token = OperatorToken::of("open sesame").reveal();
        for path in PATHS {
            assert!(guard.turn_away(path, &head(&format!("Bearer {token}"))).is_none());
            assert!(guard.turn_away(path, &head(&format!("bearer  {token}"))).is_none());
            for wrong in ["Bearer", "Bearer ", "Bearer open sesame", &format!("Basic {token}"), &token] {
                let reply = guard.turn_away(path, &head(wrong)).unwrap();
                assert_eq!(
                    (reply.status(), &reply.headers()[WWW_AUTHENTICATE]),
                    (StatusCode::UNAUTHORIZED, &HeaderValue::from_static("Bearer error=\"invalid_token\""))
                );
            }
            let reply = guard.turn_away(path, &HeaderMap::new()).unwrap();
            assert_eq!(
                (reply.status(), &reply.headers()[WWW_AUTHENTICATE]),
                (StatusCode::UNAUTHORIZED, &HeaderValue::from_static("Bearer"))
            );
        }
        assert_eq!(guard.figures().map(|figure| figure.value), [3.0, 15.0]);
        for path in ["/", "/healthz", "/readyz", "/v1/streams/demo", "/v1/node/"] {
            assert!(guard.turn_away(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn without_a_secret_nobody_is_turned_away() {
        assert!(guard(None).turn_away("/v1/node", &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_browser_is_told_that_a_token_may_be_shown_where_one_is_needed() {
        let asks: HeaderMap = [(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"))].into_iter().collect();
        let reply = preflight(&Method::OPTIONS, "/v1/cluster", &asks).unwrap();
        assert_eq!(reply.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "Authorization");
        assert!(preflight(&Method::OPTIONS, "/v1/streams/demo", &asks).is_none());
        assert!(preflight(&Method::OPTIONS, "/v1/cluster", &HeaderMap::new()).is_none());
        assert!(preflight(&Method::GET, "/v1/cluster", &asks).is_none());
    }
}
