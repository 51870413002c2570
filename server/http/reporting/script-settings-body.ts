/** The rules of a company's `script_settings`: how its script behaves on a page. */
import type { ScriptSettingsBody } from '../../../shared/contract/reporting-bodies.js';
import { invalid } from '../../domain/errors.js';
import type { ScriptSettings } from '../../domain/ports.js';
import { faultOfAddress, faultOfSelector, STANDARD } from '../../domain/script-settings.js';
import { given } from './query.js';

/** The settings that the request names. Throws `invalid` with the field to blame. */
export function readScriptSettings(body: ScriptSettingsBody): Partial<ScriptSettings> {
  return given({
    consent: body.consent ?? undefined,
    gpc: body.gpc ?? undefined,
    dnt: body.dnt ?? undefined,
    keepSelectors: readList('keep_selectors', body.keep_selectors, faultOfSelector),
    keepUrls: readList('keep_urls', body.keep_urls, faultOfAddress),
    swapCode: readSwitch(body.swap_code),
    dataLayer: readSwitch(body.data_layer),
  });
}

/** The settings as they are answered, those that nobody has set among them. */
export function writeScriptSettings(set: Partial<ScriptSettings>): Record<string, unknown> {
  const settings = { ...STANDARD, ...set };
  return {
    consent: settings.consent,
    gpc: settings.gpc,
    dnt: settings.dnt,
    keep_selectors: settings.keepSelectors,
    keep_urls: settings.keepUrls,
    swap_code: settings.swapCode,
    data_layer: settings.dataLayer,
  };
}

function readList(
  name: string,
  list: readonly string[] | null | undefined,
  faultOf: (item: string) => string | null,
): string[] | undefined {
  if (list == null) return undefined;
  const read = list.map((item) => item.trim());
  for (const [at, item] of read.entries()) {
    const fault = faultOf(item);
    if (fault) throw invalid(`script_settings.${name}.${at}`, fault);
  }
  return [...new Set(read)];
}

function readSwitch(flag: boolean | 'true' | 'false' | null | undefined): boolean | undefined {
  return flag == null ? undefined : flag === true || flag === 'true';
}
