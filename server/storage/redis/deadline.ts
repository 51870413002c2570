/** How often a wait that goes on is looked at. */
const STEP_MS = 50;

/**
 * The same work, rejected when it takes longer than `ms`; what it comes to then is nobody's concern any more. While
 * `mayGoOn` says so it may take up to `atMostMs`.
 */
export function within<T>(
  ms: number,
  work: Promise<T>,
  { mayGoOn = () => false, atMostMs = ms }: { mayGoOn?: () => boolean; atMostMs?: number } = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = performance.now() + atMostMs;
    const late = () => {
      if (performance.now() < end && mayGoOn()) wait(STEP_MS);
      else reject(new Error(`no answer within ${Math.round(ms)} ms`));
    };
    let timer: NodeJS.Timeout;
    const wait = (time: number) => {
      // One turn of the event loop more: an answer that came while the loop was busy is read first.
      timer = setTimeout(() => setImmediate(late), time);
    };
    wait(ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
