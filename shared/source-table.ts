/**
 * What `source.ts` knows about the web, as data. The engines stand apart, with no more than it takes to match a
 * rule, because they are the part that the script on the page carries.
 */

export interface Network {
  /** The slug is this and `_paid` or `_organic`. */
  id: string;
  /** The host of the referrer, without `www`: whole labels at its end, never a part of one. */
  host: RegExp;
  /** `utm_source`, in lower case. */
  utm: RegExp;
  /** Parameters of the landing page, or hosts of the referrer, that only an advertisement has. */
  paid?: RegExp;
  /** Parameters of the landing page that any click from there has. */
  click?: RegExp;
}

export interface Label {
  name: string;
  /** `<name> Paid` if none. */
  paidName?: string;
  /** Of a visit that nobody paid for. */
  medium: 'organic' | 'social' | 'referral';
}

/** The parameters that make a landing page a campaign click. */
export const CAMPAIGN =
  /[?&](?:utm_(?!referrer)\w+|\w+clk?id|[gw]braid|fb_ad_id|igshid|li_fat_id|epik|sccid|rdt_cid)=[^&#]+/gi;

/** The values of `utm_medium` that mean that somebody paid: a whole word of it, or anything that begins with `paid`. */
export const PAID_MEDIUM =
  /[?&]utm_medium=(?:[^&#]*[-_+ ])?(?:cp[acmv]|ppc|sem|ads?|display|retargeting|remarketing|paid\w*)(?![a-z\d])/i;

export const ENGINES: readonly Network[] = [
  {
    id: 'google',
    host: /^(?:(?:m|images|encrypted|maps|news)\.)?google\.(?:com|cat|(?:com?\.)?[a-z]{2})$|^com\.google\.android\.googlequicksearchbox$/,
    utm: /^google|^adwords/,
    paid: /[?&](?:gclid|[gw]braid|dclid)=|(?:^|\.)(?:googleadservices\.com|doubleclick\.net|syndicatedsearch\.goog)$/i,
  },
  { id: 'bing', host: /(?:^|\.)bing\.com$/, utm: /^bing|^microsoft|^msn/, paid: /[?&]msclkid=/i },
  {
    id: 'yahoo',
    host: /^(?:(?:[a-z]+\.)*search\.)?yahoo\.(?:com|(?:com?\.)?[a-z]{2})$/,
    utm: /^yahoo/,
  },
  { id: 'duckduckgo', host: /(?:^|\.)duckduckgo\.com$/, utm: /^duckduckgo|^ddg/ },
];

/** All the others; the more particular name first. */
export const OTHER_NETWORKS: readonly Network[] = [
  { id: 'ecosia', host: /(?:^|\.)ecosia\.org$/, utm: /^ecosia/ },
  { id: 'brave', host: /^search\.brave\.com$/, utm: /^brave$/ },
  { id: 'baidu', host: /(?:^|\.)baidu\.com$/, utm: /^baidu/ },
  {
    id: 'yandex',
    host: /^(?:yandex\.(?:com|(?:com\.)?[a-z]{2})|ya\.ru)$/,
    utm: /^yandex/,
    paid: /[?&]yclid=/i,
  },
  {
    id: 'youtube',
    host: /(?:^|\.)(?:youtube\.com|youtu\.be)$|^com\.google\.android\.youtube$/,
    utm: /^youtube/,
  },
  {
    id: 'instagram',
    host: /(?:^|\.)instagram\.com$|^com\.instagram\.android$/,
    utm: /^instagram|^ig$/,
    click: /[?&]igshid=/i,
  },
  {
    id: 'facebook',
    host: /(?:^|\.)(?:facebook\.com|fb\.com|fb\.me|messenger\.com)$|^com\.facebook\.katana$/,
    utm: /^facebook|^fb$|^meta$/,
    paid: /[?&]fb_ad_id=/i,
    click: /[?&]fbclid=/i,
  },
  {
    id: 'linkedin',
    host: /(?:^|\.)(?:linkedin\.com|lnkd\.in)$|^com\.linkedin\.android$/,
    utm: /^linkedin/,
    paid: /[?&]li_fat_id=/i,
  },
  { id: 'tiktok', host: /(?:^|\.)tiktok\.com$/, utm: /^tiktok/, paid: /[?&]ttclid=/i },
  {
    id: 'twitter',
    host: /(?:^|\.)(?:twitter\.com|t\.co|x\.com)$|^com\.twitter\.android$/,
    utm: /^twitter|^x$/,
    paid: /[?&]twclid=/i,
  },
  {
    id: 'pinterest',
    host: /(?:^|\.)(?:pinterest\.(?:com|(?:com?\.)?[a-z]{2})|pin\.it)$/,
    utm: /^pinterest/,
    click: /[?&]epik=/i,
  },
  { id: 'snapchat', host: /(?:^|\.)snapchat\.com$/, utm: /^snap(?:chat)?$/, paid: /[?&]sccid=/i },
  { id: 'reddit', host: /(?:^|\.)(?:reddit\.com|redd\.it)$/, utm: /^reddit/, paid: /[?&]rdt_cid=/i },
  { id: 'nextdoor', host: /(?:^|\.)nextdoor\.com$/, utm: /^nextdoor/, paid: /[?&]ndclid=/i },
  { id: 'spotify', host: /(?:^|\.)spotify\.com$/, utm: /^spotify/ },
  { id: 'yelp', host: /(?:^|\.)yelp\.(?:com|(?:com?\.)?[a-z]{2})$/, utm: /^yelp/ },
];

/** What people read, by the id of the network. */
export const LABELS: Readonly<Record<string, Label>> = {
  google: { name: 'Google', paidName: 'Google Ads', medium: 'organic' },
  bing: { name: 'Bing', medium: 'organic' },
  yahoo: { name: 'Yahoo', medium: 'organic' },
  duckduckgo: { name: 'DuckDuckGo', medium: 'organic' },
  ecosia: { name: 'Ecosia', medium: 'organic' },
  brave: { name: 'Brave', medium: 'organic' },
  baidu: { name: 'Baidu', medium: 'organic' },
  yandex: { name: 'Yandex', medium: 'organic' },
  youtube: { name: 'YouTube', medium: 'social' },
  instagram: { name: 'Instagram', medium: 'social' },
  facebook: { name: 'Facebook', medium: 'social' },
  linkedin: { name: 'LinkedIn', medium: 'social' },
  tiktok: { name: 'TikTok', medium: 'social' },
  twitter: { name: 'Twitter', medium: 'social' },
  pinterest: { name: 'Pinterest', medium: 'social' },
  snapchat: { name: 'Snapchat', medium: 'social' },
  reddit: { name: 'Reddit', medium: 'social' },
  nextdoor: { name: 'Nextdoor', medium: 'social' },
  spotify: { name: 'Spotify', medium: 'referral' },
  yelp: { name: 'Yelp', medium: 'referral' },
};

/** The second levels under which countries register: `example.co.uk` has three labels. */
export const SECOND_LEVEL = /^(?:ac|com?|edu|gob|gov|gouv|govt|go|ltd|mil|ne|net|nom|or|org|plc|sch)$/;
