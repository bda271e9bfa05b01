//! The operator page in a real browser: who dies is seen to die and to come back, and what the figures say is on the page.

use serde_json::json;
use watershed_tests::{browser::Driver, cluster::Cluster, operator_page::OperatorPage, topology::SMALL};

#[tokio::test]
async fn a_processor_that_dies_is_seen_to_die_and_to_return() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let page = OperatorPage::open(&driver, &cluster, "b1").await;
    for (node, role) in
        [("b1", "broadcast"), ("b2", "broadcast"), ("p1", "processor"), ("p2", "processor"), ("m1", "merger")]
    {
        page.state(node, "alive").await;
        let shown = format!("document.querySelector('#tree [data-node={node}]').dataset.role");
        page.shows(&shown, role).await;
        page.shows(&format!("document.querySelectorAll('#nodes tr[data-node={node}]').length"), 1).await;
    }
    page.shows("document.querySelector('#root').dataset.node", "m1").await;
    page.shows("document.querySelectorAll('#events li').length", 0).await;

    cluster.kill("p1").await;
    page.state("p1", "dead").await;
    page.tells_of("p1", 1).await;
    page.state("p2", "alive").await;
    cluster.respawn("p1").await;
    page.state("p1", "alive").await;
    page.tells_of("p1", 2).await;
    page.shows("document.querySelector('#events').textContent.includes('p2')", json!(false)).await;
    page.assert_silent().await;
}
