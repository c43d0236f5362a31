'use strict';
// A validation plugin of the CDK over `cfn-egress-guard check --format json`.
//
// What the hook would block is `fatal`: the CDK lets an app acknowledge violations of any lesser severity, and an app
// that synthesizes what the hook blocks only fails later. Exemptions come from the policy file alone.
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { version } = require('./package.json');

const RULE = 'cloudformation-aws-security-group-egress-with-port-range';
const REPORT_LIMIT = 256 * 1024 * 1024;

class EgressGuardPlugin {
  name = 'cfn-egress-guard';
  version = version;
  ruleIds = [RULE];

  constructor({ policy, strict = false, command } = {}) {
    this.options = [...(policy ? ['--policy', path.resolve(policy)] : []), ...(strict ? ['--strict'] : [])];
    this.command = command;
  }

  validate(context) {
    const violations = context.stackTemplates.flatMap((stack) => this.#violationsOf(stack, context.appConstruct));
    return { success: !violations.some(({ severity }) => severity === 'fatal'), violations, pluginVersion: version };
  }

  #violationsOf(stack, app) {
    try {
      const report = this.#report(stack, app);
      return report.files.flatMap((file) => [
        ...(file.problem ? [unread(stack.templatePath, file.problem)] : []),
        ...file.findings.filter(({ level }) => level !== 'note').map((finding) => violation(stack.templatePath, finding)),
      ]);
    } catch (error) {
      // The CDK takes a report without violations for a pass, whatever else it says.
      return [failure(stack.templatePath, `the template was not checked: ${error.message}`)];
    }
  }

  #report({ templatePath, accountId, region, stackConstructPath }, app) {
    const place = { '--account': accountId, '--region': region, '--stack-name': stackName(app, stackConstructPath) };
    const given = Object.entries(place).filter(([, value]) => /^[A-Za-z0-9][-A-Za-z0-9]*$/.test(value ?? ''));
    const command = this.command ?? require('cfn-egress-guard').program();
    const run = spawnSync(command, ['check', templatePath, '--format', 'json', ...this.options, ...given.flat()], {
      encoding: 'utf8',
      maxBuffer: REPORT_LIMIT,
    });
    if (run.error) throw run.error;
    if (!run.stdout) throw new Error(run.stderr.trim() || `${command} ended with status ${run.status ?? run.signal}`);
    return JSON.parse(run.stdout);
  }
}

/** A stack's name, which exemptions may be about; a name that only the deployment knows is not given. */
function stackName(app, constructPath) {
  const below = app.node.path ? constructPath.slice(app.node.path.length + 1) : constructPath;
  let stack = app;
  for (const id of below.split('/').filter(Boolean)) stack = stack?.node.tryFindChild(id);
  return stack?.stackName;
}

function violation(templatePath, finding) {
  const { code, exemption, expired, help, level, location, message, property, resource, setting, when } = finding;
  const line = location ? ` (${path.basename(templatePath)}:${location.line})` : '';
  const metadata = { code, when, setting, expired, exemption: exemption?.id };
  return {
    ruleName: RULE,
    description: `${property ? `${property}: ` : ''}${message}${when ? `, ${when}` : ''}${line}`,
    severity: level === 'error' ? 'fatal' : 'warning',
    ...(help ? { fix: help } : {}),
    ruleMetadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => typeof value === 'string')),
    violatingResources: [
      {
        templatePath,
        resourceLogicalId: resource?.logicalId,
        // As the CDK writes property paths: Properties.SecurityGroupEgress.1
        locations: property ? [`Properties.${property.replaceAll('[', '.').replaceAll(']', '')}`] : [],
      },
    ],
  };
}

function unread(templatePath, { message, help }) {
  return { ...failure(templatePath, message), ...(help ? { fix: help } : {}) };
}

function failure(templatePath, description) {
  return { ruleName: RULE, description, severity: 'fatal', violatingResources: [{ templatePath, locations: [] }] };
}

module.exports = { EgressGuardPlugin };
