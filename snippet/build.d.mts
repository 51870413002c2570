/** The script as it is served, its configuration not yet put in. */
export function buildSnippet(version?: string): Promise<string>;
