// The demo page's own script: shows what calltrk's script did, and places a simulated call.
const byId = (id) => document.getElementById(id);
const cookie = (name) => {
  const pair = document.cookie.split('; ').find((item) => item.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : null;
};

const OWN_NUMBER = '+13055550100';
const METHODS = {
  tap: 'the number was tapped on the page just before',
  known_caller: 'the caller was joined to a visit before',
  sole_holder: 'only this visitor was shown the number',
  holder: 'this visitor was one of those who were shown the number',
  last_holder: 'this visitor was the last one who was shown the number',
  session: 'the visit itself sent it',
  tracker: 'the number belongs to one source',
  source_only: 'the number belongs to one source',
  none: 'nothing is known about this number',
};

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
}
new MutationObserver(show).observe(byId('header-phone'), {
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

function showCall({ caller, state, duration, source, attribution, visit }) {
  byId('result').className = '';
  byId('result-title').textContent = `${caller} called, ${state.replace('_', ' ')}, ${duration} s`;
  // Rounded down: 99.5 % is not certain. It has four figures behind the point.
  const percent = Math.floor(Math.round(attribution.confidence * 1e4) / 100);
  const meter = Object.assign(document.createElement('meter'), { min: 0, max: 100, value: percent });
  const facts = [
    ['Source of this visit', source ?? 'unknown', 'source'],
    ['Confidence', [meter, `${percent} %: ${METHODS[attribution.method] ?? attribution.method}`]],
    ['Landing page', visit?.landing ?? 'none: the number belongs to the source, not to a visit'],
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
  const response = await fetch('/demo/pool.svg').catch(() => null);
  if (!response?.ok) return;
  const picture = new DOMParser().parseFromString(await response.text(), 'image/svg+xml').documentElement;
  byId('pool').replaceChildren(picture);
}
showPool();
setInterval(showPool, 10_000);
