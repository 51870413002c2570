import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ErrorSchema } from '../../shared/contract/errors.js';
import type { LiveDirectory, Lookup } from '../domain/directory.js';
import { notFound, unavailable } from '../domain/errors.js';
import type { Company } from '../domain/ports.js';

export interface AssetParts {
  /** The built snippet, with its one placeholder for the configuration. */
  script: string;
  /** The types of what it puts on a page: `snippet/calltrk.d.ts`. */
  types: string;
  directory: LiveDirectory;
}

/** The free identifier in the built snippet that the company's configuration takes the place of. */
const PLACEHOLDER = '__CALLTRK_CONFIG__';

interface Variant {
  etag: string;
  body: Buffer;
}
type Encoding = 'br' | 'gzip' | 'identity';
type Prepared = Record<Encoding, Variant>;

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** The company's own swap.js: the snippet with its configuration written in, compressed once for each change. */
export async function assetRoutes(
  app: FastifyInstance,
  { script, types, directory }: AssetParts,
): Promise<void> {
  if (script.split(PLACEHOLDER).length !== 2) {
    throw new Error(`dist/snippet/swap.js must hold ${PLACEHOLDER} once: build it with \`npm run build\`.`);
  }
  const prepared = new Map<string, Promise<Prepared>>();
  directory.onChange(() => prepared.clear());

  function variantsOf(company: Company, lookup: Lookup): Promise<Prepared> {
    let variants = prepared.get(company.companyId);
    if (!variants) {
      variants = prepare(script, lookup, company);
      prepared.set(company.companyId, variants);
    }
    return variants;
  }

  async function serve(request: FastifyRequest, reply: FastifyReply) {
    const { company: id, key } = request.params as { company: string; key: string };
    const lookup = directory.current();
    // Not 404: the script will be here once the database is.
    if (lookup.version === '0') throw unavailable('The directory');
    const company = lookup.companyByKey(key);
    if (!company || (id !== company.numericId && id !== company.companyId)) throw notFound('script', id);
    const variants = await variantsOf(company, lookup);
    const encoding = chooseEncoding(request.headers['accept-encoding']);
    const { etag, body } = variants[encoding];
    reply.headers({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300, stale-while-revalidate=3600',
      etag,
      vary: 'accept-encoding',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
    if (matches(request.headers['if-none-match'], variants)) return reply.code(304).send();
    if (encoding !== 'identity') reply.header('content-encoding', encoding);
    return reply.send(body);
  }

  for (const url of ['/companies/:company/:key/12/swap.js', '/companies/:company/:key/swap.js']) {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      schema: {
        tags: ['page'],
        summary: "The company's script",
        params: Type.Object({ company: Type.String(), key: Type.String() }),
        response: {
          200: { description: 'JavaScript.', content: { 'text/javascript': { schema: Type.String() } } },
          404: ErrorSchema,
          503: ErrorSchema,
        },
      },
      handler: serve,
    });
  }

  const what = "The types of the script's API, for sites in TypeScript";
  app.get(
    '/calltrk.d.ts',
    {
      schema: {
        tags: ['page'],
        summary: what,
        response: { 200: { description: what, content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    async (_request, reply) => reply.type('text/plain; charset=utf-8').send(types),
  );
}

async function prepare(script: string, lookup: Lookup, company: Company): Promise<Prepared> {
  // A replacer function: `$` in the configuration must not be read as a pattern.
  const source = Buffer.from(script.replace(PLACEHOLDER, () => literal(lookup.scriptConfig(company))));
  const [br, zipped] = await Promise.all([
    // A window no larger than the script takes half a per cent off.
    compressBrotli(source, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 16 },
    }),
    compressGzip(source, { level: 9 }),
  ]);
  const digest = createHash('sha256').update(source).digest('base64url').slice(0, 22);
  // A strong ETag names bytes, so each encoding has its own (RFC 9110, section 8.8.3.3).
  return {
    identity: { etag: `"${digest}"`, body: source },
    br: { etag: `"${digest}-br"`, body: br },
    gzip: { etag: `"${digest}-gzip"`, body: zipped },
  };
}

/** JSON that is also JavaScript, and that no HTML parser takes for the end of a script. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The best of ours that the client accepts; an encoding with q=0 is refused by it (RFC 9110, section 12.5.3). */
function chooseEncoding(header: string | string[] | undefined): Encoding {
  const accepted = new Map(
    String(header ?? '')
      .split(',')
      .map((item) => {
        const [name = '', ...parameters] = item
          .trim()
          .toLowerCase()
          .split(/\s*;\s*/);
        const q = parameters.find((parameter) => parameter.startsWith('q='));
        return [name, q === undefined ? 1 : Number(q.slice(2))] as const;
      }),
  );
  const accepts = (name: string) => (accepted.get(name) ?? accepted.get('*') ?? 0) > 0;
  if (accepts('br')) return 'br';
  return accepts('gzip') ? 'gzip' : 'identity';
}

function matches(header: string | undefined, variants: Prepared): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || Object.values(variants).some(({ etag }) => tags.includes(etag));
}
