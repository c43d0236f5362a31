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

/// The position in a list while it is read to its end: a list that does not end is a failure, never a shorter list.
#[derive(Debug)]
pub(super) struct PageCursor {
    action: &'static str,
    token: Option<String>,
    read: usize,
    is_ended: bool,
}

impl PageCursor {
    /// Starts before the first page of a list, which this IAM action reads.
    pub(super) const fn new(action: &'static str) -> Self {
        Self { action, token: None, read: 0, is_ended: false }
    }

    /// Returns whether there is a page to read.
    pub(super) const fn has_page(&self) -> bool {
        !self.is_ended
    }

    /// Returns the token of the page to read.
    pub(super) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// Moves to the next page, or to the end.
    ///
    /// # Errors
    /// When the list does not end.
    pub(super) fn advance(&mut self, next: Option<&str>) -> Result<(), Failure> {
        let next = following(next, self.token.as_deref(), self.action)?;
        self.read += 1;
        if next.is_some() && self.read >= MAX_PAGES {
            return Err(Failure::new(self.action, FailureKind::Unreadable, "the list has too many pages"));
        }
        self.is_ended = next.is_none();
        self.token = next;
        Ok(())
    }
}

/// Reads a list to its end: `read` takes the token of a page and returns the next one. A task that tokio runs uses
/// [`PageCursor`] instead, because the compiler cannot prove that an async closure can move between threads.
pub(super) async fn each_page<F>(action: &'static str, mut read: F) -> Result<(), Failure>
where
    F: AsyncFnMut(Option<String>) -> Result<Option<String>, Failure>,
{
    let mut pages = PageCursor::new(action);
    while pages.has_page() {
        let next = read(pages.token()).await?;
        pages.advance(next.as_deref())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut next: impl FnMut(usize) -> Option<String>) -> Result<usize, Failure> {
        let mut pages = PageCursor::new("x:List");
        let mut read = 0;
        while pages.has_page() {
            read += 1;
            pages.advance(next(read).as_deref())?;
        }
        Ok(read)
    }

    #[test]
    fn a_list_that_does_not_end_is_a_failure() {
        assert_eq!(read(|_| None), Ok(1));
        assert_eq!(read(|read| Some(if read < 3 { read.to_string() } else { String::new() })), Ok(3));
        let failed = |next: fn(usize) -> Option<String>| read(next).unwrap_err().to_string();
        assert_eq!(failed(|_| Some("same".to_owned())), "x:List: a page of the list refers to itself as the next page");
        assert_eq!(failed(|read| Some(read.to_string())), "x:List: the list has too many pages");
    }
}
