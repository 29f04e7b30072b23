//! Models on the Hub: searching, downloading, and taking in a folder.

use std::path::{Path, PathBuf};

use shorn_hub::library;
use shorn_hub::remote::{RepositoryName, Search};
use shorn_server::{HubPage, RecommendedModel};

use crate::Desktop;
use crate::error::{AppError, ErrorCode};

impl Desktop {
    /// A page of models on the Hub.
    ///
    /// # Errors
    /// When the Hub cannot be reached, or refuses.
    pub async fn search_models(&self, search: &Search) -> Result<HubPage, AppError> {
        self.app.search_hub(search).await.map_err(|error| AppError::new(ErrorCode::Hub, error))
    }

    /// The models that are recommended for coding.
    pub async fn recommended_models(&self) -> Vec<RecommendedModel> {
        self.app.recommended().await
    }

    /// Puts a model into the queue of downloads; of one that was paused or failed, goes on.
    ///
    /// # Errors
    /// When that is no name of a model.
    pub async fn download(&self, name: &str) -> Result<(), AppError> {
        self.app.downloads.add(repository(name)?);
        Ok(())
    }

    /// Stops a download for now.
    ///
    /// # Errors
    /// When that is no name of a model.
    pub async fn pause_download(&self, name: &str) -> Result<(), AppError> {
        self.app.downloads.pause(&repository(name)?);
        Ok(())
    }

    /// Goes on with a download.
    ///
    /// # Errors
    /// When that is no name of a model.
    pub async fn resume_download(&self, name: &str) -> Result<(), AppError> {
        self.app.downloads.resume(&repository(name)?);
        Ok(())
    }

    /// Stops a download and throws away what has arrived.
    ///
    /// # Errors
    /// When that is no name of a model.
    pub async fn cancel_download(&self, name: &str) -> Result<(), AppError> {
        self.app.downloads.cancel(&repository(name)?).await;
        Ok(())
    }

    /// Takes a download that ended off the list.
    ///
    /// # Errors
    /// When that is no name of a model.
    pub async fn dismiss_download(&self, name: &str) -> Result<(), AppError> {
        self.app.downloads.dismiss(&repository(name)?);
        Ok(())
    }

    /// Copies a model folder into Shorn's own folder, and returns its new place.
    ///
    /// # Errors
    /// When it holds no usable model, is there already, or cannot be copied.
    pub async fn import_model(&self, directory: PathBuf) -> Result<PathBuf, AppError> {
        let folders = self.app.folders();
        let import = move || library::import(&folders, &directory, None);
        let imported = tokio::task::spawn_blocking(import).await;
        let imported = imported.map_err(|error| AppError::new(ErrorCode::Internal, error))?;
        Ok(imported.map_err(|error| AppError::new(ErrorCode::File, error))?.directory)
    }

    /// Whether an address is that of a page of the Hub.
    pub fn is_page_of_hub(&self, url: &str) -> bool {
        self.app.hub().is_page(url)
    }

    /// Unloads a model that a request brought in, by its folder.
    pub async fn unload_other(&self, directory: &Path) {
        self.app.unload_other(directory).await;
    }
}

fn repository(name: &str) -> Result<RepositoryName, AppError> {
    name.parse().map_err(|error| AppError::new(ErrorCode::NotOnHub, error))
}
