/** The yardstick: a Fastify POST with the swap's body and answer schemas and nothing behind it. */
import Fastify from 'fastify';
import {
  type SwapRequest,
  SwapRequestSchema,
  type SwapResponse,
  SwapResponseSchema,
} from '../../shared/contract/visitor.js';

const app = Fastify();
const parse = app.getDefaultJsonParser('error', 'error');
app.addContentTypeParser('text/plain', { parseAs: 'string' }, parse);
const number = {
  e164: '+13055550110',
  national: '(305) 555-0110',
  national_string: '3055550110',
  international: '+1 305 555 0110',
  shared: false,
};
app.post(
  '/v1/swap',
  { schema: { body: SwapRequestSchema, response: { 200: SwapResponseSchema } } },
  async (request): Promise<SwapResponse> => ({
    session: (request.body as SwapRequest).session,
    visit: '00000000-0000-4000-8000-000000000000',
    source: 'direct',
    config: '1',
    held_seconds: 1200,
    ping_seconds: 60,
    numbers: { '+13055550100': number },
  }),
);
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
process.send?.(typeof address === 'object' ? address?.port : undefined);
