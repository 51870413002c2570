/**
 * A site in TypeScript that uses the script: never run, only compiled, with `calltrk.d.ts` and what a browser has. Each
 * line behind an `@ts-expect-error` is a mistake that the types must find.
 */
/// <reference path="../../../snippet/calltrk.d.ts" />

// Before the script is here: a queue of calls, each with its arguments.
window.CallTrk ??= { q: [] };
window.CallTrk.q?.push(['swap', '#footer']);
window.CallTrk.q?.push(['consent', 'granted']);
window.CallTrk.q?.push(['restore']);
// @ts-expect-error: there is no such call.
window.CallTrk.q?.push(['swop', '#footer']);
// @ts-expect-error: consent is a word, not a boolean.
window.CallTrk.q?.push(['consent', true]);
// @ts-expect-error: the session is no call.
window.CallTrk.q?.push(['session']);

// It may not be here, or not yet.
// @ts-expect-error: so it must be asked for.
window.CallTrk.swap();
window.CallTrk?.swap?.();
window.CallTrk?.swap?.(document.body);
window.CallTrk?.swap?.('.modal');
// @ts-expect-error: a node or a selector.
window.CallTrk?.swap?.(['.modal']);

export async function show(api: CallTrkApi): Promise<string> {
  const numbers = await api.getSwapNumbers(['+13055550100', '(212) 555-0100']);
  // @ts-expect-error: where the site's own number stays there is none.
  numbers['+13055550100'].national;
  api.getSwapNumbers('(305) 555-0100', (found) => {
    for (const [given, number] of Object.entries(found)) console.log(given, number?.e164.length);
  });
  // @ts-expect-error: text, as it is written.
  api.getSwapNumbers(3055550100);

  const form = document.querySelector('form');
  if (form) api.captureForm(form);
  api.captureForm('#callback');
  // @ts-expect-error: not any element.
  api.captureForm(document.createElement('div'));

  api.on('assign', ({ numbers }) => Object.values(numbers).map((number) => number.startsWith('+')));
  api.on('swap', ({ count }) => count.toFixed());
  api.on('form', ({ id, form_name }) => id + (form_name?.trim() ?? ''));
  api.on('error', ({ code }) => code.toUpperCase());
  // @ts-expect-error: a form may have no name.
  api.on('form', ({ form_name }) => form_name.trim());
  // @ts-expect-error: there is no such event.
  api.on('call', () => {});

  const { id, source, numbers: shown } = api.session;
  // @ts-expect-error: it is read, not set.
  api.session.id = id;
  // @ts-expect-error: and never missing from the API itself.
  api.session = undefined;
  const address: string = await api.decorate('https://shop.example.com/');
  api.restore();
  return `${id} ${source} ${shown['+13055550100']} ${address}`;
}
