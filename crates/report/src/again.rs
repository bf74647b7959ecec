//! Training once more, in a folder that may go away afterwards.

use modelwright_data::Notify;
use modelwright_tasks::{Ended, Plan, Report, Session, SessionOptions, TaskError};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use std::path::Path;

/// Where a training works, who may stop it and who is told of reading.
#[derive(Clone, Copy)]
pub struct Again<'a> {
    /// Folder of its run.
    pub folder: &'a Path,
    /// To stop from outside.
    pub control: &'a Control,
    /// Told about reading.
    pub notify: Notify<'a>,
}

impl Again<'_> {
    /// Trains with the settings of a recipe as TOML, changed by `change`. `what` names the training.
    ///
    /// # Errors
    /// It fails or was stopped.
    pub(crate) fn train(
        &self,
        what: &str,
        recipe: &str,
        change: impl FnOnce(&mut Layers) -> Result<(), TaskError>,
    ) -> Result<Report, TaskError> {
        let mut layers = Layers::default();
        layers.add_toml("recipe.toml", recipe)?;
        change(&mut layers)?;
        let options = SessionOptions {
            runs: self.folder,
            tensorboard: false,
            control: self.control,
            notify: self.notify,
        };
        let session = Session::start(Plan::new(&layers, self.notify)?, options)?;
        match session.run(Box::new(|_: &Event| {}))? {
            Ended::Finished(report) => Ok(*report),
            Ended::Interrupted => Err(TaskError::Asked {
                message: format!("the {what} was stopped"),
                help: "start it again; it begins anew".into(),
            }),
        }
    }
}
