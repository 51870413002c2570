import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import twilio from 'twilio';
import { type RunningServer, report } from './server.js';

/** The demo company, as the reporting API shows it. */
export interface DemoCompany {
  id: string;
  scriptKey: string;
  scriptPath: string;
  pool: string[];
}

export const DEMO_NUMBER = '+13055550100';

export async function demoCompany(server: RunningServer): Promise<DemoCompany> {
  const { companies } = await report(server, 'companies.json');
  const { trackers } = await report(server, 'trackers.json?type=session&status=active');
  const [company] = companies;
  const scriptPath = company.script_url.replace(/^\/\/[^/]+/, '');
  return {
    id: company.id,
    scriptPath,
    scriptKey: scriptPath.split('/')[3],
    pool: trackers.find((tracker: any) => tracker.company.id === company.id).tracking_numbers,
  };
}

/** A webhook of Twilio, signed by Twilio's own package with the simulator's token (or another). */
export async function twilioWebhook(
  server: RunningServer,
  path: string,
  parameters: Record<string, string>,
  { token = readFileSync(join(server.dataDir, 'simulator-token'), 'utf8').trim(), publicUrl = '' } = {},
): Promise<{ status: number; type: string; text: string; ms: number }> {
  const began = performance.now();
  const base = publicUrl || server.url.replace('127.0.0.1', 'localhost');
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': twilio.getExpectedTwilioSignature(token, base + path, parameters),
    },
    body: new URLSearchParams(parameters),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text,
    ms: performance.now() - began,
  };
}

/** What Twilio tells when somebody calls one of our numbers. */
export function incoming(to: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    CallSid: `CA${crypto.randomUUID().replaceAll('-', '')}`,
    AccountSid: `AC${'0'.repeat(32)}`,
    From: '+14155550123',
    To: to,
    CallStatus: 'ringing',
    Direction: 'inbound',
    ApiVersion: '2010-04-01',
    FromCity: 'MIAMI',
    FromState: 'FL',
    FromCountry: 'US',
    ...more,
  };
}
