//! Whatever runs beside a request, its answer is the same.

use crate::*;

/// A drawn answer: any difference in the logits would show.
fn drawn(engine: &Engine, i: usize) -> Request {
    Request {
        sampling: Sampling {
            temperature: 1.0,
            seed: Some(i as u64),
            ..Sampling::default()
        },
        ..request(engine, QUESTIONS[i % QUESTIONS.len()], 40)
    }
}

fn one_after_another(engine: &Engine, count: usize) -> Vec<String> {
    (0..count)
        .map(|i| text(engine.submit(drawn(engine, i)).unwrap()))
        .collect()
}

fn at_once(engine: &Engine, count: usize) -> Vec<String> {
    let replies: Vec<Reply> = (0..count)
        .map(|i| engine.submit(drawn(engine, i)).unwrap())
        .collect();
    replies.into_iter().map(text).collect()
}

#[test]
fn many_at_once_say_the_same_as_one_after_another() {
    let Some(engine) = engine() else { return };
    let alone = one_after_another(&engine, 6);
    assert_eq!(at_once(&engine, 6), alone);
    // More threads do not change anything either.
    let one = engine_with(EngineOptions {
        threads: 1,
        ..options()
    });
    assert_eq!(at_once(&one.unwrap(), 6), alone);
}

#[test]
fn prefixes_are_shared_and_change_nothing() {
    let off = EngineOptions {
        prefix_sharing: false,
        ..options()
    };
    let (Some(on), Some(off)) = (engine_with(options()), engine_with(off)) else {
        return;
    };
    let start = "You are a helpful assistant for the customers of a small shop. ".repeat(8);
    let ask = |engine: &Engine, question: &str| {
        let mut request = request(engine, &format!("{start}{question}"), 24);
        request.sampling.temperature = 0.8;
        request.sampling.seed = Some(7);
        engine.submit(request).unwrap().text().unwrap()
    };
    for (round, question) in ["Who are you?", "Who am I?", "Who are you?"]
        .iter()
        .enumerate()
    {
        let (text, _, usage) = ask(&on, question);
        let (expected, _, without) = ask(&off, question);
        assert_eq!(text, expected);
        assert_eq!(without.cached, 0);
        assert_eq!(usage.prompt, without.prompt);
        assert_eq!(usage.cached > 80, round > 0, "{usage:?}");
    }
    assert!(on.load_now().cached_tokens > 160);
}

#[test]
fn a_full_cache_makes_the_youngest_wait_and_changes_nothing() {
    let Some(engine) = engine() else { return };
    let expected = one_after_another(&engine, 4);
    // Room for two of the four conversations.
    let small = engine_with(EngineOptions {
        context: Some(160),
        cache: Some(160),
        ..options()
    });
    let small = small.unwrap();
    assert_eq!(at_once(&small, 4), expected);
    assert!(small.load_now().preemptions > 0, "{:?}", small.load_now());
}

#[test]
fn the_same_seed_says_the_same_and_another_something_else() {
    let Some(engine) = engine() else { return };
    let ask = |seed| {
        let mut request = drawn(&engine, 1);
        request.sampling.seed = seed;
        let reply = engine.submit(request).unwrap();
        (reply.seed(), text(reply))
    };
    let (seed, first) = ask(None);
    assert_eq!(ask(Some(seed)), (seed, first.clone()));
    assert_ne!(ask(None).1, first);
}

#[test]
fn a_reply_that_is_dropped_ends_its_work() {
    let Some(engine) = engine_with(options()) else {
        return;
    };
    let mut request = request(&engine, QUESTIONS[1], 900);
    request.min_tokens = 900;
    let mut reply = engine.submit(request).unwrap();
    assert!(matches!(reply.recv(), Some(Event::Text { .. })));
    drop(reply);
    // The next step notices it.
    let start = std::time::Instant::now();
    while engine.load_now().running > 0 {
        assert!(start.elapsed().as_secs() < 20, "{:?}", engine.load_now());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(engine.load_now().completion_tokens < 900);
}
