"""`cfn test` without an AWS account: AWS's contract suite for hooks, with stubs for the three calls to AWS.

Nothing else of the CloudFormation CLI is changed. The stubs replace the caller's account (STS GetCallerIdentity), the
target types' schemas (DescribeType; they come from target-schemas/ instead), and the plugin for the hook's programming
language, which does not exist for Rust and which `cfn test` loads but does not use.
"""

import functools
import sys

from rpdk.core import cli, project
from rpdk.core.contract import hook_client

hook_client.get_account = lambda _session, _credentials: "123456789012"
project.load_plugin = lambda _language: None
project.Project._load_target_info = functools.partialmethod(project.Project._load_target_info, local_only=True)

cli.main(["test", *sys.argv[1:]])
