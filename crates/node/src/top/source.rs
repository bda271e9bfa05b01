//! Whom to ask for the cluster's figures, and asking.
//!
//! From the command line, the topology and earlier answers to bytes. Invariant: whoever answered last is asked first, and a
//! round asks everybody that is known once before it gives up.

use std::{path::PathBuf, time::Duration};

use http::{HeaderValue, StatusCode};
use watershed_membership::{Health, Membership, StateDir, Topology};
use watershed_net::http::{GetError, get_as};
use watershed_protocol::Role;

use super::sample::{Sample, State};

/// How long one node may take: it waits 500 ms itself for those that it asks.
const ANSWER_MAX: Duration = Duration::from_millis(1500);

/// How many broadcast nodes are remembered from an answer, to be asked when the present one dies.
const LEARNED_MAX: usize = 16;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The cluster has a secret, and the request did not show that it knows it.
    #[error("{url} wants {} token: `watershed token` prints it, --token takes it", if *.shown { "another" } else { "a" })]
    Token {
        /// Who said so.
        url: String,
        /// Whether a token was shown.
        shown: bool,
    },
    /// Nobody of those who are known gave figures.
    #[error("{}{last}", if *.asked > 1 { format!("{} URLs asked, the last: ", .asked) } else { String::new() })]
    Nobody {
        /// How many were asked.
        asked: usize,
        /// What was wrong with the last.
        last: String,
    },
}

/// One answer, read.
pub(super) struct Answer {
    /// Who gave it.
    pub(super) url: String,
    /// As it came.
    pub(super) bytes: bytes::Bytes,
    /// What it says.
    pub(super) sample: Sample,
}

/// See the head of the file.
pub(super) struct Source {
    /// Named on the command line.
    given: Vec<String>,
    /// Whose state directory names broadcast nodes.
    topology: Option<Topology>,
    /// Broadcast nodes that the last answer named.
    learned: Vec<String>,
    /// Who answered last.
    last: Option<String>,
    /// What is shown where the cluster has a secret.
    credentials: Option<HeaderValue>,
}

impl Source {
    /// Asks these URLs, and the broadcast nodes of this topology.
    pub(super) fn new(given: Vec<String>, topology: Option<Topology>, credentials: Option<HeaderValue>) -> Self {
        let given = given.into_iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self { given, topology, learned: Vec::new(), last: None, credentials }
    }

    /// Asks until somebody gives figures, each that is known at most once.
    pub(super) async fn ask(&mut self) -> Result<Answer, AskError> {
        let (mut asked, mut last) = (0, "no broadcast node has joined yet".to_owned());
        for url in self.known() {
            asked += 1;
            match self.ask_one(&url).await {
                Ok(answer) => {
                    self.learn(&answer);
                    return Ok(answer);
                }
                // Another node has the same secret.
                Err(Refused::Token(error)) => return Err(error),
                Err(Refused::Why(why)) => last = why,
            }
        }
        Err(AskError::Nobody { asked, last })
    }

    /// Everybody who may know, the most promising first, nobody twice.
    fn known(&self) -> Vec<String> {
        let joined = self.topology.as_ref().map(joined).unwrap_or_default();
        let mut known: Vec<String> = Vec::new();
        for url in self.last.iter().chain(&self.given).chain(&self.learned).chain(&joined) {
            if !known.contains(url) {
                known.push(url.clone());
            }
        }
        known
    }

    async fn ask_one(&self, url: &str) -> Result<Answer, Refused> {
        let why = |what: String| Refused::Why(format!("{url}: {what}"));
        let got = get_as(&format!("{url}/v1/cluster"), self.credentials.as_ref(), ANSWER_MAX).await;
        let (status, bytes) = got.map_err(|error| match error {
            // It names the address itself.
            GetError::Connect(..) => Refused::Why(error.to_string()),
            other => why(other.to_string()),
        })?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                return Err(Refused::Token(AskError::Token { url: url.to_owned(), shown: self.credentials.is_some() }));
            }
            other => return Err(why(format!("it answers {other}"))),
        }
        let sample = Sample::parse(&bytes).map_err(|error| why(error.to_string()))?;
        Ok(Answer { url: url.to_owned(), bytes, sample })
    }

    /// Remembers who else could be asked.
    fn learn(&mut self, answer: &Answer) {
        let living = answer.sample.of_role(Role::Broadcast).filter(|node| node.state == State::Alive);
        self.learned = living.filter_map(|node| node.url.clone()).take(LEARNED_MAX).collect();
        self.last = Some(answer.url.clone());
    }
}

enum Refused {
    Token(AskError),
    Why(String),
}

/// The broadcast nodes that have joined and are not dead, as the state directory names them.
fn joined(topology: &Topology) -> Vec<String> {
    let dir: PathBuf = topology.state_dir();
    // To open the directory would make it, where no cluster ever was.
    let members = if dir.exists() { StateDir::open(&dir).and_then(|dir| dir.members()) } else { Ok(Vec::new()) };
    let living = members
        .unwrap_or_default()
        .into_iter()
        .filter(|(member, health)| member.role == Role::Broadcast && *health != Health::Dead);
    living.map(|(member, _)| member.http).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers everything with this status and body, and gives the URL and what it was asked.
    async fn node(status: &'static str, body: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, asked) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(socket.read_u8().await.unwrap());
                }
                told.send(String::from_utf8(request).unwrap()).unwrap();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, asked)
    }

    /// A URL at which nobody listens.
    async fn nobody() -> String {
        format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap())
    }

    #[tokio::test]
    async fn whoever_answered_last_is_asked_first() {
        let ((first, dead), (second, mut asked)) =
            ((nobody().await, nobody().await), node("200 OK", r#"{"nodes":[]}"#).await);
        let mut source = Source::new(vec![first, dead, second.clone()], None, None);
        assert_eq!(source.ask().await.unwrap().url, second);
        assert_eq!(source.known()[0], second);
        assert!(asked.recv().await.unwrap().starts_with("GET /v1/cluster HTTP/1.1"));
    }

    #[tokio::test]
    async fn nodes_that_an_answer_named_are_asked_when_the_others_are_gone() {
        let body = r#"{"nodes":[{"node":"b7","role":"broadcast","state":"alive","url":"http://b7:8080"},
            {"node":"b8","role":"broadcast","state":"dead","url":"http://b8:8080"}]}"#;
        let (url, _asked) = node("200 OK", body).await;
        let mut source = Source::new(vec![url.clone()], None, None);
        source.ask().await.unwrap();
        assert_eq!(source.known(), [url.as_str(), "http://b7:8080"]);
    }

    #[tokio::test]
    async fn a_cluster_with_a_secret_is_shown_the_token_and_a_refusal_says_where_to_get_one() {
        let (url, mut asked) = node("401 Unauthorized", "").await;
        let why = async |token: Option<&str>| {
            let mut source =
                Source::new(vec![url.clone()], None, token.map(|token| format!("Bearer {token}").parse().unwrap()));
            source.ask().await.err().unwrap().to_string()
        };
        assert_eq!(why(None).await, format!("{url} wants a token: `watershed token` prints it, --token takes it"));
        assert!(!asked.recv().await.unwrap().contains("authorization"));
        assert_eq!(
            why(Some("t0ken")).await,
            format!("{url} wants another token: `watershed token` prints it, --token takes it")
        );
        assert!(asked.recv().await.unwrap().contains("authorization: Bearer t0ken\r\n"));
    }

    #[tokio::test]
    async fn what_answers_but_is_no_node_is_named_with_what_it_said() {
        let (page, _asked) = node("200 OK", "<html>").await;
        let (other, _asked) = node("404 Not Found", "").await;
        for (url, what) in [(page, "the answer of 6 bytes is no cluster"), (other, "it answers 404 Not Found")] {
            let error = Source::new(vec![url.clone()], None, None).ask().await.err().unwrap().to_string();
            assert!(error.starts_with(&format!("{url}: {what}")), "{error}");
        }
    }
}
