//! Asking for a page of models.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use reqwest::Url;
use reqwest::header::{self, HeaderMap};
use serde::Deserialize;

use super::hub::Hub;
use super::model::{Gated, Safetensors};
use super::request::{Subject, text};
use super::{FoundModel, HubError, RepositoryName, Search, SearchOrder, SearchPage, Support};

/// Models on a page.
const PAGE: usize = 20;

/// Among so many of the most downloaded ones the smallest are looked for.
const SIZED: usize = 200;

/// Models that are looked at at the same time.
const AT_A_TIME: usize = 8;

/// The largest list that is read.
const MAX_LIST_BYTES: usize = 8 << 20;

/// Longer words, and a longer place to go on at, are none that anybody means.
const MAX_TEXT_BYTES: usize = 2048;

/// What the list is asked to say about each model.
const FIELDS: &[&str] = &["downloads", "gated", "lastModified", "sha"];

/// A model as the list has it.
#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    downloads: u64,
    #[serde(default, rename = "lastModified")]
    last_modified: Option<String>,
    #[serde(default)]
    gated: Gated,
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    safetensors: Option<Safetensors>,
}

impl Hub {
    /// Looks for models in MLX format, a page at a time.
    ///
    /// Each model on the page is looked at, so that it is known whether it can be loaded; one that cannot be looked
    /// at is [`Support::Unknown`], and the page is there all the same.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn search(&self, search: &Search) -> Result<SearchPage, HubError> {
        let too_long = |text: &str| text.len() > MAX_TEXT_BYTES;
        if too_long(&search.text) || search.page.as_deref().is_some_and(too_long) {
            return Err(HubError::Refused(
                "what to look for is too long: use a few words of the name".to_owned(),
            ));
        }
        let (listed, next) = match search.order {
            SearchOrder::Size => self.smallest(search).await?,
            _ => self.listed(search).await?,
        };
        let looked_at = listed.into_iter().filter_map(|listed| {
            // Only models of the Hub's first years have no organisation, and none of them is in MLX format.
            let name: RepositoryName = listed.id.parse().ok()?;
            Some(self.look_at(name, listed))
        });
        // Collected first: a lazy iterator of futures that borrow would make this future fit for one thread only.
        let looked_at: Vec<_> = looked_at.collect();
        let models = stream::iter(looked_at).buffered(AT_A_TIME).collect().await;
        Ok(SearchPage { models, next })
    }

    /// A page in an order that the Hub knows. The next one is what its `Link` says, of which only the query is kept: it
    /// is asked of this Hub, whoever gave it.
    async fn listed(&self, search: &Search) -> Result<(Vec<Listed>, Option<String>), HubError> {
        let mut url = self.models_url();
        match &search.page {
            Some(query) => url.set_query(Some(query)),
            None => query(&mut url, search, PAGE, FIELDS),
        }
        let (listed, headers): (Vec<Listed>, HeaderMap) =
            self.ask_json(url, Subject { what: "models", name: None }, MAX_LIST_BYTES).await?;
        Ok((listed, next_query(&headers)))
    }

    /// A page of the smallest among the most downloaded. By how much their tensors take, which the list itself says: to
    /// look at all of them would be hundreds of requests.
    async fn smallest(&self, search: &Search) -> Result<(Vec<Listed>, Option<String>), HubError> {
        let mut url = self.models_url();
        query(&mut url, search, SIZED, &[FIELDS, &["safetensors"]].concat());
        let (mut listed, _): (Vec<Listed>, _) =
            self.ask_json(url, Subject { what: "models", name: None }, MAX_LIST_BYTES).await?;
        listed.sort_by_key(|listed| {
            listed.safetensors.as_ref().map_or(u64::MAX, |counted| bytes(&counted.parameters))
        });
        let from: usize = match search.page.as_deref() {
            Some(page) => page.parse().map_err(|_| {
                HubError::Refused(format!("`{page}` is no page of this search: search again from the first"))
            })?,
            None => 0,
        };
        let end = from.saturating_add(PAGE);
        let next = (end < listed.len()).then(|| end.to_string());
        Ok((listed.into_iter().skip(from).take(PAGE).collect(), next))
    }

    async fn look_at(&self, name: RepositoryName, listed: Listed) -> FoundModel {
        let details = self.details(&name, listed.sha.as_deref().unwrap_or("main")).await;
        let mut found = FoundModel {
            name,
            downloads: listed.downloads,
            updated: listed.last_modified,
            gated: listed.gated.is_gated(),
            family: None,
            parameters: None,
            bits: None,
            group_size: None,
            download_bytes: None,
            context_length: None,
            support: Support::Supported,
            facts: None,
        };
        match details {
            Ok(details) => {
                found.family.clone_from(&details.family);
                found.parameters = details.parameters;
                found.bits = details.bits;
                found.group_size = details.group_size;
                found.download_bytes = Some(details.model.download_bytes());
                found.context_length = details.context_length;
                found.support = details.support.clone();
                found.facts = details.facts.clone().ok();
            }
            Err(error) => found.support = Support::Unknown { why: error.to_string() },
        }
        found
    }

    fn models_url(&self) -> Url {
        self.url(["api", "models"])
    }
}

fn query(url: &mut Url, search: &Search, limit: usize, fields: &[&str]) {
    let sort = match search.order {
        SearchOrder::Trending => "trendingScore",
        SearchOrder::Downloads | SearchOrder::Size => "downloads",
        SearchOrder::Updated => "lastModified",
    };
    let mut query = url.query_pairs_mut();
    query.append_pair("filter", "mlx");
    if !search.text.trim().is_empty() {
        query.append_pair("search", search.text.trim());
    }
    query.append_pair("sort", sort).append_pair("direction", "-1").append_pair("limit", &limit.to_string());
    query.extend_pairs(fields.iter().map(|field| ("expand[]", field)));
}

/// The query of the next page's address, from `Link: <ADDRESS>; rel="next"`.
fn next_query(headers: &HeaderMap) -> Option<String> {
    let mut links = text(headers, header::LINK)?.split(',');
    let link = links.find(|link| link.contains("rel=\"next\""))?;
    let (_, address) = link.split_once('<')?;
    let (address, _) = address.split_once('>')?;
    let (_, query) = address.split_once('?')?;
    Some(query.to_owned())
}

/// Bytes of tensors with so many elements by dtype.
fn bytes(elements: &BTreeMap<String, u64>) -> u64 {
    let width = |dtype: &str| match dtype {
        "F64" | "I64" | "U64" => 8,
        "F32" | "I32" | "U32" => 4,
        "F16" | "BF16" | "I16" | "U16" => 2,
        _ => 1,
    };
    elements.iter().map(|(dtype, count)| count.saturating_mul(width(dtype))).fold(0, u64::saturating_add)
}
