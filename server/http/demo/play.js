// The playground: sets the stage for each run, and shows what the script did there, as it does it.
import { ARRIVALS, SAMPLE, sayDecision, sayEvent, sayRequest, sayStored } from './play-words.js';

const byId = (id) => document.getElementById(id);
const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
/** As long as the page renders itself anew. */
const LOOK_MS = 300;
const TEXT_NODE = 3;
/** What a page shows a reader or dials. */
const ATTRIBUTES = ['href', 'title', 'alt', 'aria-label', 'placeholder', 'value', 'src', 'srcset'];

/** Of the pretend business. */
const trackers = JSON.parse(document.body.dataset.trackers);

let run;

// ── What to run ──────────────────────────────────────────────────────────────────────────────────────────────

byId('html').value = SAMPLE;
byId('arrival').addEventListener('change', arrive);
byId('query').addEventListener('input', showLanding);
arrive();

function arrive() {
  [byId('query').value, byId('referrer').value] = ARRIVALS[byId('arrival').value];
  showLanding();
}

function stagePath() {
  const query = byId('query').value.trim().replace(/^\?/, '');
  // In the fragment, so that the landing page's parameters are the visitor's own.
  return `/demo/play/page${query && `?${query}`}#calltrk_debug`;
}

function showLanding() {
  byId('landing').textContent = location.origin + stagePath();
}

byId('play').addEventListener('submit', (event) => {
  event.preventDefault();
  if (byId('html').value.trim() === '') {
    byId('status').textContent = 'The page is empty: paste some HTML.';
    byId('html').focus();
    return;
  }
  clearInterval(run?.timer);
  // The script of the run before must not write after it was forgotten.
  byId('before-pane').replaceChildren();
  byId('after-pane').replaceChildren();
  if (!byId('again').checked) forget();
  sessionStorage.setItem(
    'playground',
    JSON.stringify({
      html: byId('html').value,
      referrer: byId('referrer').value.trim(),
      consent: byId('consent').value,
      scene: byId('scene').value,
    }),
  );
  const isFree = ['none', 'gpc'].includes(byId('consent').value);
  const consent = isFree ? 'given' : 'missing';
  run = {
    said: [],
    story: [],
    requests: [],
    state: 'runs',
    consent,
    hasWritten: false,
    hasSaidTracker: false,
  };
  const referrer = byId('referrer').value.trim();
  // Without https:// a host is one all the same.
  if (referrer && !URL.canParse(referrer) && !/^[^\s/]+\.\S+$/.test(referrer)) {
    run.story.push([`The referrer “${referrer}” is no address (https://…), so it counts for nothing.`]);
  }
  if (byId('consent').value === 'unknown') run.story.push(['The script waits for the visitor’s consent.']);
  const mine = run;
  byId('result').hidden = false;
  byId('status').textContent = 'Running …';
  byId('changes').hidden = true;
  byId('no-changes').hidden = true;
  run.before = openStage('before', 'The page without the script', '/demo/play/page', () => {});
  run.after = openStage('after', 'The page with the script', stagePath(), (kind, what) => {
    if (run === mine) hear(kind, what);
  });
  run.timer = setInterval(show, LOOK_MS);
  show();
  byId('result').scrollIntoView();
});

for (const button of document.querySelectorAll('[data-choice]')) {
  button.addEventListener('click', () => {
    const { choice } = button.dataset;
    hear('chose', choice);
    run.after.contentWindow.CallTrk?.consent?.(choice);
  });
}

function openStage(id, title, src, react) {
  const frame = make('iframe', { id, title, src });
  frame.addEventListener('stage', ({ detail }) => react(detail.kind, detail.what));
  byId(`${id}-pane`).replaceChildren(frame);
  return frame;
}

/** The visitor of the run before is somebody else: his cookies and his storage are gone. */
function forget() {
  for (const { name } of storedNow()) {
    // biome-ignore lint/suspicious/noDocumentCookie: a demo page without a library
    if (name.startsWith('calltrk_')) document.cookie = `${name}=; path=/; max-age=0`;
    else localStorage.removeItem(name);
  }
}

function storedNow() {
  const cookies = document.cookie
    .split('; ')
    .filter((pair) => pair.startsWith('calltrk_'))
    .map((pair) => ({ name: pair.split('=')[0], value: pair.replace(/^[^=]*=/, '') }));
  const local = Object.keys(localStorage)
    .filter((name) => name.startsWith('calltrk-'))
    .sort()
    .map((name) => ({ name, value: localStorage.getItem(name) }));
  return [...cookies, ...local];
}

// ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────

const CHOICES = { granted: 'The visitor agrees.', denied: 'The visitor refuses, or takes his consent back.' };

function hear(kind, what) {
  if (kind === 'ready') run.state = 'ready';
  if (kind === 'failed') run.state = 'failed';
  if (kind === 'chose') {
    run.story.push([CHOICES[what]]);
    run.consent = what === 'granted' ? 'given' : 'refused';
  }
  if (kind === 'request') run.requests.push({ ...what, body: parse(what.body) });
  if (kind === 'said') {
    if (typeof what.about === 'string') note(what.code, what.about);
    else {
      const isUndone = run.consent === 'refused' && run.hasWritten;
      run.story.push(sayEvent(what, { trackers, isUndone }));
      if (what.code === 'swap') run.hasWritten = !isUndone;
    }
  }
  show();
}

/** The decisions about one text, each once, the last one last. */
function note(code, text) {
  const words = text.replace(/\s+/g, ' ').trim();
  const known = run.said.find((one) => one.words === words);
  if (!known) run.said.push({ words, codes: [code] });
  else if (known.codes.at(-1) !== code) known.codes.push(code);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// ── What is to be seen ───────────────────────────────────────────────────────────────────────────────────────

function show() {
  const before = holdersOf(run.before);
  const after = holdersOf(run.after);
  // In the middle of being rendered the one page is not like the other.
  if (before.length > 0 && before.length === after.length) showChanges(before, after);
  else if (before.length > 0)
    byId('status').textContent = 'The page has changed itself: its places cannot be compared one by one.';
  showDecisions(before);
  put('story', run.story, (lines) => make('li', {}, ...lines.map((line) => make('p', {}, line))));
  put('requests', run.requests, showRequest);
  byId('no-requests').hidden = run.requests.length > 0;
  byId('no-decisions').hidden = byId('decisions').childElementCount > 0;
  byId('no-story').hidden = run.story.length > 0;
  showStored();
}

/** Everything in a stage that may show a number, in the order of the page. */
function holdersOf(frame) {
  const page = frame.contentDocument;
  const holders = [];
  const walk = (node) => {
    if (node.nodeType === TEXT_NODE) {
      if (node.data.trim()) holders.push({ node, value: node.data, where: placeOfText(node) });
      return;
    }
    for (const name of ATTRIBUTES) {
      const value = node.getAttribute?.(name);
      // What a field holds is no place: the script fills those that a site has for it.
      const isPlace = name !== 'value' || /^(button|submit|reset)$/.test(node.type);
      if (value && isPlace) holders.push({ value, where: `${name} of ${placeOf(node)}` });
    }
    for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) walk(child);
  };
  if (run.state !== 'runs' && page?.body && page.URL !== 'about:blank') {
    holders.push({ value: page.title, where: 'title of the page' });
    walk(page.body);
  }
  return holders;
}

/** Of a number that markup splits, what the parts make together as well: `-0100` alone tells nobody anything. */
function placeOfText(text) {
  const place = placeOf(text.parentNode);
  const isWhole = (words) => !/\d/.test(words) || /(?:\d\D{0,3}){7}/.test(words);
  let whole = text;
  while (whole.parentElement && !isWhole(whole.textContent)) whole = whole.parentElement;
  const words = whole.textContent.replace(/\s+/g, ' ').trim();
  return whole === text || words.length > 80 ? place : `${place}, part of “${words}”`;
}

function placeOf({ localName }) {
  return localName ? `<${localName}>` : 'a shadow root';
}

function showChanges(before, after) {
  const changes = after
    .map((holder, at) => ({ ...holder, own: before[at], is: spread(before[at].value, holder.value) }))
    .filter(({ is }) => is);
  mark(
    run.after,
    'changed',
    changes.map(({ node, is }) => [node, is[1]]),
  );
  mark(
    run.before,
    'replaced',
    changes.map(({ own, is }) => [own.node, is[0]]),
  );
  sayTracker(changes);
  const rows = changes.map(({ where, own, value, is }) => ({ where, own: own.value, value, is }));
  put(byId('changes').tBodies[0], rows, ({ where, own, value, is }) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, where),
      marked('before', own, is[0]),
      marked('after', value, is[1]),
    ),
  );
  byId('changes').hidden = rows.length === 0;
  byId('no-changes').hidden = rows.length > 0;
  byId('status').textContent =
    run.state === 'failed'
      ? 'The script could not be loaded.'
      : `${rows.length || 'No'} ${rows.length === 1 ? 'place is' : 'places are'} different.`;
}

/** The number of a source tracker comes without a request, so nobody else says whose it is. */
function sayTracker(changes) {
  const digits = changes.map(({ value }) => value.replace(/\D/g, '')).join(' ');
  const tracker = trackers.find(
    ({ type, numbers }) => type === 'source' && numbers.some((number) => digits.includes(number.slice(-10))),
  );
  if (!tracker || run.hasSaidTracker) return;
  run.hasSaidTracker = true;
  run.story.push([
    `This is the number of the source tracker “${tracker.name}”. Everybody who comes that way is shown it: it needs neither a request nor consent.`,
  ]);
}

/** Where two texts differ, in whole numbers: stretches of the one and of the other; null: they do not. */
function spread(own, now) {
  if (own === now) return null;
  const stretches = [];
  const isOfNumber = (text, at) => /[\d+() .-]/.test(text[at] ?? '');
  // The script keeps the shape of a number where it can; where it cannot, all from the first difference to the last.
  const isLike = own.length === now.length;
  for (let at = 0; at < own.length; at++) {
    if (own[at] === now[at]) continue;
    let start = at;
    let after = isLike ? 0 : 1;
    if (isLike) while (isOfNumber(own, at + 1)) at++;
    else while (own.at(-after) === now.at(-after) && own.length - after > start) after++;
    while (start > 0 && isOfNumber(own, start - 1)) start--;
    const ends = isLike ? [at + 1, at + 1] : [own.length - after + 1, now.length - after + 1];
    stretches.push([own, now].map((text, n) => trim(text, start, ends[n])));
    if (!isLike) break;
  }
  return [0, 1].map((n) => stretches.map((stretch) => stretch[n]));
}

function trim(text, from, to) {
  const inside = text.slice(from, to);
  const start = from + (/^[\s.)-]*/.exec(inside)?.[0].length ?? 0);
  return [start, from + inside.replace(/[\s.(-]+$/, '').length];
}

/** Marks without a change to the page: https://drafts.csswg.org/css-highlight-api/ */
function mark(frame, name, places) {
  const { CSS, Highlight } = frame.contentWindow;
  const ranges = places
    .filter(([node]) => node)
    .flatMap(([node, stretches]) =>
      stretches.map(([from, to]) => {
        const range = frame.contentDocument.createRange();
        range.setStart(node, from);
        range.setEnd(node, to);
        return range;
      }),
    );
  if (Highlight) CSS.highlights.set(name, new Highlight(...ranges));
}

function marked(label, text, stretches) {
  const cell = make('td', {});
  cell.dataset.label = label;
  let shown = 0;
  for (const [from, to] of stretches) {
    cell.append(text.slice(shown, from), make('mark', {}, text.slice(from, to)));
    shown = to;
  }
  cell.append(text.slice(shown));
  return cell;
}

function showDecisions(before) {
  const { consent } = run;
  const said = run.said.map(({ words, codes }) => ({ words, codes, consent }));
  const seen = said.map(({ words }) => words).join('\n');
  // What has as many digits as a number, and was never spoken of.
  for (const { value } of before) {
    const words = value.replace(/\s+/g, ' ').trim();
    if (/(?:\d\D{0,3}){7}/.test(words) && !seen.includes(words))
      said.push({ words, codes: ['none'], consent });
  }
  put('decisions', said, ({ words, codes, consent }) => {
    const code = codes.at(-1);
    const steps = codes.length > 1 ? ` Step by step: ${codes.join(', ')}.` : '';
    return make(
      'li',
      {},
      make('span', { className: `code ${code}` }, code === 'none' ? '–' : code),
      make('q', {}, words),
      make('small', {}, sayDecision(code, consent) + steps),
    );
  });
}

function showRequest(request) {
  const { way, address, answer, body } = request;
  return make(
    'li',
    {},
    sayRequest(request),
    make(
      'details',
      {},
      make('summary', {}, `${way === 'beacon' ? 'Beacon' : 'POST'} ${new URL(address).pathname}: ${answer}`),
      make('pre', {}, JSON.stringify(body, null, 2)),
    ),
  );
}

function showStored() {
  const stored = storedNow();
  put('stored', stored, ({ name, value }) => [
    make('dt', {}, make('code', {}, name)),
    make('dd', {}, `${sayStored(name)}. `, make('code', {}, value)),
  ]);
  byId('nothing-stored').hidden = stored.length > 0;
}

/** Shows a list, and leaves it alone where it is as it was: somebody may be reading or have opened something. */
function put(where, items, draw) {
  const list = typeof where === 'string' ? byId(where) : where;
  const now = JSON.stringify(items);
  if (list.dataset.shown === now) return;
  const isLonger = list.dataset.shown?.length > 2 && now.startsWith(list.dataset.shown.slice(0, -1));
  const news = isLonger ? items.slice(JSON.parse(list.dataset.shown).length) : items;
  list.dataset.shown = now;
  if (!isLonger) list.replaceChildren();
  list.append(...news.flatMap(draw));
}
