import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRule } from '../../shared/contract/visitor.js';
import { campaignOf, explainSource, isCampaign, KNOWN_NETWORKS, readSource } from '../../shared/source.js';
import { compileRule, matchesRule } from '../../shared/source-compile.js';
import { DETOURS } from '../../shared/source-table.js';
import { judgeVisit } from '../../shared/visit-evidence.js';

const SITE = 'https://www.example.com/';

/** Where people come from, as their browsers tell it: referrer, what stands behind the landing page, source, medium. */
const VISITS: [referrer: string, landing: string, source: string, medium: string][] = [
  // Search engines of the world
  ['https://www.google.com/', '', 'google_organic', 'organic'],
  ['https://www.google.com.au/', 'roofs', 'google_organic', 'organic'],
  ['https://www.google.co.jp/url?sa=t&url=https%3A%2F%2Fwww.example.com', '', 'google_organic', 'organic'],
  ['https://news.google.com/', '', 'google_organic', 'organic'],
  ['android-app://com.google.android.googlequicksearchbox/', '', 'google_organic', 'organic'],
  [
    'android-app://com.google.android.googlequicksearchbox/https/www.google.com',
    '',
    'google_organic',
    'organic',
  ],
  ['https://cn.bing.com/', '', 'bing_organic', 'organic'],
  ['https://r.search.yahoo.com/_ylt=x/RV=2', '', 'yahoo_organic', 'organic'],
  ['https://search.yahoo.co.jp/', '', 'yahoo_organic', 'organic'],
  ['https://html.duckduckgo.com/', '', 'duckduckgo_organic', 'organic'],
  ['https://search.brave.com/', '', 'brave_organic', 'organic'],
  ['https://www.ecosia.org/', '', 'ecosia_organic', 'organic'],
  ['https://www.qwant.com/', '', 'qwant_organic', 'organic'],
  ['https://www.startpage.com/', '', 'startpage_organic', 'organic'],
  ['https://www.baidu.com/link?url=x', '', 'baidu_organic', 'organic'],
  ['https://m.baidu.com/', '', 'baidu_organic', 'organic'],
  ['https://yandex.com.tr/', '', 'yandex_organic', 'organic'],
  ['https://yandex.ru/', '', 'yandex_organic', 'organic'],
  ['https://search.naver.com/', '', 'naver_organic', 'organic'],
  ['https://search.daum.net/', '', 'daum_organic', 'organic'],
  ['https://www.sogou.com/', '', 'sogou_organic', 'organic'],
  ['https://search.seznam.cz/', '', 'seznam_organic', 'organic'],
  ['https://search.aol.com/', '', 'aol_organic', 'organic'],
  ['https://coccoc.com/', '', 'coccoc_organic', 'organic'],
  ['https://kagi.com/', '', 'kagi_organic', 'organic'],
  // Advertisements, by their click ids
  ['https://www.google.com/', '?gclid=Cj0', 'google_paid', 'cpc'],
  ['', '?gbraid=0AAA', 'google_paid', 'cpc'],
  ['', '?gad_source=1&gad_campaignid=77', 'google_paid', 'cpc'],
  ['', '?dclid=x', 'google_paid', 'cpc'],
  ['https://googleads.g.doubleclick.net/', '', 'google_paid', 'cpc'],
  ['https://www.youtube.com/', '?gclid=x', 'youtube_paid', 'cpc'],
  ['', '?gclid=x&utm_source=youtube', 'youtube_paid', 'cpc'],
  ['https://www.youtube.com/', '?gclid=x&utm_source=google', 'google_paid', 'cpc'],
  ['', '?msclkid=x', 'bing_paid', 'cpc'],
  ['https://duckduckgo.com/', '?msclkid=x', 'duckduckgo_paid', 'cpc'],
  ['https://search.yahoo.com/', '?msclkid=x', 'bing_paid', 'cpc'],
  ['https://yandex.ru/', '?yclid=1', 'yandex_paid', 'cpc'],
  ['https://search.yahoo.co.jp/', '?yclid=1', 'yahoo_paid', 'cpc'],
  ['', '?ttclid=x', 'tiktok_paid', 'cpc'],
  ['', '?li_fat_id=x', 'linkedin_paid', 'cpc'],
  ['https://t.co/', '?twclid=x', 'twitter_paid', 'cpc'],
  ['', '?rdt_cid=x', 'reddit_paid', 'cpc'],
  ['', '?ScCid=x', 'snapchat_paid', 'cpc'],
  ['', '?ndclid=x', 'nextdoor_paid', 'cpc'],
  ['', '?tblci=x', 'taboola_paid', 'cpc'],
  ['', '?irclickid=x&utm_medium=affiliate', 'impact', 'affiliate'],
  ['', '?awc=1_2', 'awin', 'affiliate'],
  // Auto-tagging against tags set by hand
  ['', '?gclid=x&utm_source=facebook&utm_medium=social&utm_campaign=old', 'google_paid', 'cpc'],
  ['', '?gclid=x&utm_source=google&utm_medium=ppc', 'google_paid', 'ppc'],
  ['', '?gclid=x&utm_source=google&utm_medium=organic', 'google_paid', 'cpc'],
  ['https://www.google.com/', '?utm_source=facebook&utm_medium=social', 'facebook_organic', 'social'],
  ['https://www.bing.com/', '?utm_source=google&utm_medium=cpc', 'google_paid', 'cpc'],
  // Tags, however they are written
  ['', '?UTM_SOURCE=Google&UTM_MEDIUM=CPC', 'google_paid', 'CPC'],
  ['', '?utm_source=Google%20Ads&utm_medium=paid+search', 'google_paid', 'paid search'],
  ['', '?utm_source=google-ads&utm_medium=cpc', 'google_paid', 'cpc'],
  ['', '?utm_source=GoogleAds&utm_medium=cpc', 'google_paid', 'cpc'],
  ['', '?utm_source=adwords&utm_medium=ppc', 'google_paid', 'ppc'],
  ['', '#utm_source=bing&utm_medium=cpc', 'bing_paid', 'cpc'],
  ['', '#/route?utm_source=bing&utm_medium=cpc', 'bing_paid', 'cpc'],
  ['', '?x=1&amp;utm_source=bing&amp;utm_medium=cpc', 'bing_paid', 'cpc'],
  ['', '?utm_source=bing&amp;amp;utm_medium=cpc', 'bing_paid', 'cpc'],
  ['', '?utm_source%3Dbing%26utm_medium%3Dcpc', 'bing_paid', 'cpc'],
  ['', '%3Futm_source=bing&utm_medium=cpc', 'bing_paid', 'cpc'],
  ['', '%3Futm_source=bing&utm_medium=cpc?fbclid=x', 'bing_paid', 'cpc'],
  ['', '?utm_source=&utm_source=bing', 'bing_organic', 'organic'],
  ['', '?utm_source=m.facebook.com', 'facebook_organic', 'social'],
  ['', '?utm_source=fb_ads&utm_medium=paidsocial', 'facebook_paid', 'paidsocial'],
  ['', '?utm_source=x', 'twitter_organic', 'social'],
  ['', '?utm_source=not-linkedin', 'not_linkedin', 'campaign'],
  ['', '?utm_source=mybing.example', 'mybing_example', 'campaign'],
  ['', '?utm_source=x-mas-mailing', 'x_mas_mailing', 'campaign'],
  ['', '?utm_source=googlebotanics', 'googlebotanics', 'campaign'],
  ['', '?utm_source={{site}}', 'campaign', 'campaign'],
  ['', '?utm_source=radio&utm_medium=broadcast', 'radio', 'broadcast'],
  ['https://partner.example.org/x', '?utm_source=partner', 'example.org', 'referral'],
  // AI assistants
  ['https://chatgpt.com/', '', 'chatgpt_organic', 'ai-assistant'],
  ['', '?utm_source=chatgpt.com', 'chatgpt_organic', 'ai-assistant'],
  ['https://chat.openai.com/', '', 'chatgpt_organic', 'ai-assistant'],
  ['https://www.perplexity.ai/search/x', '', 'perplexity_organic', 'ai-assistant'],
  ['', '?utm_source=perplexity', 'perplexity_organic', 'ai-assistant'],
  ['https://gemini.google.com/', '', 'gemini_organic', 'ai-assistant'],
  ['', '?utm_source=gemini.google.com', 'gemini_organic', 'ai-assistant'],
  ['https://copilot.microsoft.com/', '', 'copilot_organic', 'ai-assistant'],
  ['', '?utm_source=copilot.com', 'copilot_organic', 'ai-assistant'],
  ['https://claude.ai/chat/1', '', 'claude_organic', 'ai-assistant'],
  ['https://chat.deepseek.com/', '', 'deepseek_organic', 'ai-assistant'],
  ['https://grok.com/', '', 'grok_organic', 'ai-assistant'],
  ['https://www.meta.ai/', '', 'meta_ai_organic', 'ai-assistant'],
  ['android-app://com.openai.chatgpt/', '', 'chatgpt_organic', 'ai-assistant'],
  // Social networks, their link shims and apps
  ['https://l.facebook.com/l.php?u=x', '', 'facebook_organic', 'social'],
  ['https://lm.facebook.com/', '?fbclid=x', 'facebook_organic', 'social'],
  ['http://m.facebook.com', '?fbclid=x&utm_source=fb&utm_medium=paid', 'facebook_paid', 'paid'],
  ['', '?fb_ad_id=1', 'facebook_paid', 'cpc'],
  ['https://linktr.ee/', '?fbclid=x', 'facebook_organic', 'social'],
  ['https://www.google.com/', '?fbclid=x', 'google_organic', 'organic'],
  ['https://l.instagram.com/?u=x', '?fbclid=x', 'instagram_organic', 'social'],
  ['https://l.threads.com/', '', 'threads_organic', 'social'],
  ['https://t.co/Ab1', '', 'twitter_organic', 'social'],
  ['https://lnkd.in/', '', 'linkedin_organic', 'social'],
  ['https://out.reddit.com/', '', 'reddit_organic', 'social'],
  ['https://old.reddit.com/r/roofs', '', 'reddit_organic', 'social'],
  ['https://away.vk.com/', '', 'vk_organic', 'social'],
  ['https://www.pinterest.co.uk/', '', 'pinterest_organic', 'social'],
  ['android-app://com.linkedin.android/', '', 'linkedin_organic', 'social'],
  ['android-app://com.pinterest/', '', 'pinterest_organic', 'social'],
  ['https://youtu.be/x', '', 'youtube_organic', 'social'],
  ['https://www.yelp.com.au/', '', 'yelp_organic', 'referral'],
  // Maps and business profiles
  ['https://maps.google.com/', '', 'google_my_business', 'organic'],
  ['https://www.google.com/maps/place/x', '', 'google_my_business', 'organic'],
  ['https://www.google.com/', '?utm_source=gmb', 'google_my_business', 'organic'],
  [
    'https://www.google.com/',
    '?utm_source=google&utm_medium=organic&utm_campaign=gbp-main',
    'google_my_business',
    'organic',
  ],
  ['', '?utm_source=Google+My+Business', 'google_my_business', 'organic'],
  ['', '?utm_source=gmb&utm_medium=cpc', 'google_paid', 'cpc'],
  ['https://maps.apple.com/', '', 'apple_maps', 'organic'],
  // E-mail
  ['https://mail.google.com/mail/u/0', '', 'gmail', 'email'],
  ['android-app://com.google.android.gm/', '', 'gmail', 'email'],
  ['https://outlook.live.com/', '', 'outlook', 'email'],
  ['https://nam02.safelinks.protection.outlook.com/', '', 'outlook', 'email'],
  ['https://mail.yahoo.com/', '', 'yahoo_mail', 'email'],
  ['https://mail.google.com/', '?utm_source=spring-news&utm_medium=email', 'spring_news', 'email'],
  ['', '?mc_cid=x&mc_eid=y', 'mailchimp', 'email'],
  // Not a source: the site itself, and where visitors only come back from
  ['https://www.example.com/contact', '', 'direct', 'direct'],
  ['https://blog.example.com/', '', 'direct', 'direct'],
  ['https://www.paypal.com/checkoutnow', '', 'direct', 'direct'],
  ['https://checkout.stripe.com/c/pay/x', '', 'direct', 'direct'],
  ['https://pay.klarna.com/', '', 'direct', 'direct'],
  ['https://accounts.google.com/', '', 'direct', 'direct'],
  ['https://www.paypal.com/', '?utm_source=google&utm_medium=cpc', 'google_paid', 'cpc'],
  // A referrer that a redirect told
  [
    'https://tracker.example.net/',
    '?utm_referrer=https%3A%2F%2Fwww.google.com%2F',
    'google_organic',
    'organic',
  ],
  // Sites, by what somebody registered
  ['https://news.site.co.uk/', '', 'site.co.uk', 'referral'],
  ['https://a.b.site.com.br/', '', 'site.com.br', 'referral'],
  ['https://www.city.kawasaki.jp/', '', 'city.kawasaki.jp', 'referral'],
  ['https://shop.kyoto.jp.example.kyoto.jp/', '', 'example.kyoto.jp', 'referral'],
  ['https://somebody.github.io/', '', 'somebody.github.io', 'referral'],
  ['https://xn--mnchen-3ya.de/', '', 'xn--mnchen-3ya.de', 'referral'],
  ['android-app://org.news.reader/', '', 'org.news.reader', 'referral'],
  // Names that only look like others
  ['https://notgoogle.com/', '', 'notgoogle.com', 'referral'],
  ['https://google.com.evil.net/', '', 'evil.net', 'referral'],
  ['https://evil.net/https://www.google.com/', '', 'evil.net', 'referral'],
  ['https://evil.net/?q=facebook.com', '', 'evil.net', 'referral'],
  ['https://www.google.com@evil.net/', '', 'evil.net', 'referral'],
  ['https://evil.net\\@www.google.com/', '', 'evil.net', 'referral'],
  ['https://mybing.com/', '', 'mybing.com', 'referral'],
  ['https://fax.com/', '', 'fax.com', 'referral'],
  ['https://duckduckgo.com.phish.org/', '', 'phish.org', 'referral'],
];

describe('a visit', () => {
  test.each(VISITS)('from %j landing on %j is %s', (referrer, landing, source, medium) => {
    expect(readSource(SITE + landing, referrer)).toMatchObject({ source, medium });
  });

  test.each([
    ['https://www.google.com/search?q=roof+repair', 'roof repair'],
    ['https://search.yahoo.com/search?p=roof%20repair', 'roof repair'],
    ['https://www.baidu.com/s?wd=%E5%B1%8B', '屋'],
    ['https://yandex.ru/search/?text=x', 'x'],
    ['https://www.google.com/url?q=https://www.example.com/', null],
    ['https://www.google.com/', null],
    ['https://evil.net/?q=roof', null],
  ])('from %s was searched for: %j', (referrer, term) => {
    expect(readSource(SITE, referrer).term).toBe(term);
    expect(readSource(`${SITE}?utm_term=mine`, referrer).term).toBe('mine');
  });

  test('was searched for what the referrer of a redirect says', () => {
    const told = encodeURIComponent('https://www.bing.com/search?q=roof');
    expect(readSource(`${SITE}?utm_referrer=${told}`, 'https://go.example.net/')).toMatchObject({
      source: 'bing_organic',
      term: 'roof',
    });
  });

  test.each([
    ['utm_campaign=Spring%20Sale', 'Spring Sale'],
    ['utm_campaign=Spring%2520Sale', 'Spring Sale'],
    ['utm_campaign=Spring+Sale', 'Spring Sale'],
    ['utm_campaign=caf%C3%A9', 'café'],
    ['utm_campaign=caf%E9', 'caf%E9'],
    ['utm_campaign=100%25', '100%'],
    ['utm_campaign=a%00b', 'ab'],
    ['utm_campaign=(not+set)', null],
    ['utm_campaign=%7Bcampaignid%7D', null],
    ['utm_id=7', '7'],
    ['gclid=x&gad_campaignid=22', '22'],
  ])('with %s has the campaign %j', (query, campaign) => {
    expect(readSource(`${SITE}?${query}`, '').campaign).toBe(campaign);
  });

  test('brings every click id', () => {
    const ids =
      'gclid gbraid wbraid dclid msclkid fbclid ttclid li_fat_id twclid epik sccid rdt_cid yclid irclickid ndclid qclid igshid awc cjevent'.split(
        ' ',
      );
    const query = ids.map((id) => `${id.toUpperCase()}=${id}-1`).join('&');
    expect(readSource(`${SITE}?${query}&click=no&clid_x=no`, '').clickIds).toEqual(
      Object.fromEntries(ids.map((id) => [id, `${id}-1`])),
    );
  });

  test.each([
    [
      '?gclid=x',
      '',
      'ad_click',
      'the landing page has gclid, which an advertisement of Google gives, and was paid for',
    ],
    ['?utm_source=bing', '', 'utm_source', 'utm_source is bing, which is Bing'],
    ['', 'https://t.co/', 'referrer', 'the referrer is t.co, which is Twitter'],
    ['?fbclid=x', '', 'click', 'the landing page has fbclid, which a click on Facebook gives'],
    [
      '',
      'https://pay.klarna.com/',
      'none',
      'pay.klarna.com is a place that visitors only come back from, and there is no campaign click',
    ],
    ['', '', 'none', 'there is neither a campaign click nor a referrer of another site'],
  ])('landing on %j from %j is explained', (landing, referrer, sign, because) => {
    expect(explainSource({ landing: SITE + landing, referrer })).toMatchObject({ sign, because });
  });
});

describe('the table', () => {
  test('has every parameter that decides among the campaign clicks', () => {
    for (const { paidNames, clickNames } of KNOWN_NETWORKS) {
      for (const name of [...paidNames, ...clickNames]) expect(isCampaign(name), name).toBe(true);
    }
  });

  test('has no host twice, so that a referrer is one network', () => {
    const hosts = KNOWN_NETWORKS.flatMap(({ hosts = '' }) => hosts.split(' '))
      .filter(Boolean)
      .map((host) => host.replace(/^=/, '').replace('.*', '.com'));
    for (const host of hosts) {
      expect(
        KNOWN_NETWORKS.filter(({ isHost }) => isHost.test(host)).map(({ id }) => id),
        host,
      ).toHaveLength(1);
    }
    expect(hosts.length).toBeGreaterThan(200);
    for (const detour of DETOURS.split(' ')) {
      expect(
        KNOWN_NETWORKS.some(({ isHost }) => isHost.test(detour.replace('.*', '.com'))),
        detour,
      ).toBe(false);
    }
  });

  test('names each source once', () => {
    expect(new Set(KNOWN_NETWORKS.map(({ id }) => id)).size).toBe(KNOWN_NETWORKS.length);
    expect(new Set(KNOWN_NETWORKS.map(({ name }) => name)).size).toBe(KNOWN_NETWORKS.length);
  });
});

/** Visits of every kind at once, also such as nobody makes. */
const anyTouch = (() => {
  const names = KNOWN_NETWORKS.flatMap(({ paidNames, clickNames }) => [...paidNames, ...clickNames]);
  const tags = KNOWN_NETWORKS.flatMap(({ words = '' }) => words.split(' ')).map((word) =>
    word.replace(/[=?]/g, ''),
  );
  const hosts = KNOWN_NETWORKS.flatMap(({ hosts = '', adHosts = '' }) => `${hosts} ${adHosts}`.split(' '))
    .concat(DETOURS.split(' '), ['site.org', 'www.example.com', 'blog.example.com'])
    .map((host) => host.replace(/^=/, '').replace('.*', '.co.uk'));
  const tag = fc.tuple(
    fc.constantFrom('', 'm.', 'not-'),
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...tags) }, fc.constantFrom('newsletter', '')),
    fc.constantFrom('', '', '.com', '-ads', ' promo', 'x'),
  );
  const parameter = fc.oneof(
    fc.constantFrom(...names).map((name) => `${name}=1`),
    tag.map((parts) => `utm_source=${encodeURIComponent(parts.join(''))}`),
    fc
      .constantFrom('cpc', 'CPC', 'organic', 'paid-social', 'email', '')
      .map((medium) => `utm_medium=${medium}`),
    fc.constantFrom('page=2', 'utm_campaign=gmb', 'utm_campaign=spring', 'gclid=', '&amp;x=%26'),
  );
  const referrer = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom('', 'www.', 'm.'), fc.constantFrom(...hosts))
        .map((parts) => `https://${parts.join('')}/`),
    },
    fc.constantFrom('', 'direct', 'junk'),
  );
  return fc.record({
    landing: fc
      .tuple(fc.constantFrom('?', '#', '#/x?'), fc.array(parameter, { maxLength: 4 }))
      .map(([mark, parameters]) => SITE + mark + parameters.join('&')),
    referrer,
  });
})();

const ENGINE_PARTS: Record<string, string> = {
  google_my_business: 'google',
  bing_places: 'bing',
  yandex_maps: 'yandex',
};
const ENGINES = KNOWN_NETWORKS.filter(({ kind, of }) => kind === 'search' || of).map(
  ({ id, of }) => of ?? id,
);

describe('a rule on the page', () => {
  const kinds = ['paid', 'organic', 'all'] as const;
  const rules: [SourceRule, (id: string) => boolean, (typeof kinds)[number]][] = kinds.flatMap((kind) => [
    ...(['google', 'bing', 'yahoo'] as const).map(
      (engine): [SourceRule, (id: string) => boolean, typeof kind] => [
        { type: 'search', search_engine: engine, search_type: kind },
        (id) => id === engine,
        kind,
      ],
    ),
    [{ type: 'search', search_engine: 'all', search_type: kind }, (id) => ENGINES.includes(id), kind],
    ...(['facebook', 'youtube', 'chatgpt', 'duckduckgo', 'pinterest'] as const).map(
      (network): [SourceRule, (id: string) => boolean, typeof kind] => [
        { type: `${network}_${kind}` },
        (id) => id === network,
        kind,
      ],
    ),
  ]);

  test.each(rules)('%j fits the visits whose source it names, and no others', (rule, isNamed, wanted) => {
    const matcher = compileRule(rule);
    fc.assert(
      fc.property(anyTouch, (touch) => {
        const { source } = readSource(touch.landing, touch.referrer);
        const [, id = source, kind = 'organic'] = /^(.+)_(paid|organic)$/.exec(source) ?? [];
        const expected = isNamed(ENGINE_PARTS[id] ?? id) && (wanted === 'all' || wanted === kind);
        expect(judgeVisit(touch)(matcher ?? [])).toBe(expected);
      }),
      { numRuns: 700 },
    );
  });

  test('that names direct visits fits them', () => {
    fc.assert(
      fc.property(anyTouch, (touch) => {
        const isDirect = readSource(touch.landing, touch.referrer).source === 'direct';
        expect(matchesRule({ type: 'direct' }, touch)).toBe(isDirect);
      }),
      { numRuns: 5000 },
    );
  });

  test('carries no more of the web than it names', () => {
    const size = (rule: SourceRule) => JSON.stringify(compileRule(rule)).length;
    expect(size({ type: 'web_referrer', referrer: 'yelp.com' })).toBeLessThan(100);
    expect(size({ type: 'landing_params', landing: 'utm_source=bing' })).toBeLessThan(100);
    expect(
      JSON.stringify(compileRule({ type: 'search', search_engine: 'google', search_type: 'all' })),
    ).not.toMatch(/yelp\\\\.|baidu\\\\.com|paypal/);
  });
});

describe('hostile input', () => {
  const LONG = 64 * 1024;
  const texts = {
    'a host without end': `https://${'a.'.repeat(LONG / 2)}com/`,
    'one label': `https://${'a'.repeat(LONG)}.com/`,
    dots: `https://${'.'.repeat(LONG)}`,
    dashes: `https://${'a-'.repeat(LONG / 2)}!`,
    'at signs': `https://${'a@'.repeat(LONG / 2)}`,
    schemes: 'a+'.repeat(LONG / 2),
    spaces: `${' '.repeat(LONG)}x`,
    'question marks': `${SITE}${'?'.repeat(LONG)}`,
    ampersands: `${SITE}?${'&amp;'.repeat(LONG / 5)}`,
    parameters: `${SITE}?${'a=1&'.repeat(LONG / 4)}`,
    'other parameters': `${SITE}?${Array.from({ length: LONG / 8 }, (_, at) => `b${at}=1`).join('&')}`,
    'half a tag': `${SITE}?utm_source=${'google-'.repeat(LONG / 7)}`,
    'a tag of hosts': `${SITE}?utm_source=${'a.'.repeat(LONG / 2)}`,
    'a tag of ads': `${SITE}?utm_source=google${'ads '.repeat(LONG / 4)}`,
    'a medium of nearly paid': `${SITE}?utm_medium=${'cp '.repeat(LONG / 3)}`,
    percents: `${SITE}?x=${'%25'.repeat(LONG / 3)}`,
    'bad percents': `${SITE}?x=${'%E0%A4'.repeat(LONG / 6)}`,
    clicks: `${SITE}?${'click_'.repeat(LONG / 6)}id=1`,
    'a click that is none': `${SITE}?${'cl'.repeat(LONG / 2)}=1`,
  };
  const rules: SourceRule[] = [
    { type: 'direct' },
    { type: 'facebook_all' },
    { type: 'search', search_engine: 'all', search_type: 'paid' },
    { type: 'landing_params', landing: 'utm_campaign=x*&b=2' },
    { type: 'landing_url', landing: '/spring' },
    { type: 'web_referrer', referrer: 'yelp.com' },
    { type: 'web_referrer', referrer: 'yelp' },
  ];

  test.each(Object.entries(texts))('%s costs next to nothing', (_, text) => {
    for (const touch of [
      { landing: text, referrer: 'https://www.google.com/' },
      { landing: SITE, referrer: text },
    ]) {
      const start = performance.now();
      readSource(touch.landing, touch.referrer);
      campaignOf(touch.landing);
      const judge = judgeVisit(touch);
      for (const rule of rules) judge(compileRule(rule) ?? []);
      // Ten milliseconds here; a step that is not linear takes minutes.
      expect(performance.now() - start).toBeLessThan(1500);
    }
  });
});
