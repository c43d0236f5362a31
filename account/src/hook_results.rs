//! The results of a hook, from `ListHookResults`.
//!
//! Source: CloudFormation API Reference, `ListHookResults`. Results are filtered by the type's ARN. `DescribeType`
//! returns it with a version (`…:type/hook/NAME/00000001`) for some types; `ListHookResults` rejects such an ARN.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{HookResultSummary, HookStatus};

use super::failure::{Failure, FailureKind};
use super::pace::{RetryPolicy, with_retries};
use super::pages::following;
use cfn_egress_guard_core::arn::Arn;

/// The IAM action for lists without a target.
pub(super) const LIST: &str = "cloudformation:ListAllHookResults";

/// The suffix that `template.yaml` adds to the alias of the hook for whole templates: stacks and change sets.
pub(super) const FOR_TEMPLATES: &str = "Stack";

/// Returns the ARN of a hook's type without its version, or nothing if it is not a hook's ARN.
pub(super) fn type_arn(arn: &str) -> Option<String> {
    let Arn { partition, service, region, account, resource } = Arn::parse(arn)?;
    let name = resource.strip_prefix("type/hook/")?.split('/').next().filter(|name| !name.is_empty())?;
    Some(format!("arn:{partition}:{service}:{region}:{account}:type/hook/{name}"))
}

/// The results of some hooks.
#[derive(Debug)]
pub(super) struct ResultList<'a> {
    client: &'a Client,
    retry_policy: RetryPolicy,
    /// The ARN of the one hook to list; without it, everything is listed.
    arn: Option<String>,
    /// The hooks whose results are kept; a result without a hook is kept too.
    hooks: Vec<String>,
}

impl<'a> ResultList<'a> {
    /// Creates the list of a hook's results, by its ARN if known.
    pub(super) fn of(client: &'a Client, arn: Option<&str>, hooks: &[String], retry_policy: RetryPolicy) -> Self {
        Self { client, retry_policy, arn: arn.and_then(type_arn), hooks: hooks.to_vec() }
    }

    /// Returns whether CloudFormation filters; it filters only by ARN.
    pub(super) const fn is_filtered(&self) -> bool {
        self.arn.is_some()
    }

    /// Returns a page of the results, with a status or of all, and the token of the next page. If CloudFormation
    /// rejects the ARN, the list starts again without it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn page(
        &mut self,
        status: Option<&str>,
        token: Option<&str>,
    ) -> Result<(Vec<HookResultSummary>, Option<String>), Failure> {
        let page = match self.ask(status, token).await {
            Err(failure) if failure.kind == FailureKind::Refused && self.arn.is_some() && token.is_none() => {
                self.arn = None;
                self.ask(status, None).await?
            }
            page => page?,
        };
        let (results, next) = page;
        let kept = results.into_iter().filter(|result| self.is_kept(status, result));
        Ok((kept.collect(), next))
    }

    async fn ask(
        &self,
        status: Option<&str>,
        token: Option<&str>,
    ) -> Result<(Vec<HookResultSummary>, Option<String>), Failure> {
        // A status filter requires an ARN.
        let status = status.filter(|_| self.arn.is_some());
        let page = with_retries(self.retry_policy, &mut 0, || async {
            let request = self
                .client
                .list_hook_results()
                .set_type_arn(self.arn.clone())
                .set_status(status.map(HookStatus::from))
                .set_next_token(token.map(str::to_owned));
            request.send().await.map_err(|error| Failure::of(LIST, &error))
        })
        .await?;
        let next = following(page.next_token(), token, LIST)?;
        Ok((page.hook_results.unwrap_or_default(), next))
    }

    fn is_kept(&self, status: Option<&str>, result: &HookResultSummary) -> bool {
        let ours = result.type_name().is_none_or(|name| self.hooks.iter().any(|hook| hook == name));
        ours && status.is_none_or(|wanted| result.status().is_none_or(|status| status.as_str() == wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_cut_to_the_type() {
        let cut = "arn:aws:cloudformation:eu-west-1:123456789012:type/hook/Security-Egress-SinglePort";
        for arn in [cut.to_owned(), format!("{cut}/"), format!("{cut}/00000001"), format!("{cut}/1/aws-hooks/A/2")] {
            assert_eq!(type_arn(&arn).as_deref(), Some(cut), "{arn}");
        }
        for other in ["", "arn:aws:cloudformation:eu-west-1:1:type/resource/A-B-C", "arn:aws:x:y:z:type/hook/"] {
            assert_eq!(type_arn(other), None, "{other}");
        }
    }
}
