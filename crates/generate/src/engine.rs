//! A model that answers.

use crate::constraint::{Constraint, Constraints, Follower};
use crate::error::GenerateError;
use crate::memory::{Memory, ROWS, Sizes};
use crate::net::Net;
use crate::options::{EngineOptions, Load};
use crate::reply::Reply;
use crate::request::Request;
use crate::sampler::{Sampler, any_seed};
use crate::scheduler::{Counters, Job, Scheduler, Vocabulary};
use crate::stops::Writer;
use crate::template::ChatTemplate;
use modelwright_kernels::decode::KvPages;
use modelwright_models::{DecoderConfig, LanguageModel, Tokenizer};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc::unbounded_channel;

/// Bytes of stack of the threads that compute.
const STACK: usize = 8 << 20;

/// A model that answers; a copy is another handle of the same. When the last handle is dropped, answers
/// on their way are finished, and the model is freed.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    name: String,
    config: DecoderConfig,
    context: usize,
    memory: Memory,
    template: Option<ChatTemplate>,
    /// Put before a text that is to be continued.
    bos: Option<u32>,
    vocabulary: Arc<Vocabulary>,
    /// Texts of special tokens.
    special: Vec<String>,
    constraints: OnceLock<Result<Constraints, GenerateError>>,
    jobs: Sender<Job>,
    queue: usize,
    orders: AtomicU64,
    counters: Arc<Counters>,
}

impl Engine {
    /// Reads a model and starts its thread.
    ///
    /// # Errors
    /// It does not fit into memory, or its files cannot be used.
    pub fn load(model: LanguageModel, options: EngineOptions) -> Result<Self, GenerateError> {
        let Sizes { context, pages } = Sizes::of(&model.config, &options)?;
        let memory = Memory::predict(&model, &options)?;
        memory.check(&model, &options)?;
        let own = |e: &dyn fmt::Display| GenerateError::Own(format!("cannot start threads: {e}"));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .thread_name(|i| format!("generate {i}"))
            .stack_size(STACK)
            .build()
            .map_err(|e| own(&e))?;
        let net = pool.install(|| Net::load(&model, ROWS, options.slots))?;
        let config = model.config.clone();
        let cache = KvPages::new(config.layers, config.kv_heads, config.head_dim, pages);
        let counters = Arc::new(Counters::default());
        let cached = (pages, options.prefix_sharing);
        let scheduler = Scheduler::new(net, cache, cached, options.slots, counters.clone());
        let (jobs, taken) = channel();
        std::thread::Builder::new()
            .name(format!("model {}", model.name))
            .spawn(move || pool.install(move || scheduler.run(taken)))
            .map_err(|e| own(&e))?;
        Ok(Self(Arc::new(Inner {
            template: ChatTemplate::of(&model)?,
            name: model.name,
            config,
            context,
            memory,
            bos: model.bos.filter(|_| model.add_bos),
            special: special(&model.tokenizer),
            vocabulary: Arc::new(Vocabulary {
                tokenizer: model.tokenizer,
                stops: model.stops,
            }),
            constraints: OnceLock::new(),
            jobs,
            queue: options.queue,
            orders: AtomicU64::new(0),
            counters,
        })))
    }

    /// What the model is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.0.config
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.0.vocabulary.tokenizer
    }

    /// Tokens of a conversation, prompt and answer together.
    pub fn context(&self) -> usize {
        self.0.context
    }

    /// What it was predicted to take.
    pub fn memory(&self) -> Memory {
        self.0.memory
    }

    /// How it writes a conversation down; `None`: it was not trained for chat and only continues texts.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.0.template.as_ref()
    }

    /// Tokens that end an answer.
    pub fn stops(&self) -> &[u32] {
        &self.0.vocabulary.stops
    }

    pub(crate) fn special(&self) -> &[String] {
        &self.0.special
    }

    /// What it does and has done.
    pub fn load_now(&self) -> Load {
        self.0.counters.load()
    }

    /// The tokens of a text that is to be continued: with the token that the model wants at the start of
    /// a text, and without looking for special tokens in it.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let ids = self.tokenizer().encode_raw(text);
        self.0.bos.into_iter().chain(ids).collect()
    }

    /// Asks for an answer.
    ///
    /// # Errors
    /// The request is not possible, too long, or too many are waiting. An error later on comes with the
    /// reply.
    pub fn submit(&self, request: Request) -> Result<Reply, GenerateError> {
        request.check()?;
        let inner = &*self.0;
        let prompt = request.prompt.len();
        if prompt >= inner.context {
            return Err(GenerateError::TooLong {
                prompt,
                context: inner.context,
            });
        }
        let known = inner.config.vocabulary as u32;
        if let Some(strange) = request.prompt.iter().find(|id| **id >= known) {
            return Err(GenerateError::asked(
                format!("the prompt has the token {strange}"),
                format!("tokens of this model are below {known}"),
            ));
        }
        let follower = request.constraint.as_ref().map(|c| self.follower(c));
        let follower = follower.transpose()?;
        let room = inner.context - prompt;
        let most = request.max_tokens.map_or(room, |most| most.min(room));
        let seed = request.sampling.seed.unwrap_or_else(any_seed);
        let (events, received) = unbounded_channel();
        self.admit()?;
        let job = Job {
            order: inner.orders.fetch_add(1, Ordering::Relaxed),
            prompt: request.prompt,
            sampler: Sampler::new(request.sampling, seed),
            writer: Writer::new(&request.stop),
            follower,
            logprobs: request.logprobs,
            most,
            least: request.min_tokens.min(most),
            vocabulary: inner.vocabulary.clone(),
            events,
        };
        inner.jobs.send(job).map_err(|_| GenerateError::Stopping)?;
        Ok(Reply {
            events: received,
            prompt,
            dropped: 0,
            seed,
        })
    }

    /// Takes a place in the queue.
    fn admit(&self) -> Result<(), GenerateError> {
        let waiting = &self.0.counters.waiting;
        let next = |n: usize| (n < self.0.queue.max(1)).then_some(n + 1);
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map(|_| ())
            .map_err(|waiting| GenerateError::Busy { waiting })
    }

    fn follower(&self, constraint: &Constraint) -> Result<Follower, GenerateError> {
        // The trie of the vocabulary is made once somebody asks for a form.
        let constraints = self
            .0
            .constraints
            .get_or_init(|| Constraints::new(&self.0.vocabulary));
        match constraints {
            Ok(constraints) => constraints.follower(constraint),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Texts that a tokenizer takes for special tokens; longer ones first, since they may hold shorter ones.
fn special(tokenizer: &Tokenizer) -> Vec<String> {
    let tokens = tokenizer.special_tokens().into_iter();
    let mut texts: Vec<String> = tokens
        .map(|(_, text)| text)
        .filter(|t| !t.is_empty())
        .collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.0.name)
    }
}
