// Asks @cloud-copilot/iam-simulate about a service control policy, in an account where everything else is allowed.
//
//     node policy_evaluator.cjs FOLDER < QUESTIONS        (FOLDER has node_modules)
//
// QUESTIONS: {"policy": {…}, "requests": [{"action": …, "resource": …, "principal": …, "context": {…}}, …]}.
// Answers, for each request: the decision and the statements that deny, or why the request cannot be: an action that
// AWS does not list, or a resource that it does not take.

const { createRequire } = require("node:module");
const { join } = require("node:path");
const { readFileSync } = require("node:fs");

const { runSimulation } = createRequire(join(process.argv[2], "package.json"))("@cloud-copilot/iam-simulate");

const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

async function answer(policy, { action, resource, principal, context }) {
  const accountId = principal.split(":")[4];
  const simulated = await runSimulation({
    request: { action, principal, resource: { resource, accountId }, contextVariables: context },
    identityPolicies: [{ name: "all", policy: ALL }],
    serviceControlPolicies: [{ orgIdentifier: "r-root", policies: [{ name: "full", policy: ALL }, { name: "ours", policy }] }],
    resourceControlPolicies: [],
  }, {});
  if (simulated.resultType === "error") return { impossible: simulated.errors };
  // An action that takes everything may come back once for each kind of resource.
  const results = simulated.resultType === "single" ? [simulated.result] : simulated.results;
  const denied = results.flatMap((one) => one.analysis.scpAnalysis.ouAnalysis.flatMap((unit) => unit.denyStatements));
  return { decision: simulated.overallResult, by: denied.map((one) => one.statement.Sid ?? one.explain.identifier) };
}

async function main() {
  const { policy, requests } = JSON.parse(readFileSync(0, "utf8"));
  const answers = [];
  for (const request of requests) answers.push(await answer(policy, request));
  process.stdout.write(JSON.stringify(answers));
}

main();
