//! How a page looks: on which screen it is shown, a picture of it, and what somebody who cannot see it well would meet.
//!
//! Beside the commands of a browser. Invariant: what is judged is what is on the screen, in the look that was set last.

use std::{
    fs,
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Browser;
use crate::process::binary;

/// The committed axe-core, built by nobody here.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/web/vendor/axe.min.js");

/// A screen, and what its owner prefers.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// What pictures of it are called.
    pub name: &'static str,
    /// Width and height in CSS pixels.
    pub size: (u32, u32),
    /// Light on dark.
    pub dark: bool,
}

/// What a page weighs.
#[derive(Clone, Copy, Debug)]
pub struct Metrics {
    /// Nodes of the document.
    pub nodes: f64,
    /// Bytes that scripts hold.
    pub heap_bytes: f64,
}

/// A screen that is narrower is held in a hand.
const PHONE_WIDTH_MAX: u32 = 600;

/// Phone and desktop, light and dark.
pub const LOOKS: [Look; 4] = [
    Look { name: "desktop-light", size: (1280, 800), dark: false },
    Look { name: "desktop-dark", size: (1280, 800), dark: true },
    Look { name: "phone-light", size: (390, 844), dark: false },
    Look { name: "phone-dark", size: (390, 844), dark: true },
];

impl Browser {
    /// Shows its pages on this screen from now on.
    pub async fn look(&self, look: Look) {
        self.show_on(look.size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        // Without motion: a picture in the middle of a fade has other colours than the page.
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Shows its pages on a screen of this width and height from now on.
    pub async fn show_on(&self, (width, height): (u32, u32)) {
        let mobile = width < PHONE_WIDTH_MAX;
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// What the page weighs, after what is not needed any more was let go.
    pub async fn metrics(&self) -> Metrics {
        self.devtools("HeapProfiler.collectGarbage", json!({})).await;
        self.devtools("Performance.enable", json!({})).await;
        let told = self.devtools("Performance.getMetrics", json!({})).await;
        let figure = |name: &str| {
            let mut all = told["metrics"].as_array().into_iter().flatten();
            let found = all.find(|metric| metric["name"] == name).and_then(|metric| metric["value"].as_f64());
            found.unwrap_or_else(|| panic!("no {name} in {told}"))
        };
        Metrics { nodes: figure("Nodes"), heap_bytes: figure("JSHeapUsedSize") }
    }

    /// Writes a picture of what is on the screen below `target/screenshots`, and says where.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let picture = self.get("screenshot").await;
        let text = picture.as_str().unwrap_or_else(|| panic!("no picture: {picture}"));
        let bytes = BASE64.decode(text.as_bytes()).unwrap_or_else(|error| panic!("not a picture: {error}"));
        let dir = target().join("screenshots");
        fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let path = dir.join(format!("{name}.png"));
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("a picture is at {}", path.display());
        path
    }

    /// What axe-core holds against the page: a line for each rule, with the first elements that break it.
    pub async fn violations(&self) -> Vec<String> {
        if self.value("typeof window.axe").await == "undefined" {
            let axe = fs::read_to_string(AXE).unwrap_or_else(|error| panic!("{AXE}: {error}"));
            self.run(&axe).await;
        }
        let found =
            self.value("axe.run().then((found) => ({violations: found.violations, passes: found.passes.length}))");
        let found = found.await;
        assert!(
            found["passes"].as_u64().is_some_and(|passes| passes > 5),
            "axe-core looked at next to nothing: {found}"
        );
        let violations = found["violations"].as_array().unwrap_or_else(|| panic!("no judgement: {found}"));
        violations.iter().map(line).collect()
    }
}

fn line(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let nodes: Vec<String> = nodes.take(3).map(|node| format!("{} {}", node["html"], node["failureSummary"])).collect();
    format!("{}: {} {}", violation["id"], violation["help"], nodes.join("; "))
}

/// Where cargo builds: the binaries of a profile lie one folder below it.
fn target() -> PathBuf {
    let node = binary("watershed");
    let target = node.parent().and_then(Path::parent);
    target.unwrap_or_else(|| panic!("{} is not below a target directory", node.display())).to_owned()
}
