import type { SourceMapPayload } from 'node:module';

/** The script as it is served, its configuration not yet put in. */
export function buildSnippet(version?: string): Promise<string>;
/** The same, and which of its characters come of which module. */
export function buildMapped(version?: string): Promise<{ code: string; map: SourceMapPayload }>;
