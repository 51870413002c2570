// The demo page's own script: shows what calltrk's script did, and places a simulated call.
const byId = (id) => document.getElementById(id);
const cookie = (name) => {
  const pair = document.cookie.split('; ').find((item) => item.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : null;
};

/** As in the style. */
const isNarrow = matchMedia('(max-width: 34rem)');
const OWN_NUMBER = '+13055550100';
const METHODS = {
  tap: 'the number was tapped on the page just before',
  known_caller: 'the caller was joined to a visit before',
  sole_holder: 'only this visitor was shown the number',
  holder: 'the only visitor known to be shown the number, which others may share',
  last_holder: 'this visitor was the last one who was shown the number',
  posterior: 'the likeliest of those who were shown the number',
  session: 'the visit itself sent it',
  tracker: 'the number belongs to one source',
  source_only: 'that it was this source; no visit is likely enough to be named',
  none: 'the likeliest visit, which is too little to name one',
};

const NO_PAGE = { tracker: 'none: the number belongs to the source, not to a visit' };

/** The number in the page as it stands now. */
const seenNumber = () => byId('header-phone').getAttribute('href').replace('tel:', '');

function show() {
  const number = seenNumber();
  const swapped = number !== OWN_NUMBER;
  byId('seen-number').textContent = byId('header-phone').textContent + (swapped ? '' : ' (not swapped yet)');
  byId('seen-number').classList.toggle('swapped', swapped);
  byId('session').textContent = cookie('calltrk_session_id') ?? 'none yet';
  byId('landing').textContent = cookie('calltrk_landing') ?? 'none yet';
  byId('referrer').textContent = cookie('calltrk_referrer') ?? 'none yet';
  byId('call').disabled = !swapped;
  // The picture has this visitor's number among those held.
  if (swapped) showPool();
}
// The cookies are written a moment after the number.
new MutationObserver(() => {
  show();
  setTimeout(show, 500);
}).observe(byId('header-phone'), {
  attributes: true,
  characterData: true,
  childList: true,
  subtree: true,
});
show();

for (const link of document.querySelectorAll('[data-fresh]')) {
  link.addEventListener('click', () => {
    for (const name of ['session_id', 'landing', 'referrer', 'fcid']) {
      // biome-ignore lint/suspicious/noDocumentCookie: a demo page without a library
      document.cookie = `calltrk_${name}=; path=/; max-age=0`;
    }
    for (const key of Object.keys(localStorage)) if (key.startsWith('calltrk')) localStorage.removeItem(key);
  });
}

byId('contact').addEventListener('submit', (event) => {
  event.preventDefault();
  byId('form-result').textContent = 'Thank you: we call you back.';
});

byId('call').addEventListener('click', async () => {
  byId('call').disabled = true;
  try {
    const response = await fetch('/demo/call', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ number: seenNumber() }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    showCall(answer);
  } catch (error) {
    byId('result').className = 'failed';
    byId('result-title').textContent = error.message;
    byId('result-facts').replaceChildren();
  }
  byId('result').hidden = false;
  byId('call').disabled = false;
});

/** Those who may have called, where nobody was chosen; of a long list only the beginning is sent. */
function sayUnknown({ candidates: visitors }, sources) {
  if (visitors.length === 0) return 'unknown: nobody is known to have seen this number';
  const count = visitors.length < MOST_CANDIDATES ? visitors.length : `${MOST_CANDIDATES} or more`;
  return `unknown: ${sources.join(' or ')}; ${count} ${count === 1 ? 'visitor' : 'visitors'} saw this number`;
}
const MOST_CANDIDATES = 3;

function showCall({ caller, state, duration, source, attribution, candidates, visit }) {
  byId('result').className = '';
  byId('result-title').textContent = `${caller} called, ${state.replace('_', ' ')}, ${duration} s`;
  // Rounded down: 99.5 % is not certain. It has four figures behind the point.
  const { confidence, sourceConfidence, candidates: visitors } = attribution;
  // What the words beside it speak of: the visit, or its source where that alone is known, or the likeliest one.
  const sure = confidence || sourceConfidence || (visitors[0]?.weight ?? 0);
  const percent = Math.floor(Math.round(sure * 1e4) / 100);
  const meter = Object.assign(document.createElement('meter'), { min: 0, max: 100, value: percent });
  const facts = [
    ['Source of this visit', source ?? sayUnknown(attribution, candidates), 'source'],
    ['Confidence', [meter, `${percent} %: ${METHODS[attribution.method] ?? attribution.method}`]],
    ['Landing page', visit?.landing ?? NO_PAGE[attribution.method] ?? 'unknown'],
    ['Referrer', visit?.referrer ?? '–'],
    ['Campaign', visit?.campaign ?? '–'],
    ['Visit', attribution.visit ?? '–'],
  ];
  byId('result-facts').replaceChildren(
    ...facts.flatMap(([term, value, name = term]) => {
      const dt = document.createElement('dt');
      const dd = document.createElement('dd');
      dt.textContent = term;
      dd.append(...[value].flat());
      dd.dataset.fact = name.toLowerCase().replace(' ', '_');
      return [dt, dd];
    }),
  );
}

/** The picture as a part of the page, so that its description is read out and its bars can be pointed at. */
async function showPool() {
  const shape = isNarrow.matches ? '?shape=tall' : '';
  const response = await fetch(`/demo/pool.svg${shape}`).catch(() => null);
  if (!response?.ok) return;
  const picture = new DOMParser().parseFromString(await response.text(), 'image/svg+xml').documentElement;
  byId('pool').replaceChildren(picture);
}
showPool();
isNarrow.addEventListener('change', showPool);
setInterval(showPool, 10_000);
