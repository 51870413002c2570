/** A random UUID, version 4, which is what browsers name blobs by; `crypto.randomUUID` is missing on http pages. */
export function createUuid(): string {
  return URL.createObjectURL(new Blob()).slice(-36);
}

export function isUuid(value: unknown): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){4}[\da-f]{8}$/i.test(value as string);
}
