/** A random UUID, version 4; `crypto.randomUUID` is missing on http pages. Of the variant's four forms, always one. */
export function createUuid(): string {
  const random = crypto.getRandomValues(new Uint8Array(36));
  return 'xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx'.replace(/x/g, (_, at: number) =>
    ((random[at] as number) % 16).toString(16),
  );
}

export function isUuid(value: unknown): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){4}[\da-f]{8}$/i.test(value as string);
}
