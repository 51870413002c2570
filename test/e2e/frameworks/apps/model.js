/**
 * What every page shows, whatever it is made with, and the random walk through it. A page renders a state and nothing
 * else; each place that shows the number says in `data-number` what it shows without the script.
 */
export const TEL = 'tel:+13055550100';

export function firstState() {
  return {
    /** `home` has the heading, the text and the link; the other routes have something else. */
    route: 'home',
    /** `split`, `plain` or `none`: another element each time. */
    heading: 'split',
    banner: true,
    /** Keys of the list. */
    items: [1, 2, 3, 4],
    /** Shown everywhere, so that everything is rendered again. */
    tick: 0,
    /** How the text begins: the way to have its node written anew with the site's own number in it. */
    words: 'Dial',
    tel: TEL,
    count: 0,
  };
}

export const HEADING = 'Call (305) 555-0100';
export const FAX = 'Fax (305) 555-0100.';
export const LINK = '305-555-0100';
export const textOf = (words) => `${words} 305.555.0100 today`;
export const deskOf = (id) => `Desk ${id}: 305-555-0100 `;

/** Mulberry32: the same walk for the same seed. */
function createRandom(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One move at random; the state is not changed, a new one is answered. */
function move(state, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const items = [...state.items];
  const at = Math.floor(random() * items.length);
  switch (
    pick(['tick', 'tick', 'move', 'move', 'turn', 'add', 'drop', 'banner', 'heading', 'route', 'clear'])
  ) {
    case 'move':
      items.splice(Math.floor(random() * items.length), 0, ...items.splice(at, 1));
      return { ...state, items };
    case 'turn':
      return { ...state, items: items.reverse(), tick: state.tick + 1 };
    case 'add':
      items.splice(at, 0, Math.max(0, ...items) + 1);
      return { ...state, items: items.slice(0, 8) };
    case 'drop':
      items.splice(at, 1);
      return { ...state, items };
    case 'banner':
      return { ...state, banner: !state.banner };
    case 'heading':
      return { ...state, heading: pick(['split', 'plain', 'none']) };
    case 'route':
      return { ...state, route: pick(['home', 'contact', 'thanks']) };
    case 'clear':
      return { ...state, items: random() < 0.3 ? [] : [1, 2, 3] };
    default:
      return { ...state, tick: state.tick + 1 };
  }
}

const task = () =>
  new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(0);
  });

/**
 * Puts `window.page` there for the tests. `render` shows a state, now or soon; `settle` waits until it is shown.
 * Answers what the page's own controls call.
 */
export function expose({ render, settle = task }) {
  let state = firstState();
  function change(patch) {
    const { route } = state;
    state = { ...state, ...patch };
    if (state.route !== route) history.pushState(null, '', `#${state.route}`);
    render(state);
  }
  window.page = {
    async change(patch) {
      change(patch);
      await settle();
    },
    /** Some moves are shown together, some in a task of their own, some get a frame. */
    async walk(steps, seed) {
      const random = createRandom(seed);
      for (let step = 0; step < steps; step++) {
        change(move(state, random));
        const wait = random();
        if (wait < 0.6) await settle();
        if (wait < 0.2) await task();
        if (wait < 0.02) await new Promise(requestAnimationFrame);
      }
      change({ ...firstState(), count: state.count });
      await settle();
      await task();
    },
  };
  return { change, increase: () => change({ count: state.count + 1 }) };
}

/** The page is the framework's from now on. Where it becomes so by parts, the last part says it. */
export function hydrated() {
  window.hydratedAt = performance.now();
}

export const container = () => document.getElementById(document.documentElement.dataset.container);
