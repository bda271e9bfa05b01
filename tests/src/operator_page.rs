//! The operator page in a browser, as an operator opens it.
//!
//! Between tests of the page and a browser. It knows the page by the ids and attributes that the page keeps for this.
//! Invariant: a page that is open shows figures of every node of the cluster.

use std::ops::Deref;

use crate::{
    browser::{Browser, Driver},
    cluster::Cluster,
    until,
};

/// A browser with the operator page.
#[derive(Debug)]
pub struct OperatorPage(pub Browser);

impl Deref for OperatorPage {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
}

impl OperatorPage {
    /// Opens the page from this node, and waits until it shows all nodes.
    pub async fn open(driver: &Driver, cluster: &Cluster, node: &str) -> Self {
        let page = Self(driver.open(&format!("{}/operator", cluster.url(node).await)).await);
        let nodes = cluster.status().await.len();
        page.shows("document.querySelectorAll('#tree [data-node]').length", nodes as u64).await;
        page
    }

    /// Waits until the tree shows a node in this state.
    pub async fn state(&self, node: &str, state: &str) {
        self.shows(&format!("document.querySelector('#tree [data-node={node}]')?.dataset.state"), state).await;
    }

    /// Waits until so many events, or more, name a node.
    pub async fn tells_of(&self, node: &str, count: usize) {
        until(&format!("{count} events tell of {node}"), async || {
            let told =
                self.value("[...document.querySelectorAll('#events li')].map((event) => event.textContent)").await;
            let named = told.as_array().into_iter().flatten().filter(|text| text.to_string().contains(node)).count();
            if named >= count { Ok(()) } else { Err(told.to_string()) }
        })
        .await;
    }
}
