'use strict';
// Where the program is: in the package for this platform, which npm installs beside this one.

/** The path of the native program. Throws where there is none for this platform. */
exports.program = () => {
  const name = `cfn-egress-guard-${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/cfn-egress-guard`);
  } catch {
    const { optionalDependencies } = require('./package.json');
    const known = Object.keys(optionalDependencies).join(', ');
    throw new Error(
      name in optionalDependencies
        ? `${name} is not installed: install without --omit=optional`
        : `there is no ${name}: the platforms are ${known}; on others build the program from its source`,
    );
  }
};
