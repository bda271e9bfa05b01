//! `cluster factors`: what each stage that gathers earns, as its nodes count it.
//!
//! From the figures of every node that answers. Invariant: a factor is units in for one out since the node started; a stage
//! at 1 earns nothing.

use crate::{cluster::Cluster, print, readiness};

/// How the figures of a stage begin.
const PREFIX: &str = "reduction_";

/// Prints the factors of all nodes.
pub(crate) fn show(cluster: &Cluster) -> anyhow::Result<()> {
    let (seen, token) = (cluster.look()?, cluster.topology.operator_token());
    let mut lines = vec!["NODE  STAGE                      FACTOR\n".to_owned()];
    for seen in &seen {
        let told = seen.known().and_then(|(member, _)| readiness::figures(seen.node, member, token.as_ref()));
        for (name, value) in told.iter().flatten() {
            if let (Some(stage), Some(factor)) = (name.strip_prefix(PREFIX), value.as_f64()) {
                lines.push(format!("{:<4}  {stage:<25}  {factor:.1}\n", seen.node.name));
            }
        }
    }
    print(&lines.concat())
}
