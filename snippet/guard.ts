/**
 * The door between the page and us: what the browser calls goes through here, so that no fault of ours ever
 * reaches the page. There is nobody to tell: the page goes on with its own numbers.
 */
export function safely<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R | undefined {
  return (...args) => {
    try {
      const result = work(...args);
      // Nobody is to hear of a promise that is broken, either.
      (result as Partial<Promise<unknown>> | null | undefined)?.catch?.(() => {});
      return result;
    } catch {
      return undefined;
    }
  };
}

/** Listens to a whole window, document or shadow root before the page does, and never holds up a scroll. */
export function listen(type: string, react: (event: Event) => void, where: EventTarget = window): void {
  where.addEventListener(type, safely(react), { capture: true, passive: true });
}

/** `work`, so many milliseconds from now. */
export function later(ms: number, work: () => void): unknown {
  return setTimeout(safely(work), ms);
}

const due = new Set<() => void>();

/** `work`, once: before the next frame is painted, or by a timer if that comes first, as where nothing is painted. */
export const soon = safely((work: () => void): void => {
  due.add(work);
  const once = () => {
    if (due.delete(work)) work();
  };
  later(0, once);
  requestAnimationFrame(safely(once));
});

/** What the page may do to this later is nothing to us. */
export const { parse } = JSON;
const { stringify: toJson } = JSON;

/** As `JSON.stringify`, also where an old library has taught lists to be texts (Prototype.js before 1.7 does). */
export function stringify(value: unknown): string {
  const { prototype } = Array as unknown as { prototype: { toJSON?: unknown } };
  const { toJSON } = prototype;
  if (toJSON) delete prototype.toJSON;
  try {
    return toJson(value);
  } finally {
    if (toJSON) prototype.toJSON = toJSON;
  }
}

/**
 * A property of the document, whatever elements of that name the page has:
 * https://html.spec.whatwg.org/#dom-document-nameditem
 */
export function fromDocument(name: 'cookie' | 'referrer' | 'title'): string {
  return Reflect.get(Document.prototype, name, document);
}
