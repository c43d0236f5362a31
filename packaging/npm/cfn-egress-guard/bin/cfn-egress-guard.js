#!/usr/bin/env node
'use strict';
const { spawnSync } = require('node:child_process');
const { constants } = require('node:os');

try {
  const program = require('..').program();
  const { error, signal, status } = spawnSync(program, process.argv.slice(2), { stdio: 'inherit' });
  if (error) throw error;
  // As a shell says it of a program that a signal ended.
  process.exitCode = signal ? 128 + constants.signals[signal] : status;
} catch (error) {
  console.error(`cfn-egress-guard: ${error.message}`);
  process.exitCode = 2;
}
