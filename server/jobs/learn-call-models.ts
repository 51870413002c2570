import { learnCallModel } from '../domain/call-learning.js';
import type { Housekeeping } from '../domain/ports.js';
import type { Job } from './runner.js';

/** Learns from calls when a company's visitors call, each company's once a day. */
export function learnCallModels(record: Pick<Housekeeping, 'learnCallModels'>): Job {
  return { name: 'learn call models', everyMs: 3_600_000, run: () => record.learnCallModels(learnCallModel) };
}
