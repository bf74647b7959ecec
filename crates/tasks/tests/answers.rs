//! What a finished model says of each example agrees with what was measured of it.

use modelwright_data::quiet;
use modelwright_runs::Store;
use modelwright_tasks::{
    AnswerValues, Answers, Ended, Evaluation, Plan, Session, SessionOptions, data_of_run,
};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};

#[test]
fn answers_add_up_to_the_evaluation_and_mistakes_are_real() {
    for source in ["digits", "iris", "ames"] {
        let folder = tempfile::tempdir().unwrap();
        let mut layers = Layers::default();
        for (key, value) in [("data.source", source), ("training.epochs", "2")] {
            layers.set(key, value).unwrap();
        }
        let plan = Plan::new(&layers, &quiet).unwrap();
        let options = SessionOptions {
            runs: folder.path(),
            tensorboard: false,
            control: &Control::default(),
            notify: &quiet,
        };
        let session = Session::start(plan, options).unwrap();
        let id = session.id().to_string();
        let mut mistakes = Vec::new();
        let watch = |event: &Event| {
            if let Event::Mistakes { mistakes: told, .. } = event {
                mistakes = told.clone();
            }
        };
        let Ended::Finished(report) = session.run(Box::new(watch)).unwrap() else {
            panic!("{source} did not finish")
        };
        let store = Store::open(folder.path()).unwrap();
        let (run, run_folder) = (store.get(&id).unwrap(), store.folder(&id));
        let data = data_of_run(&run, &run_folder, &quiet).unwrap();
        let answers = Answers::of_run(&run, &run_folder, &data).unwrap();
        assert_eq!(
            answers.examples.len(),
            report.evaluation.examples(),
            "{source}"
        );
        match (&answers.values, &report.evaluation) {
            (AnswerValues::Classes { classes, .. }, Evaluation::Classification(report)) => {
                assert_eq!(*classes, report.classes);
                for (t, counts) in report.confusion.iter().enumerate() {
                    for (p, count) in counts.iter().enumerate() {
                        assert_eq!(answers.cell(t, p).len(), *count, "{source} {t} {p}");
                    }
                }
            }
            (
                AnswerValues::Values {
                    truth, predicted, ..
                },
                Evaluation::Regression(report),
            ) => {
                let errors = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs());
                let mae = errors.sum::<f64>() / truth.len() as f64;
                assert!((mae - report.mae).abs() < 1e-9 * report.mae);
            }
            _ => panic!("{source}: answers of another kind than the evaluation"),
        }
        // After two epochs there is something left to learn.
        assert!(!mistakes.is_empty(), "{source}");
        for mistake in &mistakes {
            assert_ne!(mistake.truth, mistake.predicted, "{source}");
            assert!(mistake.example < data.content.len());
            assert!(
                !answers.examples.contains(&mistake.example),
                "{source}: a test example"
            );
        }
        // The second time they come from the file.
        assert!(run_folder.answers().exists());
        assert_eq!(Answers::of_run(&run, &run_folder, &data).unwrap(), answers);
    }
}
