/**
 * Names the tests that passed only on their second try. Servers and browsers share a few cores with whatever else runs
 * on a machine, so one try more is theirs; but whoever reads the result is to know of each that needed it.
 */
import type { Reporter, TestCase } from 'vitest/node';

export default class SecondTries implements Reporter {
  private readonly names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestRunEnd(): void {
    if (this.names.length > 0) console.log(`\nPassed on a second try only:\n  ${this.names.join('\n  ')}`);
  }
}
