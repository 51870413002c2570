/**
 * What a page's main thread did, from Chromium's own trace. Times are of the processor (`tdur`), so that what else runs
 * on the machine does not count.
 */
import type { Page } from 'playwright-core';

const CATEGORIES = ['devtools.timeline', 'blink.user_timing', 'v8.execute', 'toplevel'];

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: begin, length, and length by the thread's own clock. */
  ts: number;
  dur?: number;
  tdur?: number;
  args: { data?: { url?: string }; microtask_count?: number };
}

/** Time of scripts on a page's main thread. */
export interface ScriptTime {
  /** Milliseconds of all tasks together. */
  total: number;
  /** Milliseconds in the longest one. */
  longest: number;
  tasks: number;
}

export class Trace {
  readonly #events: TraceEvent[];

  constructor(events: TraceEvent[]) {
    // The page's main thread is where the marks are made.
    const marks = events.find(({ name, ph }) => ph !== 'M' && name.startsWith('begin '));
    this.#events = events
      .filter(({ pid, tid }) => pid === marks?.pid && tid === marks.tid)
      .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  }

  /**
   * What files whose address holds `file` did between the marks `begin …` and `end …` of this name, each task's part with
   * the microtasks that came of it. A task in which nothing but microtasks ran is theirs as well.
   */
  scriptTime(mark: string, file: string): ScriptTime {
    const parts = this.#tasks(mark).map((events) => {
      const scripts = events.filter(isScript);
      const foreign = scripts.some(({ args }) => args.data?.url && !args.data.url.includes(file));
      const own = scripts.filter(({ args }) => args.data?.url?.includes(file));
      return outermost([...own, ...(foreign ? [] : events.filter(isMicrotasks))]);
    });
    return summed(parts);
  }

  /** What all scripts of the page did between the marks. */
  allScripts(mark: string): ScriptTime {
    return summed(
      this.#tasks(mark).map((events) =>
        outermost(events.filter((event) => isScript(event) || isMicrotasks(event))),
      ),
    );
  }

  /** Everything that the main thread did between the marks: scripts, style, layout, paint. */
  everything(mark: string): ScriptTime {
    return summed(this.#tasks(mark).map(([task]) => (task ? [task] : [])));
  }

  /** The tasks between two marks, each with all that ran in it, the task first. */
  #tasks(mark: string): TraceEvent[][] {
    const at = (name: string) => this.#events.find((event) => event.name === name)?.ts;
    const [from, to] = [at(`begin ${mark}`), at(`end ${mark}`)];
    if (from === undefined || to === undefined) throw new Error(`no marks of ${mark} in the trace`);
    const tasks: TraceEvent[][] = [];
    let end = 0;
    for (const event of this.#events) {
      if (event.ph !== 'X' || event.ts < from || event.ts > to) continue;
      if (event.name === 'ThreadControllerImpl::RunTask' && event.ts >= end) {
        tasks.push([event]);
        end = event.ts + (event.dur ?? 0);
      } else if (event.ts < end) tasks.at(-1)?.push(event);
    }
    return tasks;
  }
}

/** Records while `work` runs. The page must make a mark `begin …`. */
export async function recordTrace(page: Page, work: () => Promise<void>): Promise<Trace> {
  const cdp = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { recordMode: 'recordAsMuchAsPossible', includedCategories: CATEGORIES },
  });
  try {
    await work();
  } finally {
    const complete = new Promise((done) => cdp.once('Tracing.tracingComplete', done));
    await cdp.send('Tracing.end');
    await complete;
    await cdp.detach();
  }
  return new Trace(events);
}

function isScript({ name }: TraceEvent): boolean {
  return name === 'FunctionCall' || name === 'EvaluateScript';
}

function isMicrotasks({ name }: TraceEvent): boolean {
  return name === 'RunMicrotasks';
}

/** Without those that are inside another. */
function outermost(events: TraceEvent[]): TraceEvent[] {
  let end = 0;
  return events
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
    .filter(({ ts, dur = 0 }) => {
      if (ts < end) return false;
      end = ts + dur;
      return true;
    });
}

function summed(tasks: TraceEvent[][]): ScriptTime {
  const times = tasks
    .map((events) => events.reduce((sum, { tdur, dur }) => sum + (tdur ?? dur ?? 0), 0) / 1000)
    .filter((ms) => ms > 0);
  return {
    total: times.reduce((sum, ms) => sum + ms, 0),
    longest: Math.max(0, ...times),
    tasks: times.length,
  };
}
