//! What is refused, and how.

use crate::*;
use modelwright_generate::Memory;

fn error(request: Request) -> GenerateError {
    engine().unwrap().submit(request).unwrap_err()
}

#[test]
fn impossible_requests_are_refused() {
    let Some(engine) = engine() else { return };
    let good = || request(&engine, "Hi", 4);
    let empty = Request {
        prompt: vec![],
        ..good()
    };
    let strange = Request {
        prompt: vec![1 << 30],
        ..good()
    };
    let mut hot = good();
    hot.sampling.temperature = f32::NAN;
    let stop = Request {
        stop: vec![String::new()],
        ..good()
    };
    let none = Request {
        max_tokens: Some(0),
        ..good()
    };
    for request in [empty, strange, hot, stop, none] {
        let error = error(request);
        assert!(matches!(error, GenerateError::Asked { .. }), "{error}");
    }
    let long = Request {
        prompt: vec![1; 1024],
        ..good()
    };
    assert!(matches!(
        error(long),
        GenerateError::TooLong {
            prompt: 1024,
            context: 1024
        }
    ));
}

#[test]
fn the_context_ends_an_answer() {
    let Some(engine) = engine() else { return };
    let request = Request {
        prompt: vec![1; 1000],
        sampling: Sampling::greedy(),
        min_tokens: 500,
        ..Request::default()
    };
    let (_, finish, usage) = engine.submit(request).unwrap().text().unwrap();
    assert_eq!((finish, usage.completion), (Finish::Length, 24));
}

#[test]
fn a_full_queue_is_busy() {
    let busy = engine_with(EngineOptions {
        slots: 1,
        queue: 2,
        ..options()
    });
    let Some(engine) = busy else { return };
    let mut long = request(&engine, "Hi", 200);
    long.min_tokens = 200;
    let mut replies = Vec::new();
    let refused = (0..10).find_map(|_| match engine.submit(long.clone()) {
        Ok(reply) => {
            replies.push(reply);
            None
        }
        Err(error) => Some(error),
    });
    assert!(
        matches!(refused, Some(GenerateError::Busy { waiting: 2 })),
        "{refused:?}"
    );
    assert!(replies.len() <= 4);
    for reply in replies {
        assert_eq!(reply.text().unwrap().2.completion, 200);
    }
    assert!(!text(engine.submit(request(&engine, "Hi", 1)).unwrap()).is_empty());
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_figures() {
    let Some(model) = model() else { return };
    let options = EngineOptions {
        memory: Some(300 << 20),
        context: Some(8192),
        ..options()
    };
    let memory = Memory::predict(&model, &options).unwrap();
    assert!(
        memory.weights > 80_000_000 && memory.cache > memory.weights,
        "{memory:?}"
    );
    let error = Engine::load(model, options).unwrap_err().to_string();
    for part in [
        "needs",
        "weights",
        "cache for 4 conversations of 8192 tokens",
        "a context of",
    ] {
        assert!(error.contains(part), "{part} in: {error}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for change in [
        EngineOptions {
            context: Some(1 << 20),
            ..options()
        },
        EngineOptions {
            context: Some(1),
            ..options()
        },
        EngineOptions {
            slots: 0,
            ..options()
        },
    ] {
        let Some(model) = model() else { return };
        let error = Engine::load(model, change).unwrap_err();
        assert!(error.is_asked(), "{error}");
    }
}

#[test]
fn answers_are_finished_when_the_last_handle_goes() {
    let Some(engine) = engine_with(options()) else {
        return;
    };
    let reply = engine.submit(request(&engine, "Hi", 8)).unwrap();
    drop(engine);
    assert!(reply.text().is_ok());
}
