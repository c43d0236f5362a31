//! Reads paginated lists.

use super::failure::{Failure, FailureKind};

/// The maximum number of pages in a list, to stop servers that never end it.
pub(super) const MAX_PAGES: usize = 20_000;

/// Returns the token of the next page. Rejects a page that names itself as the next one, because that would never end.
pub(super) fn following(next: Option<&str>, now: Option<&str>, action: &str) -> Result<Option<String>, Failure> {
    match next {
        None | Some("") => Ok(None),
        Some(next) if Some(next) == now => {
            Err(Failure::new(action, FailureKind::Unreadable, "a page of the list refers to itself as the next page"))
        }
        Some(next) => Ok(Some(next.to_owned())),
    }
}

/// Reads a list to its end: `read` takes the token of a page and returns the next one.
pub(super) async fn each_page<F>(action: &str, mut read: F) -> Result<(), Failure>
where
    F: AsyncFnMut(Option<String>) -> Result<Option<String>, Failure>,
{
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let next = read(token.clone()).await?;
        match following(next.as_deref(), token.as_deref(), action)? {
            None => return Ok(()),
            next => token = next,
        }
    }
    Err(Failure::new(action, FailureKind::Unreadable, "the list has too many pages"))
}
