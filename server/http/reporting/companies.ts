import { CompanySchema } from '../../../shared/contract/reporting.js';
import {
  type CompanyChangesBody,
  CompanyChangesSchema,
  NewCompanySchema,
} from '../../../shared/contract/reporting-bodies.js';
import { invalid, notFound } from '../../domain/errors.js';
import { formatUtc, isTimeZone } from '../../domain/report-dates.js';
import {
  type CompanyReport,
  type CompanySettings,
  type FieldTable,
  selectFields,
} from '../../domain/reports.js';
import {
  type Ask,
  answerOne,
  answerPage,
  asksForRelativePages,
  endpoint,
  FIELDS_PARAMETER,
  type Frame,
  leavingOut,
  PAGE_PARAMETERS,
  pageSchema,
  resource,
  SORT_PARAMETERS,
} from './frame.js';
import { fieldsToAnswer, given, readSorting } from './query.js';
import { readScriptSettings, writeScriptSettings } from './script-settings-body.js';

const FIELDS: FieldTable<CompanyReport> = {
  standard: {
    id: (company) => company.companyId,
    name: (company) => company.name,
    status: (company) => (company.active ? 'active' : 'disabled'),
    time_zone: (company) => company.timeZone,
    created_at: (company) => formatUtc(company.createdAt),
    disabled_at: (company) => company.disabledAt && formatUtc(company.disabledAt),
    dni_active: (company) => company.scriptSeen || null,
    script_url: ({ numericId, scriptKey }, { base }) =>
      `${base.replace(/^https?:/, '')}/companies/${numericId}/${scriptKey}/12/swap.js`,
    callscribe_enabled: (company) => company.callscribeEnabled,
    lead_scoring_enabled: () => false,
    swap_exclude_jquery: (company) => company.swapExcludeJquery,
    swap_ppc_override: (company) => company.swapPpcOverride,
    swap_landing_override: (company) => company.swapLandingOverride,
    swap_cookie_duration: (company) => company.swapCookieDuration,
    swap_cookie_duration_unit: (company) => company.swapCookieDurationUnit,
    callscore_enabled: (company) => company.callscoreEnabled,
    keyword_spotting_enabled: (company) => company.keywordSpottingEnabled,
    form_capture: (company) => company.externalFormCapture,
  },
  optional: {
    verified_caller_ids: () => [],
    masked_id: (company) => company.companyId,
    script_settings: ({ script }) => writeScriptSettings(script),
  },
};

/**
 * pycallrail refuses a company that has a member which its release did not know. It is the client that asks every
 * list for relative pages, so such a list, and the answer to a creation, are without the younger member.
 */
const OLDER_FIELDS = leavingOut(FIELDS, ['swap_cookie_duration_unit']);

/** Fields of calltrk's own: no client of CallRail's sends them, or is surprised by them. */
const OWN = ['script_settings'];

/** Six months, in each unit. */
const LONGEST = { months: 6, weeks: 26, days: 184 } as const;

export function companies(frame: Frame): void {
  const { reports } = frame;
  const unknown = (ask: Ask) => () => notFound('company', ask.id('company'));

  resource(frame, 'companies', '/v3/a/:account/companies', {
    GET: {
      summary: 'List companies',
      query: {
        ...PAGE_PARAMETERS,
        ...SORT_PARAMETERS,
        ...FIELDS_PARAMETER,
        status: 'active or disabled',
        search: 'Part of the name.',
      },
      answer: pageSchema('companies', CompanySchema),
      run: (ask) =>
        answerPage(ask, {
          name: 'companies',
          table: asksForRelativePages(ask.query) ? OLDER_FIELDS : FIELDS,
          view: ask.view(),
          find: (slice) =>
            reports.companies(ask.user.accountId, {
              filter: given({
                status: ask.query.word('status', ['active', 'disabled']),
                search: ask.query.one('search'),
              }),
              ...readSorting(ask.query, ['name']),
              slice,
              count: true,
            }),
        }),
    },
    POST: endpoint({
      summary: 'Create a company',
      query: FIELDS_PARAMETER,
      body: NewCompanySchema,
      answer: CompanySchema,
      status: 201,
      async run(ask) {
        const { write } = selectFields(OLDER_FIELDS, fieldsToAnswer(ask.query, ask.body, OWN));
        const settings = readSettings(ask.body, { swapCookieDuration: 6, swapCookieDurationUnit: 'months' });
        const company = await reports.createCompany(ask.user.accountId, {
          timeZone: 'America/New_York',
          ...settings,
          name: requireName(ask.body.name),
        });
        await frame.directoryChanged();
        return write(company, ask.view());
      },
    }),
  });

  resource(frame, 'companies', '/v3/a/:account/companies/:company', {
    GET: {
      summary: 'Show a company',
      query: FIELDS_PARAMETER,
      answer: CompanySchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          () => reports.company(ask.user.accountId, ask.id('company')),
          unknown(ask),
        ),
    },
    PUT: endpoint({
      summary: 'Update a company',
      description: 'What is left out stays as it is; null clears what can be empty and leaves the rest.',
      query: FIELDS_PARAMETER,
      body: CompanyChangesSchema,
      answer: CompanySchema,
      async run(ask) {
        const { write } = selectFields(FIELDS, fieldsToAnswer(ask.query, ask.body, OWN));
        const company = await reports.company(ask.user.accountId, ask.id('company'));
        if (!company) throw unknown(ask)();
        refuseStatus(ask.body.status, company);
        const changed = await reports.updateCompany(
          ask.user.accountId,
          company.companyId,
          readSettings(ask.body, company),
        );
        if (!changed) throw unknown(ask)();
        await frame.directoryChanged();
        return write(changed, ask.view());
      },
    }),
    DELETE: {
      summary: 'Disable a company',
      description: 'Its trackers and its script stop. What it recorded stays.',
      async run(ask) {
        if (!(await reports.disableCompany(ask.user.accountId, ask.id('company')))) throw unknown(ask)();
        await frame.directoryChanged();
      },
    },
  });
}

function readSettings(
  body: CompanyChangesBody,
  company: Pick<CompanySettings, 'swapCookieDuration' | 'swapCookieDurationUnit'>,
): Partial<CompanySettings> {
  const duration = body.swap_cookie_duration ?? company.swapCookieDuration;
  const unit = body.swap_cookie_duration_unit ?? company.swapCookieDurationUnit;
  if (duration > LONGEST[unit]) throw invalid('swap_cookie_duration', 'is longer than six months');
  return given({
    name: body.name == null ? undefined : requireName(body.name),
    timeZone: body.time_zone == null ? undefined : requireTimeZone(body.time_zone),
    callscoreEnabled: flagOf(body.callscore_enabled) ?? undefined,
    keywordSpottingEnabled: flagOf(body.keyword_spotting_enabled) ?? undefined,
    callscribeEnabled: flagOf(body.callscribe_enabled) ?? undefined,
    swapExcludeJquery: flagOf(body.swap_exclude_jquery),
    swapPpcOverride: flagOf(body.swap_ppc_override),
    swapLandingOverride: body.swap_landing_override === '' ? null : body.swap_landing_override,
    swapCookieDuration: body.swap_cookie_duration ?? undefined,
    swapCookieDurationUnit: body.swap_cookie_duration_unit ?? undefined,
    externalFormCapture: flagOf(body.external_form_capture) ?? undefined,
    script: body.script_settings == null ? undefined : readScriptSettings(body.script_settings),
  });
}

/** It may be sent again, as a client does that sends back all it has read. */
function refuseStatus(status: string | null | undefined, { active }: CompanyReport): void {
  const now = active ? 'active' : 'disabled';
  if (status == null || status === now) return;
  throw invalid('status', `is ${now} and is not changed here${active ? ': DELETE disables a company' : ''}`);
}

function requireName(name: string): string {
  if (name.trim() === '') throw invalid('name', 'is empty');
  return name.trim();
}

function requireTimeZone(name: string): string {
  if (!isTimeZone(name)) throw invalid('time_zone', 'is not a time zone such as America/New_York');
  return name;
}

function flagOf<T extends boolean | 'true' | 'false' | null | undefined>(value: T) {
  return value === 'true' ? true : value === 'false' ? false : (value as Exclude<T, 'true' | 'false'>);
}
