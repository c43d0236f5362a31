//! The floor for the function in `make bench`: a handler on lambda_runtime that decides nothing.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| async {
        Ok::<_, Error>(json!({ "hookStatus": "SUCCESS", "message": "", "clientRequestToken": "" }))
    }))
    .await
}
