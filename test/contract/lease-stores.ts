import type { LeaseStore } from '../../server/domain/ports.js';
import { createMemoryLeaseStore } from '../../server/storage/memory/lease-store.js';

/** Every lease store of the product: a new one is done when it has a line here and the suite is green. */
export const LEASE_STORES: {
  name: string;
  open: () => Promise<{ store: LeaseStore; close: () => Promise<void> }>;
}[] = [
  { name: 'memory', open: async () => ({ store: createMemoryLeaseStore(), close: async () => undefined }) },
];
