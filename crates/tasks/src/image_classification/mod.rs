//! Which of several classes is in a picture?

mod learner;
mod predictor;
mod transform;

use crate::classify::ClassHead;
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::network;
use crate::parts::{Division, Parts};
use crate::task::{Job, JobOutcome, Made, Predictor, Task, TaskInfo};
use burn::tensor::Device;
use learner::ImageLearner;
use modelwright_data::rng::{Purpose, derive};
use modelwright_data::{Content, DataConfig, Dataset, ImageSet, Part};
use modelwright_models::{
    ImageNet, LenetConfig, MlpConfig, ModelConfig, ResNetConfig, Stem, load_pretrained,
    pretrained_stem, weights,
};
use modelwright_runs::{Bundle, MODEL, PREPROCESSOR};
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;
use predictor::ImagePredictor;
use transform::ImageTransform;

/// The task.
pub(crate) struct ImageClassification;

const NAME: &str = "image-classification";

impl Task for ImageClassification {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "a picture",
            gives: "one of several classes, with probabilities",
            example: "sort returned goods by photo",
        }
    }

    fn fits(&self, dataset: &Dataset, _: &DataConfig) -> Option<u32> {
        matches!(dataset.content, Content::Images(_)).then_some(10)
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        _: &Layers,
    ) -> Result<Recipe, TaskError> {
        let set = images(dataset)?;
        let [height, width, channels] = transform::working_shape(set, config.image_size)?;
        let small_grey = channels == 1 && height.max(width) <= 32;
        // On pictures as small as 8x8 there is nothing to pool: a perceptron does better than LeNet.
        let tiny = small_grey && height.max(width) <= 12;
        let model = match (tiny, small_grey) {
            (true, _) => ModelConfig::Mlp(MlpConfig {
                hidden: vec![512, 256],
                dropout: 0.2,
                ..Default::default()
            }),
            (_, true) => ModelConfig::Lenet(LenetConfig::default()),
            _ => ModelConfig::Resnet18(ResNetConfig::default()),
        };
        let epochs = match set.len() {
            0..5_000 if tiny => 60,
            0..5_000 => 30,
            5_000..20_000 => 10,
            _ => 5,
        };
        let mut layers = Layers::default();
        for (key, value) in [
            ("training.epochs", epochs.to_string()),
            (
                "training.batch_size",
                if set.len() < 5_000 { "32" } else { "64" }.into(),
            ),
            ("schedule.name", "cosine".into()),
            ("schedule.warmup", "1".into()),
            ("augment.rotate", if tiny { "10" } else { "0" }.into()),
            ("augment.crop_padding", if tiny { "1" } else { "0" }.into()),
            (
                "training.label_smoothing",
                if tiny { "0.1" } else { "0" }.into(),
            ),
            // A few hundred validation pictures cannot tell the best of many good epochs; at the end
            // of a cosine the last one is as good as any.
            ("training.keep", if tiny { "last" } else { "best" }.into()),
            (
                "optimizer.learning_rate",
                if small_grey { "0.002" } else { "0.001" }.into(),
            ),
        ] {
            layers.set(key, &value)?;
        }
        Ok(layers.over(&Recipe::new(NAME, config.clone(), model))?)
    }

    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
        if recipe.model.weights().is_none() && recipe.model.freezes_body() {
            return Err(TaskError::asked(
                "model.freeze keeps the body as it was loaded, but no weights are loaded",
                "add --weights FILE, or leave --freeze away",
            ));
        }
        if let ModelConfig::Resnet18(c) | ModelConfig::Resnet34(c) = &mut recipe.model
            && c.stem == Stem::Auto
        {
            c.stem = match &c.weights {
                Some(source) => pretrained_stem(source)?,
                None => {
                    let asked = recipe.data.image_size;
                    let [height, width, _] = transform::working_shape(images(dataset)?, asked)?;
                    Stem::for_pictures(height, width)
                }
            };
        }
        Ok(())
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        parts(dataset, recipe)
    }

    fn train(&self, mut job: Job) -> Result<JobOutcome, TaskError> {
        let recipe = job.recipe;
        let Prepared {
            set,
            parts,
            head,
            transform,
            facts,
            mut notes,
        } = prepare(recipe, job.dataset, &job.hashes, job.decoding)?;
        let device = job.device.clone();
        let (net, replaced) = build(
            recipe,
            &transform,
            head.classes.len(),
            &device,
            job.course.resume.is_some(),
        )?;
        if replaced {
            notes
                .push("the head of the pretrained network was replaced for the new classes".into());
        }
        let learner = ImageLearner::new(recipe, set, parts, head, transform);
        let Some(trained) = job.course.fit(recipe, &job.device, &learner, net)? else {
            return Ok(JobOutcome::Interrupted);
        };
        let (set, parts, head, transform) = learner.into_parts();
        let model = network::to_bytes(&trained.model)?;
        let parameters = weights::count(&trained.model);
        let scored_on = parts.scored_on();
        let predictor = ImagePredictor::new(
            trained.model,
            transform.clone(),
            head.classes.clone(),
            device,
        );
        let place = format!("the {} part", scored_on.name());
        let evaluation = predictor.evaluate_set(&place, &set, parts.of(scored_on))?;
        Ok(JobOutcome::Made(Box::new(Made {
            files: vec![(MODEL, model), (PREPROCESSOR, transform.to_json())],
            hugging_face: Default::default(),
            labels: head.classes,
            parameters,
            evaluation: Evaluation::Classification(evaluation),
            baselines: Vec::new(),
            scored_on,
            epoch: trained.epoch,
            facts,
            notes,
        })))
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(ImagePredictor::load(bundle, device)?))
    }
}

/// What the loop needs, made from recipe and data.
struct Prepared {
    set: ImageSet,
    parts: Parts,
    head: ClassHead,
    transform: ImageTransform,
    facts: modelwright_runs::Facts,
    notes: Vec<String>,
}

fn prepare(
    recipe: &Recipe,
    dataset: Dataset,
    hashes: &[u64],
    decoding: &(dyn Fn(usize, usize) + Sync),
) -> Result<Prepared, TaskError> {
    images(&dataset)?;
    // Taken, not copied: the pictures may be most of the memory.
    let Content::Images(mut set) = dataset.content else {
        unreachable!("checked just above")
    };
    let (source, mut notes) = (dataset.source, dataset.notes);
    let shape = transform::working_shape(&set, recipe.data.image_size)?;
    let (rows, labels) = labelled(&set);
    let division = Division {
        rows: &rows,
        strata: &labels,
        hashes,
        given: &set.given,
    };
    let parts = Parts::new(recipe, &division)?;
    set.pack(shape, decoding)?;
    let train = parts.of(Part::Train);
    let of_train = train.iter().filter_map(|i| set.labels[*i]);
    let head = ClassHead::new(recipe, &source, &set.classes, of_train)?;
    let transform = match recipe.model.weights() {
        Some(_) => ImageTransform::imagenet(shape),
        None => ImageTransform::fit(&set, shape, train)?,
    };
    if rows.len() < set.len() {
        notes.push(format!(
            "{} pictures without a label were left out",
            set.len() - rows.len()
        ));
    }
    let mut facts = vec![
        ("source".into(), source),
        ("classes".into(), set.classes.join(", ")),
        (
            "picture size".into(),
            format!("{}x{}, {} channel(s)", shape[1], shape[0], shape[2]),
        ),
    ];
    facts.extend(parts.facts());
    Ok(Prepared {
        set,
        parts,
        head,
        transform,
        facts,
        notes,
    })
}

/// The network with fresh or pretrained weights, drawn from the recipe's seed.
fn build(
    recipe: &Recipe,
    transform: &ImageTransform,
    classes: usize,
    device: &Device,
    resumed: bool,
) -> Result<(ImageNet, bool), TaskError> {
    modelwright_kernels::noise::seed(derive(recipe.training.seed, Purpose::Init, (0, 0)));
    let autodiff = device.clone().autodiff();
    let net = ImageNet::new(&recipe.model, transform.planes(), classes, &autodiff)?;
    // A checkpoint holds all weights; the file they once came from may be gone by now.
    let (net, replaced) = match recipe.model.weights().filter(|_| !resumed) {
        Some(source) => load_pretrained(net, source)?,
        None => (net, false),
    };
    let net = if recipe.model.freezes_body() {
        net.freeze_body()
    } else {
        net
    };
    Ok((net, replaced))
}

/// The pictures of a data set.
fn images(dataset: &Dataset) -> Result<&ImageSet, TaskError> {
    match &dataset.content {
        Content::Images(set) => Ok(set),
        Content::Table(_) => Err(TaskError::asked(
            format!("{} is a table, but {NAME} needs pictures", dataset.source),
            "give a folder with one folder of pictures a class, or another --task",
        )),
    }
}

/// The part of each picture; `None` for those without a label.
fn parts(dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
    let set = images(dataset)?;
    let (rows, labels) = labelled(set);
    let division = Division {
        rows: &rows,
        strata: &labels,
        hashes: &set.hashes()?,
        given: &set.given,
    };
    Ok(division.of_all(recipe))
}

/// The examples that have a label, and the labels.
fn labelled(set: &ImageSet) -> (Vec<usize>, Vec<u32>) {
    set.labels
        .iter()
        .enumerate()
        .filter_map(|(i, label)| label.map(|l| (i, l)))
        .unzip()
}
