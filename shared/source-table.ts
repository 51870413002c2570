/**
 * What `source.ts` knows about the web, as data: facts collected for this project. The referrer databases that there
 * are on npm go back to one whose entries came from GPL code, so none of them is used.
 *
 * Hosts are separated by spaces: `bing.com` is the host and all below it, `=maps.google.com` that host alone, and
 * `google.*` has any country's ending. An app is called by its id.
 */

/** What a network is, which says how its visits are named and what their medium is. */
export type Kind = 'search' | 'social' | 'ai' | 'listing' | 'ads' | 'local' | 'email' | 'affiliate';

export interface NetworkFacts {
  /** Names its sources: `google_paid`; for local, email and affiliates it is the source. */
  id: string;
  name: string;
  kind: Kind;
  /** The search engine that it is a part of. */
  of?: string;
  /** Of what was paid for; `<name> Paid` if none. */
  paidName?: string;
  hosts?: string;
  /** Hosts that only advertisements send from. */
  adHosts?: string;
  /**
   * What `utm_source` begins with, as a word (`-` is any or no space), also as the name of a host (`m.facebook.com`)
   * and with `ads` behind it; `=x` is all of it. Of two networks whose word fits the earlier counts.
   */
  words?: string;
  /** Parameters that only an advertisement has, in lower case. */
  paid?: string;
  /** Parameters that any click from there has. */
  clicks?: string;
  /** Parameters of the referrer that hold the search words; `q` if none. */
  terms?: string;
}

/** The `utm_medium` of visits that say nothing themselves and that nobody paid for. */
export const MEDIUM: Readonly<Record<Kind, string>> = {
  search: 'organic',
  social: 'social',
  // Google Analytics' word since May 2026.
  ai: 'ai-assistant',
  listing: 'referral',
  ads: 'referral',
  local: 'organic',
  email: 'email',
  affiliate: 'affiliate',
};

/** The beginning of a `utm_medium`, in lower case, that means that somebody paid: a whole word of it, or anything that begins with `paid`. */
export const PAID_MEDIUM =
  '(?:[^&]*[^a-z\\d&])?(?:cp[acmvl]|ppc|sem|ads?|display|banner|retargeting|remarketing|paid[a-z]*)(?![a-z\\d])';

/** `id`, `name`, `hosts`, `words`, and what few have besides. */
type Entry = [string, string, string, string, Partial<NetworkFacts>?];

function of(kind: Kind, entries: Entry[]): NetworkFacts[] {
  return entries.map(([id, name, hosts, words, more]) => ({ id, name, kind, hosts, words, ...more }));
}

/** The networks in their order: of two that a visit tells of in the same way the earlier counts. */
export const NETWORKS: readonly NetworkFacts[] = [
  // AI assistants
  ...of('ai', [
    ['chatgpt', 'ChatGPT', 'chatgpt.com openai.com com.openai.chatgpt', 'chatgpt chat-gpt openai searchgpt'],
    [
      'perplexity',
      'Perplexity',
      'perplexity.ai pplx.ai ai.perplexity.app.android',
      'perplexity perplexity-ai',
    ],
    [
      'gemini',
      'Gemini',
      'gemini.google.com bard.google.com notebooklm.google.com com.google.android.apps.bard',
      'gemini =gemini.google.com google-gemini bard =bard.google.com notebooklm',
    ],
    [
      'copilot',
      'Copilot',
      'copilot.microsoft.com copilot.cloud.microsoft copilot.com m365.cloud.microsoft edgeservices.bing.com com.microsoft.copilot',
      'copilot =copilot.microsoft.com microsoft-copilot bing-chat',
    ],
    [
      'claude',
      'Claude',
      'claude.ai claude.com anthropic.com com.anthropic.claude',
      'claude claude-ai anthropic',
    ],
    ['deepseek', 'DeepSeek', 'deepseek.com com.deepseek.chat', 'deepseek'],
    ['grok', 'Grok', 'grok.com x.ai ai.x.grok', 'grok =xai =x.ai'],
    ['meta_ai', 'Meta AI', 'meta.ai', 'meta-ai =meta.ai'],
    ['mistral', 'Mistral', 'mistral.ai ai.mistral.chat', 'mistral le-chat mistral-ai'],
    ['you', 'You.com', 'you.com', '=you =you.com'],
    ['poe', 'Poe', 'poe.com com.poe.android', '=poe =poe.com'],
    ['phind', 'Phind', 'phind.com', 'phind'],
    ['kimi', 'Kimi', 'kimi.com kimi.ai kimi.moonshot.cn', 'kimi'],
    ['qwen', 'Qwen', 'qwen.ai tongyi.aliyun.com tongyi.com', 'qwen tongyi'],
    ['doubao', 'Doubao', 'doubao.com', 'doubao'],
  ]),
  // Maps
  ...of('local', [
    [
      'google_my_business',
      'Google My Business',
      '=maps.google.* =local.google.* =business.google.* =g.page g.co maps.app.goo.gl business.site com.google.android.apps.maps',
      'google-my-business google-business google-business-profiles? google-business-listing gmb gmb-listing gmb-profile gbp gbp-listing google-maps? gmaps google-local google-places google-listing',
      { of: 'google' },
    ],
    ['bing_places', 'Bing Places', 'bingplaces.com', 'bing-places bing-maps bing-local', { of: 'bing' }],
    ['apple_maps', 'Apple Maps', 'maps.apple.com', 'apple-maps apple-business-connect apple-business'],
    ['waze', 'Waze', 'waze.com com.waze', 'waze'],
    ['yandex_maps', 'Yandex Maps', 'maps.yandex.*', 'yandex-maps?', { of: 'yandex' }],
    ['openstreetmap', 'OpenStreetMap', 'openstreetmap.org', 'openstreetmap osm'],
  ]),
  // CallRail's own
  ...of('search', [
    [
      'google',
      'Google',
      '=google.* =m.google.* =images.google.* =encrypted.google.* =news.google.* =search.google.com =cse.google.com com.google.android.googlequicksearchbox com.google.android.gsa',
      'google adwords google-adwords google-search google-ppc google-cpc gads',
      {
        paidName: 'Google Ads',
        adHosts: 'googleadservices.com doubleclick.net googlesyndication.com syndicatedsearch.goog',
        paid: 'gclid gbraid wbraid dclid gad_source gad_campaignid',
      },
    ],
    [
      'bing',
      'Bing',
      '=bing.com =cn.bing.com =m.bing.com =global.bing.com =msn.com =search.msn.com com.microsoft.bing',
      'bing microsoft microsoft-advertising msn ms-ads adcenter',
      { paid: 'msclkid' },
    ],
    [
      'duckduckgo',
      'DuckDuckGo',
      'duckduckgo.com ddg.gg com.duckduckgo.mobile.android',
      'duckduckgo ddg',
      { paid: 'msclkid' },
    ],
  ]),
  ...of('social', [
    [
      'youtube',
      'YouTube',
      'youtube.com youtu.be youtube-nocookie.com com.google.android.youtube',
      'youtube =yt',
      { paid: 'gclid gbraid wbraid' },
    ],
  ]),
  ...of('search', [
    [
      'yandex',
      'Yandex',
      '=yandex.* =m.yandex.* search.yandex.* =ya.ru ru.yandex.searchplugin com.yandex.browser',
      'yandex yandex-direct',
      { adHosts: 'yabs.yandex.ru an.yandex.ru', paid: 'yclid', terms: 'text' },
    ],
    [
      'yahoo',
      'Yahoo',
      '=yahoo.* =m.yahoo.* search.yahoo.* com.yahoo.search',
      'yahoo yahoo-search yahoo-gemini yahoo-jp yahoo-japan',
      { paid: 'yclid vmcid', terms: 'p' },
    ],
  ]),
  ...of('social', [
    [
      'instagram',
      'Instagram',
      'instagram.com instagr.am ig.me com.instagram.android',
      'instagram ig insta instagram-stories',
      { clicks: 'igshid igsh' },
    ],
    [
      'facebook',
      'Facebook',
      'facebook.com fb.com fb.me fb.watch messenger.com m.me com.facebook.katana com.facebook.orca com.facebook.lite',
      'facebook fb meta facebook-instagram fb-ig messenger',
      { paid: 'fb_ad_id', clicks: 'fbclid' },
    ],
    [
      'linkedin',
      'LinkedIn',
      'linkedin.com lnkd.in com.linkedin.android',
      'linkedin linked-in',
      { paid: 'li_fat_id' },
    ],
    ['nextdoor', 'Nextdoor', 'nextdoor.* com.nextdoor', 'nextdoor', { paid: 'ndclid' }],
    [
      'tiktok',
      'TikTok',
      'tiktok.com com.zhiliaoapp.musically com.ss.android.ugc.trill',
      'tiktok tik-tok',
      { paid: 'ttclid' },
    ],
    [
      'twitter',
      'Twitter',
      'twitter.com t.co x.com com.twitter.android',
      'twitter =x x-ads =x.com',
      { paid: 'twclid' },
    ],
    ['pinterest', 'Pinterest', 'pinterest.* pin.it com.pinterest', 'pinterest', { clicks: 'epik' }],
  ]),
  ...of('listing', [
    ['spotify', 'Spotify', 'spotify.com com.spotify.music', 'spotify'],
    ['yelp', 'Yelp', 'yelp.* com.yelp.android', 'yelp'],
  ]),
  // Search
  ...of('search', [
    ['ecosia', 'Ecosia', 'ecosia.org com.ecosia.android', 'ecosia'],
    ['brave', 'Brave', 'search.brave.com', '=brave bravesearch'],
    ['qwant', 'Qwant', 'qwant.com com.qwant.liberty', 'qwant'],
    ['startpage', 'Startpage', 'startpage.com ixquick.com', 'startpage', { terms: 'query q' }],
    ['baidu', 'Baidu', 'baidu.com com.baidu.searchbox', 'baidu', { paid: 'bd_vid', terms: 'wd word kw' }],
    ['sogou', 'Sogou', 'sogou.com', 'sogou', { terms: 'query keyword' }],
    ['so360', '360 Search', 'so.com haosou.com', '=so.com =360'],
    ['shenma', 'Shenma', 'sm.cn', 'shenma'],
    [
      'naver',
      'Naver',
      '=naver.com =m.naver.com search.naver.com =cr.naver.com com.nhn.android.search',
      'naver',
      { terms: 'query' },
    ],
    ['daum', 'Daum', '=daum.net search.daum.net net.daum.android.daum', 'daum'],
    ['nate', 'Nate', 'search.nate.com', '=nate'],
    ['seznam', 'Seznam', '=seznam.cz search.seznam.cz cz.seznam.sbrowser', 'seznam sklik'],
    ['rambler', 'Rambler', 'nova.rambler.ru', 'rambler', { terms: 'query' }],
    ['mail_ru', 'Mail.ru', 'go.mail.ru', '=go.mail.ru'],
    ['aol', 'AOL', '=aol.* search.aol.*', 'aol', { terms: 'q query' }],
    ['ask', 'Ask', 'ask.com', '=ask =ask.com'],
    ['goo', 'goo', 'search.goo.ne.jp', '=goo.ne.jp', { terms: 'MT' }],
    ['coccoc', 'Coc Coc', 'coccoc.com', 'coccoc', { terms: 'query' }],
    ['kagi', 'Kagi', 'kagi.com', 'kagi'],
    ['mojeek', 'Mojeek', 'mojeek.com mojeek.co.uk', 'mojeek'],
    ['swisscows', 'Swisscows', 'swisscows.com swisscows.ch', 'swisscows', { terms: 'query' }],
    ['metager', 'MetaGer', 'metager.org metager.de', 'metager', { terms: 'eingabe' }],
    ['presearch', 'Presearch', 'presearch.com presearch.org', 'presearch'],
    ['lilo', 'Lilo', 'lilo.org', '=lilo'],
    ['petal', 'Petal Search', 'petalsearch.com', 'petalsearch', { terms: 'query' }],
    ['t_online', 'T-Online', 'suche.t-online.de', 't-online'],
    ['web_de', 'WEB.DE', 'suche.web.de', '=suche.web.de', { terms: 'su q' }],
    ['gmx_search', 'GMX Search', 'suche.gmx.net suche.gmx.at search.gmx.com', '', { terms: 'su q' }],
    ['virgilio', 'Virgilio', 'ricerca.virgilio.it', '=virgilio', { terms: 'qs' }],
    ['dogpile', 'Dogpile', 'dogpile.com', 'dogpile'],
    ['lycos', 'Lycos', 'search.lycos.com', 'lycos'],
  ]),
  // Social
  ...of('social', [
    ['threads', 'Threads', 'threads.net threads.com com.instagram.barcelona', 'threads'],
    ['whatsapp', 'WhatsApp', 'whatsapp.com wa.me wl.co com.whatsapp', 'whatsapp whats-app =wa'],
    ['reddit', 'Reddit', 'reddit.com redd.it com.reddit.frontpage', 'reddit', { paid: 'rdt_cid' }],
    [
      'snapchat',
      'Snapchat',
      'snapchat.com com.snapchat.android',
      'snapchat =snap snap-ads',
      { paid: 'sccid sc_cid' },
    ],
    ['quora', 'Quora', 'quora.com com.quora.android', 'quora', { paid: 'qclid' }],
    ['tumblr', 'Tumblr', 'tumblr.com com.tumblr', 'tumblr'],
    ['bluesky', 'Bluesky', 'bsky.app go.bsky.app xyz.blueskyweb.app', 'bluesky bsky'],
    ['telegram', 'Telegram', 't.me telegram.org telegram.me org.telegram.messenger', 'telegram'],
    ['discord', 'Discord', 'discord.com discordapp.com com.discord', 'discord'],
    ['vk', 'VK', 'vk.com vk.ru vkontakte.ru com.vkontakte.android', 'vk vkontakte'],
    ['ok', 'Odnoklassniki', 'ok.ru odnoklassniki.ru', 'odnoklassniki =ok.ru'],
    ['xing', 'XING', 'xing.com com.xing.android', 'xing'],
    ['line', 'LINE', 'line.me jp.naver.line.android', '=line line-ads', { clicks: 'ldtag_cl' }],
    ['kakao', 'Kakao', 'kakao.com com.kakao.talk', 'kakao kakaotalk'],
    ['wechat', 'WeChat', 'weixin.qq.com weixin110.qq.com com.tencent.mm', 'wechat weixin'],
    ['weibo', 'Weibo', 'weibo.com weibo.cn com.sina.weibo', 'weibo'],
    ['zhihu', 'Zhihu', 'zhihu.com', 'zhihu'],
    ['vimeo', 'Vimeo', 'vimeo.com', 'vimeo'],
    ['twitch', 'Twitch', 'twitch.tv tv.twitch.android.app', 'twitch'],
    ['mastodon', 'Mastodon', 'mastodon.social mastodon.online org.joinmastodon.android', 'mastodon'],
  ]),
  // Advertisements on other sites
  ...of('ads', [
    ['taboola', 'Taboola', 'taboola.com', 'taboola', { paid: 'tblci' }],
    ['outbrain', 'Outbrain', 'outbrain.com', 'outbrain', { paid: 'dicbo obclid ob_click_id' }],
    ['criteo', 'Criteo', 'criteo.com criteo.net', 'criteo'],
  ]),
  // Affiliates
  ...of('affiliate', [
    ['impact', 'Impact', 'sjv.io pxf.io impact.com', '=impact impact-radius', { clicks: 'irclickid irgwc' }],
    ['awin', 'Awin', 'awin1.com awin.com', 'awin', { clicks: 'awc' }],
    [
      'cj',
      'CJ',
      'anrdoezrs.net dpbolvw.net jdoqocy.com kqzyfj.com tkqlhce.com cj.com',
      'cj commission-junction',
      { clicks: 'cjevent' },
    ],
  ]),
  // E-mail
  ...of('email', [
    ['gmail', 'Gmail', 'mail.google.com inbox.google.com com.google.android.gm', ''],
    [
      'outlook',
      'Outlook',
      'outlook.live.com outlook.office.com outlook.office365.com outlook.com hotmail.com mail.live.com com.microsoft.office.outlook',
      '',
    ],
    ['yahoo_mail', 'Yahoo Mail', 'mail.yahoo.* mail.yahoo.co.jp com.yahoo.mobile.client.android.mail', ''],
    ['icloud_mail', 'iCloud Mail', 'icloud.com', ''],
    ['aol_mail', 'AOL Mail', 'mail.aol.com', ''],
    ['proton_mail', 'Proton Mail', 'mail.proton.me mail.protonmail.com ch.protonmail.android', ''],
    ['zoho_mail', 'Zoho Mail', 'mail.zoho.com mail.zoho.eu mail.zoho.in', ''],
    ['fastmail', 'Fastmail', 'fastmail.com', ''],
    [
      'gmx',
      'GMX',
      '=gmx.net =gmx.com =gmx.at =gmx.ch navigator.gmx.net navigator.gmx.com deref-gmx.net deref-gmx.com',
      '',
    ],
    ['web_de_mail', 'WEB.DE Mail', 'deref-web.de mail.web.de navigator.web.de', ''],
    ['t_online_mail', 'T-Online Mail', 'email.t-online.de', ''],
    ['mail_ru_mail', 'Mail.ru Mail', 'e.mail.ru', ''],
    ['yandex_mail', 'Yandex Mail', 'mail.yandex.*', ''],
    ['qq_mail', 'QQ Mail', 'mail.qq.com', ''],
    ['netease_mail', 'NetEase Mail', 'mail.163.com mail.126.com', ''],
    ['naver_mail', 'Naver Mail', 'mail.naver.com', ''],
    ['seznam_mail', 'Seznam Email', 'email.seznam.cz', ''],
    ['libero_mail', 'Libero Mail', 'mail.libero.it', ''],
    ['orange_mail', 'Orange Mail', 'webmail.orange.fr', ''],
    ['comcast_mail', 'Xfinity Mail', 'connect.xfinity.com mail.comcast.net', ''],
    ['mailchimp', 'Mailchimp', 'list-manage.com mailchi.mp', 'mailchimp', { clicks: 'mc_cid' }],
    ['hubspot', 'HubSpot', '', 'hubspot hs-email', { clicks: '_hsenc' }],
    ['marketo', 'Marketo', '', 'marketo', { clicks: 'mkt_tok' }],
  ]),
];

/** A campaign of these names on an unpaid Google link is the business profile, whatever `utm_source` says. */
export const PROFILE_CAMPAIGN =
  /(?:^|[^a-z])(?:gmb|gbp|google[^a-z]?my[^a-z]?business|google[^a-z]?business|business[^a-z]?profile)(?![a-z])/i;

/**
 * Where a visitor goes and comes back from in the midst of a visit: to pay, and to prove who he is. They send nobody.
 */
export const DETOURS = [
  'paypal.com venmo.com stripe.com link.com klarna.com klarna.net afterpay.com clearpay.co.uk affirm.com sezzle.com',
  'squareup.com checkout.square.site authorize.net adyen.com adyenpayments.com worldpay.com braintreegateway.com',
  'braintree-api.com 2checkout.com mollie.com checkout.com opayo.eu sagepay.com sofort.com payu.* razorpay.com paytm.com',
  'paytm.in mercadopago.com mercadopago.com.br pay.google.com pay.amazon.com payments.amazon.* shop.app checkout.shopify.com',
  'alipay.com przelewy24.pl ideal.nl cardinalcommerce.com arcot.com 3dsecure.io gocardless.com trustly.com billdesk.com',
  'ccavenue.com paystack.com paystack.co flutterwave.com payone.com datatrans.com datatrans.ch twint.ch vipps.no',
  'mobilepay.dk nets.eu payfast.co.za skrill.com plaid.com billie.io bluesnap.com paddle.com',
  'accounts.google.com login.microsoftonline.com login.live.com appleid.apple.com login.yahoo.com auth0.com okta.com',
  'onelogin.com',
].join(' ');
