import type { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport } from 'aws-cdk-lib';

export interface EgressGuardPluginProps {
  /**
   * The policy file with settings and exemptions, the same that the hook has.
   *
   * @default - policy.toml of the working directory, if there is one
   */
  readonly policy?: string;

  /**
   * Treat undetermined results as errors.
   *
   * @default false
   */
  readonly strict?: boolean;

  /**
   * The program.
   *
   * @default - the one of the npm package cfn-egress-guard
   */
  readonly command?: string;
}

/** Checks each stack with `cfn-egress-guard check` when the app is synthesized. */
export declare class EgressGuardPlugin implements IPolicyValidationPlugin {
  readonly name: string;
  readonly version: string;
  readonly ruleIds: string[];
  constructor(props?: EgressGuardPluginProps);
  validate(context: IPolicyValidationContext): PolicyValidationPluginReport;
}
