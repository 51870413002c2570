import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** The metrics of one server. Labels never hold anything that names a person. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Histogram({
      name: 'calltrk_http_request_seconds',
      help: 'Duration of requests by route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    events: new Counter({
      name: 'calltrk_events_total',
      help: 'Events of visitors by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    swaps: new Counter({ name: 'calltrk_swaps_total', help: 'Swaps answered.', registers }),
    leases: new Counter({
      name: 'calltrk_leases_total',
      help: 'Leases by kind: opened, shared (the pool was full), denied (address over its limit, or no number).',
      labelNames: ['kind'],
      registers,
    }),
    pool: new Gauge({
      name: 'calltrk_pool_numbers',
      help: 'Numbers of a pool, all and held now.',
      labelNames: ['tracker_id', 'state'],
      registers,
    }),
    calls: new Counter({
      name: 'calltrk_call_reports_total',
      help: 'Reports of telephony providers by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    commit: new Histogram({
      name: 'calltrk_commit_seconds',
      help: 'Duration of group commits.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
      registers,
    }),
    commitEntries: new Histogram({
      name: 'calltrk_commit_entries',
      help: 'Entries in a group commit.',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
  };
}
