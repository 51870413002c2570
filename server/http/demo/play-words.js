// What the playground says about what it sees.

/** The page that stands in the field at first: what a script must find, and what it must leave alone. */
export const SAMPLE = `<title>Bluebird Plumbing: call (305) 555-0100</title>
<h1>Burst pipe? Call <b>(305)</b> <span>555</span>-0100</h1>
<p>Day and night: 305-555-0100, 305.555.0100 or, from abroad, +1 305 555 0100.</p>
<p>
  <a href="tel:+13055550100">Call us</a> ·
  <a href="https://wa.me/13055550100">WhatsApp</a> ·
  <a href="sms:+13055550100" aria-label="Text (305) 555-0100">Text us</a>
</p>
<p><button type="button" title="Dial 1-305-555-0100">Call me back</button></p>
<hr>
<p>Your order: 983055550100. Our other office: (212) 555-0100.</p>
<p data-calltrk-noswap>Licence holder: 305-555-0100</p>
<pre>phone = "305-555-0100"</pre>
`;

/** How a visitor may come: the query of the landing page, and the referrer. */
export const ARRIVALS = {
  ad: ['gclid=demo-click&utm_campaign=burst-pipes', 'https://www.google.com/'],
  search: ['', 'https://www.google.com/'],
  newsletter: ['utm_source=newsletter&utm_medium=email&utm_campaign=spring', ''],
  mailer: ['promo=summer-mailer', ''],
  yelp: ['', 'https://www.yelp.com/'],
  direct: ['', ''],
};

/** Why a place has the site's own number, by what the visitor has agreed to. */
const OWN = {
  given: 'there is no other for this visitor now.',
  missing: 'the visitor has not agreed yet, so no other is asked for.',
  refused: 'the visitor refused, so no other is asked for.',
};

/** What a code means that the script prints about a stretch of text. */
export function sayDecision(code, consent) {
  if (code === 'own') return `Found. The site’s own number stands here: ${OWN[consent]}`;
  return DECISIONS[code] ?? '';
}

const DECISIONS = {
  swap: 'The visitor’s number stands here.',
  kept: 'Found and left alone: it is in a place that keeps its numbers (data-calltrk-noswap, code, a field …).',
  waiting: 'Found. A framework may still take over this part of the page, so it waits.',
  lost: 'Found. The page wrote its own number back again and again, so the page keeps the place.',
  none: 'Not a number of this business, or a part of something longer: never touched.',
};

const ERRORS = {
  server: 'The server did not answer; it is asked again later.',
  lost: 'The page insists on its own number in one place: the script has given in there.',
};

/** What the script told at one moment, as lines to read. `isUndone`: the visitor refused after numbers were written. */
export function sayEvent({ code, about }, { trackers, isUndone }) {
  if (code === 'server') {
    // Trackers have ids there, since anybody may ask; who sees this page may know their names.
    const named = String(about.debug ?? '').replace(/TRK\w+/g, (id) => {
      const name = trackers.find((one) => one.id === id)?.name;
      return name ? `“${name}” (${id})` : id;
    });
    const why = named.split('\n');
    return [`The server answered. Source of the visit: ${about.source}.`, ...why].filter(Boolean);
  }
  if (code === 'assign') {
    const pairs = Object.entries(about.numbers).map(([own, shown]) => `${own} becomes ${shown}`);
    return [`The numbers for this visitor: ${pairs.join(', ') || 'the site’s own'}.`];
  }
  if (code === 'swap') {
    const places = `${about.count} ${about.count === 1 ? 'place' : 'places'}`;
    return [
      isUndone ? `The site’s own numbers were put back in ${places}.` : `Numbers were written in ${places}.`,
    ];
  }
  if (code === 'error') return [ERRORS[about.code] ?? `Something went wrong: ${about.code}.`];
  if (code === 'form') return [`A form was captured: ${about.form_name ?? 'without a name'}.`];
  return [`${code}: ${JSON.stringify(about)}`];
}

const STORED = [
  [/session_id$/, 'who this browser is on this site'],
  [/landing$/, 'the first page, with its query'],
  [/referrer$/, 'where the visitor first came from'],
  [/fcid$/, 'the id of this browser’s forms'],
  [/-queue$/, 'leads that the server is not known to have yet'],
  [/^calltrk-/, 'the same as the cookies, the visit under way, and the numbers shown'],
];

/** What is kept under a name. */
export function sayStored(name) {
  return STORED.find(([pattern]) => pattern.test(name))?.[1] ?? '';
}

const EVENTS = {
  tap: 'a tap on a number',
  form: 'a form',
  page_view: 'a page view',
  ping: 'a sign of life',
  leave: 'the page went out of view',
};

/** What a request was for. */
export function sayRequest({ address, body }) {
  if (address.endsWith('/v1/swap')) {
    const { targets = [], page } = body;
    const asks =
      targets.length > 0 ? `asks for the number in place of ${targets.join(', ')}` : 'asks for no number';
    return page ? `${asks}, and tells of the page view` : asks;
  }
  return `tells of ${(body.events ?? []).map(({ type }) => EVENTS[type] ?? type).join(', ')}`;
}
