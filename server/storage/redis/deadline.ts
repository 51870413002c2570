/** The same work, rejected when it takes longer than `ms`; what it comes to then is nobody's concern any more. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no answer within ${Math.round(ms)} ms`));
    // One turn of the event loop more: an answer that came while the loop was busy is read first.
    const timer = setTimeout(() => setImmediate(late), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
