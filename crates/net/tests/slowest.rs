//! Who is slow, as the carousel tells it to whoever asks: over real sockets, one of which nobody reads.

mod stage;

use stage::{Stage, limits, publish_until_blocked, sleeper, soon};
use watershed_net::carousel::CarouselConfig;

#[tokio::test]
async fn who_asks_for_the_slowest_is_told_of_the_sleeper_and_of_nobody_else() {
    let mut stage = Stage::new(CarouselConfig { workers: 1, ..limits() }).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    assert_eq!(soon(stage.carousel.slowest()).await, [], "nobody is slow yet");
    let _sleeper = sleeper(&stage).await;
    publish_until_blocked(&mut stage, &mut ann).await;
    let slowest = loop {
        let slowest = soon(stage.carousel.slowest()).await;
        if slowest.iter().any(|slow| slow.stalled_ms > 0) {
            break slowest;
        }
    };
    let [slow] = &slowest[..] else { panic!("{slowest:?}") };
    assert_eq!((slow.viewer.as_str(), slow.stream.as_str()), ("sleeper", "demo"));
}
