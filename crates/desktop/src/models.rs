//! Models on this disk: listing, estimating, loading, deleting.

use std::path::PathBuf;

use serde::Deserialize;
use shorn_hub::embedded;
use shorn_hub::library::Library;
use shorn_runtime::{LoadOptions, ModelState, SavedSettings};
use shorn_server::{Estimate, LoadRequest as ServerLoadRequest};
use ts_rs::TS;

use crate::Desktop;
use crate::error::{AppError, ErrorCode};
use crate::settings::RecentModel;

/// A load as the dialog asks for it.
#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LoadRequest {
    /// A folder of the library.
    pub model: String,
    /// Used, and remembered for the model.
    pub settings: SavedSettings,
    /// Load although the estimate says that it does not fit.
    pub anyway: bool,
}

impl Desktop {
    /// Every model on this disk.
    ///
    /// # Errors
    /// When looking for them fails.
    pub async fn library(&self) -> Result<Library, AppError> {
        Ok(self.app.library().await?)
    }

    /// What a load would take with exactly these options; nothing is loaded.
    ///
    /// # Errors
    /// When the model is not there or cannot take an option.
    pub async fn estimate(&self, model: &str, options: LoadOptions) -> Result<Estimate, AppError> {
        let (name, directory) = self.app.find(model).await?;
        // What is left open in a dialog is meant to be open, whatever was saved before.
        let save = Some(SavedSettings { load: options.clone(), ..SavedSettings::default() });
        let request = ServerLoadRequest { name, directory, options, save, anyway: false };
        Ok(self.app.estimate(&request).await?)
    }

    /// What is remembered for a model.
    ///
    /// # Errors
    /// When the model is not there, or its file cannot be used.
    pub async fn saved_settings(&self, model: &str) -> Result<SavedSettings, AppError> {
        let (name, _) = self.app.find(model).await?;
        Ok(self.app.saved_settings(&name)?)
    }

    /// Loads a model in place of the present one, and returns when it is loaded.
    ///
    /// # Errors
    /// When the model is not there, cannot take an option, does not fit, or fails to load.
    pub async fn load(&self, request: LoadRequest) -> Result<ModelState, AppError> {
        let LoadRequest { model, settings, anyway } = request;
        let (name, directory) = self.app.find(&model).await?;
        let (options, save) = (settings.load.clone(), Some(settings));
        self.load_and_remember(ServerLoadRequest { name, directory, options, save, anyway }).await
    }

    /// Loads a model as it was loaded before.
    ///
    /// # Errors
    /// As [`Desktop::load`].
    pub async fn load_again(&self, model: &RecentModel) -> Result<ModelState, AppError> {
        let RecentModel { name, directory } = model.clone();
        if !directory.is_dir() {
            let message = format!("{name} is not on this disk any more: there is no {}", directory.display());
            return Err(AppError::new(ErrorCode::ModelNotFound, message));
        }
        let options = LoadOptions::default();
        self.load_and_remember(ServerLoadRequest { name, directory, options, save: None, anyway: false })
            .await
    }

    async fn load_and_remember(&self, request: ServerLoadRequest) -> Result<ModelState, AppError> {
        let recent = RecentModel { name: request.name.clone(), directory: request.directory.clone() };
        let model = self.app.load(request).await?;
        self.forget_load_problem();
        let state = self.app.loaded(&model).await?;
        self.update_settings(|settings| settings.remember(recent))?;
        Ok(state)
    }

    /// The model to begin with: the one that was loaded last, else the embedded one.
    pub(crate) fn first_model(&self) -> RecentModel {
        let last = self.settings().recent.into_iter().next();
        last.unwrap_or_else(|| RecentModel {
            name: embedded::NAME.to_owned(),
            directory: self.embedded.clone(),
        })
    }

    /// Ends a load that is under way.
    pub async fn cancel_load(&self) {
        self.app.unload().await;
    }

    /// Unloads the model; the next request loads it again.
    pub async fn unload(&self) {
        self.app.unload().await;
    }

    /// Deletes a model of the library, and returns the bytes that this freed.
    ///
    /// # Errors
    /// When it is not there, is loaded, or its files cannot be deleted.
    pub async fn delete_model(&self, directory: &str) -> Result<u64, AppError> {
        let directory = PathBuf::from(directory);
        let library = self.app.library().await?;
        let model =
            library.models.into_iter().find(|model| model.directory == directory).ok_or_else(|| {
                let message = "this model is not there any more; list the models again";
                AppError::new(ErrorCode::ModelNotFound, message)
            })?;
        let freed = self.app.delete(model).await?;
        self.update_settings(|settings| settings.recent.retain(|known| known.directory != directory))?;
        Ok(freed)
    }
}
