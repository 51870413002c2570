import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRule } from '../../shared/contract/visitor.js';
import { campaignOf, readSource } from '../../shared/source.js';
import { matchesRule } from '../../shared/source-compile.js';
import { precedenceOf, sourceOfRule } from '../../shared/source-rules.js';

const SITE = 'https://www.example.com/';

describe('the source of a visit', () => {
  test.each([
    // landing, referrer, source, name, medium
    ['', '', 'direct', 'Direct', 'direct'],
    ['', 'direct', 'direct', 'Direct', 'direct'],
    ['', 'https://www.google.com/', 'google_organic', 'Google Organic', 'organic'],
    ['', 'https://www.google.co.uk/', 'google_organic', 'Google Organic', 'organic'],
    ['', 'https://google.de', 'google_organic', 'Google Organic', 'organic'],
    [
      '',
      'android-app://com.google.android.googlequicksearchbox/',
      'google_organic',
      'Google Organic',
      'organic',
    ],
    ['', 'https://notgoogle.com/', 'notgoogle.com', 'notgoogle.com', 'referral'],
    ['', 'https://google.evil.com/', 'evil.com', 'evil.com', 'referral'],
    ['', 'https://google.com.evil.net/', 'evil.net', 'evil.net', 'referral'],
    ['', 'https://evil.net/?from=https://www.google.com/', 'evil.net', 'evil.net', 'referral'],
    ['', 'https://evil.net/www.google.com/', 'evil.net', 'evil.net', 'referral'],
    ['', 'https://www.google.com@evil.net/', 'evil.net', 'evil.net', 'referral'],
    ['', 'https://mail.google.com/', 'gmail', 'Gmail', 'email'],
    ['', 'https://docs.google.com/', 'google.com', 'google.com', 'referral'],
    ['', 'https://www.bing.com/', 'bing_organic', 'Bing Organic', 'organic'],
    ['', 'https://uk.search.yahoo.com/', 'yahoo_organic', 'Yahoo Organic', 'organic'],
    ['', 'https://duckduckgo.com/', 'duckduckgo_organic', 'DuckDuckGo Organic', 'organic'],
    ['', 'https://m.facebook.com/', 'facebook_organic', 'Facebook Organic', 'social'],
    ['', 'https://t.co/abc', 'twitter_organic', 'Twitter Organic', 'social'],
    ['', 'https://www.yelp.co.uk/biz/x', 'yelp_organic', 'Yelp Organic', 'referral'],
    ['', 'https://news.site.co.uk/a', 'site.co.uk', 'site.co.uk', 'referral'],
    ['', 'https://a.b.site.com/a', 'site.com', 'site.com', 'referral'],
    ['', 'https://192.168.0.7:8080/', '192.168.0.7', '192.168.0.7', 'referral'],
    ['', 'android-app://com.example.reader/', 'com.example.reader', 'com.example.reader', 'referral'],
    ['', 'https://example.com/other', 'direct', 'Direct', 'direct'],
    ['', 'https://shop.example.com/', 'direct', 'Direct', 'direct'],
    ['?gclid=a', '', 'google_paid', 'Google Ads', 'cpc'],
    ['?GCLID=a', '', 'google_paid', 'Google Ads', 'cpc'],
    ['?wbraid=a', 'https://www.google.com/', 'google_paid', 'Google Ads', 'cpc'],
    ['', 'https://www.googleadservices.com/pagead', 'google_paid', 'Google Ads', 'cpc'],
    ['?msclkid=a&utm_source=google', '', 'bing_paid', 'Bing Paid', 'cpc'],
    ['?utm_source=google&utm_medium=cpc', '', 'google_paid', 'Google Ads', 'cpc'],
    ['?UTM_Source=Google&UTM_Medium=CPC', '', 'google_paid', 'Google Ads', 'CPC'],
    ['?utm_source=google&utm_medium=organic', '', 'google_organic', 'Google Organic', 'organic'],
    ['?utm_source=facebook&utm_medium=paid_social', '', 'facebook_paid', 'Facebook Paid', 'paid_social'],
    ['?utm_source=ig&utm_medium=story_ad', '', 'instagram_paid', 'Instagram Paid', 'story_ad'],
    ['?utm_source=facebook&utm_medium=road', '', 'facebook_organic', 'Facebook Organic', 'road'],
    ['?fbclid=a', '', 'facebook_organic', 'Facebook Organic', 'social'],
    ['?fbclid=a', 'https://l.instagram.com/', 'instagram_organic', 'Instagram Organic', 'social'],
    ['?ttclid=a', '', 'tiktok_paid', 'TikTok Paid', 'cpc'],
    [
      '?utm_source=Spring%20Newsletter&utm_medium=email',
      '',
      'spring_newsletter',
      'Spring Newsletter',
      'email',
    ],
    ['?utm_source=news&utm_medium=email', 'https://mail.site.com/', 'site.com', 'site.com', 'email'],
    ['?utm_campaign=spring', '', 'campaign', 'campaign', 'campaign'],
    ['#top?gclid=a', '', 'google_paid', 'Google Ads', 'cpc'],
    ['#/route?utm_source=bing&utm_medium=cpc#end', '', 'bing_paid', 'Bing Paid', 'cpc'],
  ])('%j from %j is %s', (query, referrer, source, name, medium) => {
    expect(readSource(SITE + query, referrer)).toMatchObject({ source, name, medium });
  });

  test('campaign, term, content and click ids come with it, decoded, in any case', () => {
    const query =
      '?utm_campaign=Spring+sale&UTM_TERM=roof%20repair&utm_content=a%26b&gclid=Ab-1&fbclid=Cd_2&x=3';
    expect(readSource(SITE + query, '')).toMatchObject({
      campaign: 'Spring sale',
      term: 'roof repair',
      content: 'a&b',
      clickIds: { gclid: 'Ab-1', fbclid: 'Cd_2' },
    });
  });

  test('parameters called like the insides of an object hurt nobody', () => {
    const query = '?__proto__=a&constructor=b&utm_source=__proto__&hasOwnProperty=c&utm___proto__=d';
    expect(readSource(SITE + query, '').clickIds).toEqual({});
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test.each([
    ['', ''],
    ['not a url', 'not a url'],
    ['%', '%%%'],
    ['?%E0%A4%A', '://'],
    ['javascript:alert(1)', 'data:,'],
    ['https://', 'https://'],
    ['http://[::1]/', 'http://[::1]:80/'],
  ])('junk (%j, %j) is direct', (landing, referrer) => {
    expect(readSource(landing, referrer)).toMatchObject({ source: 'direct', clickIds: {} });
  });

  test('no two strings make it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (landing, referrer) => {
        expect(readSource(landing, referrer).source).not.toBe('');
        campaignOf(landing);
        for (const rule of RULES) expect(typeof matchesRule(rule, { landing, referrer })).toBe('boolean');
      }),
    );
  });
});

describe('a campaign click', () => {
  test.each([
    ['', null],
    ['?page=2', null],
    ['?utm_referrer=x', null],
    ['?gclid=', null],
    ['?client=a&id=2', null],
    ['#section-gclid', null],
    ['/gclid=a', null],
    ['?next=https%3A%2F%2Fother.com%2F%3Fgclid%3Da', null],
  ])('%j is none', (query, expected) => {
    expect(campaignOf(SITE + query)).toBe(expected);
  });

  test('is the same in any order and on any page', () => {
    const click = campaignOf(`${SITE}?gclid=a&utm_source=b&page=1`);
    expect(click).toBe(campaignOf('https://example.com/other?utm_source=b&x&gclid=a#top'));
    expect(click).not.toBe(campaignOf(`${SITE}?gclid=b&utm_source=b`));
    expect(click).not.toBeNull();
  });
});

const RULES: SourceRule[] = [
  { type: 'all' },
  { type: 'direct' },
  { type: 'offline' },
  { type: 'google_ad_extension' },
  { type: 'mobile_ad_extension' },
  { type: 'google_my_business' },
  { type: 'landing_url', landing: '/spring' },
  { type: 'landing_params', landing: 'utm_source=bing' },
  { type: 'web_referrer', referrer: 'yelp.com' },
  ...(['google', 'yahoo', 'bing', 'all'] as const).flatMap((search_engine) =>
    (['paid', 'organic', 'all'] as const).map(
      (search_type) => ({ type: 'search', search_engine, search_type }) as const,
    ),
  ),
];

describe('a rule', () => {
  const landing_params = (landing: string): SourceRule => ({ type: 'landing_params', landing });
  const landing_url = (landing: string): SourceRule => ({ type: 'landing_url', landing });
  const web_referrer = (referrer: string): SourceRule => ({ type: 'web_referrer', referrer });
  const search = (engine: 'google' | 'bing' | 'all', kind: 'paid' | 'organic' | 'all'): SourceRule => ({
    type: 'search',
    search_engine: engine,
    search_type: kind,
  });
  const GOOGLE = 'https://www.google.com/';

  test.each<[SourceRule, string, string, boolean]>([
    [{ type: 'all' }, '', '', true],
    [{ type: 'offline' }, '', '', false],
    [{ type: 'google_ad_extension' }, '?gclid=a', GOOGLE, false],
    [{ type: 'mobile_ad_extension' }, '?gclid=a', GOOGLE, false],
    [{ type: 'google_my_business' }, '?utm_source=gmb', GOOGLE, false],
    [{ type: 'direct' }, '', 'direct', true],
    [{ type: 'direct' }, '', '', true],
    [{ type: 'direct' }, '', 'https://example.com/', true],
    [{ type: 'direct' }, '', GOOGLE, false],
    [{ type: 'direct' }, '?gclid=a', '', false],
    [landing_params('utm_source=bing'), '?utm_source=bing', '', true],
    [landing_params('?utm_source=BING'), '?x=1&UTM_source=bing', '', true],
    [landing_params('utm_source=bing'), '?my_utm_source=bing', '', false],
    [landing_params('utm_campaign=spring sale'), '?utm_campaign=spring%20sale', '', true],
    [landing_params('a=1&b=2'), '?b=2&c=3&a=1', '', true],
    [landing_params('a=1&b=2'), '?a=1', '', false],
    [landing_params('gclid'), '?gclid=x', '', true],
    [landing_params('utm_source=bing'), 'utm_source=bing', '', false],
    [landing_params(''), '?a=1', '', false],
    [landing_url('/spring'), 'spring/offer', '', true],
    [landing_url('http://www.example.com/spring'), 'Spring', '', true],
    [landing_url('/spring'), 'autumn', '', false],
    [landing_url(''), '', '', false],
    [web_referrer('yelp.com'), '', 'https://m.yelp.com/biz', true],
    [web_referrer('https://www.yelp.com/'), '', 'https://yelp.com', true],
    [web_referrer('yelp.com'), '', 'https://notyelp.com/', false],
    [web_referrer('yelp.com'), '', 'https://yelp.com.evil.net/', false],
    [web_referrer('yelp.com'), '', 'https://evil.net/yelp.com', false],
    [web_referrer('yelp.com/biz/roofs'), '', 'https://www.yelp.com/biz/roofs?x', true],
    [web_referrer('yelp.com/biz/roofs'), '', 'https://www.yelp.com/', true],
    [web_referrer('example.com'), '', 'https://example.com/', false],
    [web_referrer(''), '', GOOGLE, false],
    [search('google', 'paid'), '?gclid=a', '', true],
    [search('google', 'paid'), '', GOOGLE, false],
    [search('google', 'organic'), '', GOOGLE, true],
    [search('google', 'organic'), '?gbraid=a', GOOGLE, false],
    [search('google', 'all'), '?gclid=a', GOOGLE, true],
    [search('bing', 'all'), '', GOOGLE, false],
    [search('all', 'organic'), '', 'https://duckduckgo.com/', true],
    [search('all', 'paid'), '?utm_source=bing&utm_medium=ppc', '', true],
    [search('all', 'all'), '', 'https://www.facebook.com/', false],
    [search('all', 'all'), '', '', false],
  ])('%j, landing on %j from %j: %j', (rule, path, referrer, expected) => {
    expect(matchesRule(rule, { landing: SITE + path, referrer })).toBe(expected);
  });

  test('that matches direct visits agrees with the source of the visit', () => {
    const query = fc.constantFrom('', '?gclid=a', '?utm_source=x', '?utm_campaign=y', '?fbclid=z', '?page=1');
    const from = fc.constantFrom('', 'direct', 'https://example.com/', 'https://a.net/', GOOGLE, 'junk');
    fc.assert(
      fc.property(query, from, (landing, referrer) => {
        const visit = { landing: SITE + landing, referrer };
        const isDirect = readSource(visit.landing, referrer).source === 'direct';
        expect(matchesRule({ type: 'direct' }, visit)).toBe(isDirect);
      }),
    );
  });

  test('goes before another as the more particular one does', () => {
    const order = [
      landing_url('/a'),
      web_referrer('a.com'),
      search('all', 'paid'),
      search('all', 'all'),
      { type: 'all' } as const,
      { type: 'offline' } as const,
    ].map(precedenceOf);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(new Set(order).size).toBe(order.length);
    expect(precedenceOf(landing_params('a'))).toBe(precedenceOf(landing_url('a')));
    for (const one of [
      { type: 'direct' },
      search('google', 'paid'),
      { type: 'facebook_paid' },
    ] as SourceRule[]) {
      expect(precedenceOf(one)).toBe(precedenceOf(web_referrer('a')));
    }
    expect(precedenceOf(search('google', 'all'))).toBe(precedenceOf(search('all', 'paid')));
    expect(precedenceOf({ type: 'facebook_all' })).toBe(precedenceOf(search('all', 'organic')));
  });

  test.each<[SourceRule, string, string]>([
    [search('google', 'paid'), 'google_paid', 'Google Ads'],
    [search('google', 'organic'), 'google_organic', 'Google Organic'],
    [search('google', 'all'), 'google_all', 'Google'],
    [search('all', 'paid'), 'search_paid', 'Paid Search'],
    [search('all', 'all'), 'search_all', 'Search'],
    [{ type: 'direct' }, 'direct', 'Direct'],
    [web_referrer('https://www.yelp.com/biz'), 'yelp_organic', 'Yelp Organic'],
    [web_referrer('news.site.co.uk'), 'site.co.uk', 'site.co.uk'],
    [web_referrer('yelp'), 'billboard_i_95', 'Billboard I-95'],
    [{ type: 'offline' }, 'billboard_i_95', 'Billboard I-95'],
    [{ type: 'all' }, 'billboard_i_95', 'Billboard I-95'],
    [landing_url('/a'), 'billboard_i_95', 'Billboard I-95'],
    [{ type: 'google_my_business' }, 'google_my_business', 'Google My Business'],
  ])('%j credits a call to %s', (rule, source, name) => {
    expect(sourceOfRule(rule, 'Billboard I-95')).toEqual({ source, name });
  });
});
