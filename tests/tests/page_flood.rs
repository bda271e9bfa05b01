//! The live page under a recorded flood: it keeps its structure, draws once an animation frame, and ends where it should.

use serde_json::{Value, json};
use watershed_tests::{browser::Driver, live_page::LivePage, recording::Recording, stage::Stage, until};

/// The most comments on the page.
const LIST_MAX: usize = 200;

/// Messages that come at once: more than one, so that a page that draws each is found out.
const AT_ONCE: usize = 3;

/// Counts how often the list changes within one animation frame, and how long it gets. All that happens within a frame has
/// one time on the document's timeline; an observer is called once for each task or callback that changed something.
const WATCH: &str = "
window.watched = {changes: 0, frames: 0, changesInFrameMax: 0, itemsMax: 0};
addEventListener('DOMContentLoaded', () => {
    let [now, inFrame] = [null, 0];
    new MutationObserver((records) => {
        const element = (record) => record.target.nodeType === 1 ? record.target : record.target.parentElement;
        if (!records.some((record) => element(record)?.closest('#comments'))) return;
        const watched = window.watched;
        const time = document.timeline.currentTime;
        inFrame = time === now ? inFrame + 1 : 1;
        watched.frames += time === now ? 0 : 1;
        watched.changes += 1;
        now = time;
        watched.changesInFrameMax = Math.max(watched.changesInFrameMax, inFrame);
        watched.itemsMax = Math.max(watched.itemsMax, document.querySelectorAll('#comments > li').length);
    }).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
});";

/// Asks for messages in each animation frame until none are left.
fn play() -> String {
    format!(
        "const frame = () => new Promise(requestAnimationFrame);
         for (;;) {{
             await frame();
             const left = await (await fetch('/next/{AT_ONCE}')).text();
             if (left === '0') return window.watched;
         }}"
    )
}

/// The list as the page shows it: id, name, text, likes.
const LIST: &str = "[...document.querySelectorAll('#comments > li')].map((row) => [row.dataset.id, \
    row.querySelector('.name').textContent, row.querySelector('.text').textContent, \
    Number(row.querySelector('.count').dataset.count)])";

#[tokio::test]
async fn a_flood_is_drawn_once_a_frame_and_ends_in_the_right_view() {
    let recording = Recording::load("flood").expect("a committed recording");
    let end = recording.view_after(recording.messages.len());
    assert!(end.comments.len() > LIST_MAX, "{} comments are no flood", end.comments.len());
    let messages = recording.messages.len();
    let stage = Stage::open(recording).await;
    let driver = Driver::start().await;
    let page = LivePage(driver.browser().await);
    page.before(WATCH).await;
    page.goto(&format!("{}/?stream=demo&viewer=recorder", stage.site.url)).await;
    page.is("live").await;
    page.run(&format!("return (async () => {{ {} }})();", play())).await;

    let shown = &end.comments[end.comments.len() - LIST_MAX..];
    let wanted: Vec<Value> = shown.iter().map(|line| json!([line.id, line.name, line.body, line.likes])).collect();
    until("the page shows the end", async || {
        let list = page.value(LIST).await;
        let differs = list.as_array().into_iter().flatten().zip(&wanted).find(|(is, should)| is != should);
        let length = list.as_array().map_or(0, Vec::len);
        if differs.is_none() && length == wanted.len() { Ok(()) } else { Err(format!("{length} rows, {differs:?}")) }
    })
    .await;
    let watched = page.value("window.watched").await;
    println!("{messages} messages: {watched}");
    assert_eq!(watched["changesInFrameMax"], 1, "{watched}");
    assert_eq!(watched["itemsMax"], LIST_MAX, "{watched}");
    // The messages of one call may fall into two frames, and those of two calls into one; all in one is no flood.
    let frames = watched["frames"].as_u64().unwrap_or_default() as usize;
    assert!(frames > messages / AT_ONCE / 4, "{watched}");

    let pinned = end.pinned.as_ref().map(|line| line.id.to_string());
    page.shows("document.querySelector('#pinned').dataset.id ?? null", json!(pinned)).await;
    page.shows("Number(document.querySelector('#viewers').dataset.count)", end.viewers).await;
    for (kind, count) in &end.reactions {
        let shown = format!("Number(document.querySelector('#reactions [data-kind=\"{kind}\"]').dataset.count)");
        page.shows(&shown, *count).await;
    }
    assert_eq!(stage.connections().await, 1, "the page did not like what it got");
    page.assert_silent().await;
}
