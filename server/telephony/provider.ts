import type { CallEvent, PhoneNumber } from '../domain/ports.js';
import type { Plan } from './plan.js';

/** A request as it came over the wire; a signature covers exactly this. */
export interface ProviderRequest {
  method: string;
  /** Path and query as received. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: Uint8Array;
}

/** Who vouches for a request: the provider, or our own simulator (good for the demo company's numbers only). */
export type Voucher = 'provider' | 'simulator';

export const CALLBACKS = ['voice', 'dial', 'status', 'recording', 'transcription', 'whisper'] as const;
export type Callback = (typeof CALLBACKS)[number];

/** What a genuine request says. */
export interface ProviderReport {
  /** Which answer is wanted: at the fallback address that of the request that failed, else that of the address. */
  callback: Callback;
  /** What is to be kept of it; null: nothing that other reports do not tell, too. */
  event: CallEvent | null;
  /** The number of ours that was called. */
  trackingNumber: PhoneNumber;
}

/** One adapter a telephony provider: its signatures, its parameters, its documents. */
export interface Provider {
  readonly name: string;
  /** Who vouches for the request; null: nobody, refuse it. */
  verify(request: ProviderRequest): Voucher | null;
  /** Translates a request; throws a Refusal that names the parameter when one is missing. */
  read(callback: Callback, request: ProviderRequest, now: number): ProviderReport;
  /** The plan as the provider's document; callbacks carry the number, since some reports do not name it. */
  render(plan: Plan, trackingNumber: PhoneNumber): { contentType: string; body: string };
}
