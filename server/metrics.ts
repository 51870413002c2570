import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** The metrics of one server. Labels never hold anything that names a person. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: 'calltrk_http_request_seconds',
    help: 'Duration of requests by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  /** By their labels, which prom-client would sort and join anew for every request. */
  const observers = new Map<string, ReturnType<typeof requests.labels>>();
  let waiting = () => ({ lines: 0, bytes: 0 });
  new Gauge({
    name: 'calltrk_journal_entries',
    help: 'What was written to the journal of this server and waits for the record.',
    registers,
    collect() {
      this.set(waiting().lines);
    },
  });
  new Gauge({
    name: 'calltrk_journal_bytes',
    help: 'Bytes of the journals that this server drains.',
    registers,
    collect() {
      this.set(waiting().bytes);
    },
  });
  const journal = new Counter({
    name: 'calltrk_journal_total',
    help: 'What befell the journal: began, emptied (lines), adopted, damaged (lines), parked, stuck, refused.',
    labelNames: ['what'],
    registers,
  });
  const calls = new Counter({
    name: 'calltrk_call_reports_total',
    help: 'Reports of telephony providers by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  // An alarm on an increase sees the first one only when there was a 0 before.
  for (const what of ['began', 'emptied', 'adopted', 'damaged', 'parked', 'stuck', 'refused'])
    journal.inc({ what }, 0);
  for (const outcome of ['report', 'fallback', 'unsigned', 'unknown_number', 'not_recorded'])
    calls.inc({ outcome }, 0);
  return {
    registry,
    journal,
    calls,
    /** Who is asked, with every scrape, what waits in the journal. */
    watchJournal(ask: typeof waiting) {
      waiting = ask;
    },
    observeRequest(method: string, route: string, status: number, seconds: number) {
      const name = `${method} ${route} ${status}`;
      let observer = observers.get(name);
      if (!observer) {
        observer = requests.labels({ method, route, status: String(status) });
        observers.set(name, observer);
      }
      observer.observe(seconds);
    },
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
    leaseStore: new Counter({
      name: 'calltrk_lease_store_total',
      help: 'Questions about leases that found the store away (or out of time), and pools remembered from the record.',
      labelNames: ['what'],
      registers,
    }),
    redis: new Histogram({
      name: 'calltrk_redis_seconds',
      help: 'Duration of scripts in Redis by outcome: answered, failed.',
      labelNames: ['outcome'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25],
      registers,
    }),
    pool: new Gauge({
      name: 'calltrk_pool_numbers',
      help: 'Numbers of a pool, all and held now.',
      labelNames: ['tracker_id', 'state'],
      registers,
    }),
    poolLoad: new Gauge({
      name: 'calltrk_pool_offered_load',
      help: 'Erlangs that came to a pool in the busiest hour of the last 7 days.',
      labelNames: ['tracker_id'],
      registers,
    }),
    poolRecommended: new Gauge({
      name: 'calltrk_pool_recommended_numbers',
      help: 'Numbers with which at most this share of the visitors of that hour finds all held.',
      labelNames: ['tracker_id', 'blocking'],
      registers,
    }),
    poolLeases: new Gauge({
      name: 'calltrk_pool_leases',
      help: 'Leases of a pool in the last 24 hours, all and those held by two at any time.',
      labelNames: ['tracker_id', 'state'],
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
