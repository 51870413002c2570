import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';

export interface PlaygroundParts {
  /** Where the demo company's script is; a Refusal if there is no such company. */
  scriptUrl: () => string;
  /** Whose the numbers are that its visitors see. */
  trackers: () => { id: string; name: string; type: string; numbers: readonly string[] }[];
}

const FILES = new URL('./demo/', import.meta.url);
const SAME_FOR_BOTH = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  baseUri: ["'none'"],
};
const FOR_PLAYGROUND = {
  ...SAME_FOR_BOTH,
  styleSrc: ["'self'"],
  frameSrc: ["'self'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};
/** The pasted page may bring its own style, since nothing that a style can ask for is anywhere but here. */
const FOR_STAGE = {
  ...SAME_FOR_BOTH,
  styleSrc: ["'self'", "'unsafe-inline'"],
  formAction: ["'none'"],
  frameAncestors: ["'self'"],
};

/**
 * A page on which a site's owner tries the script on HTML of his own, for those who may see the demo.
 *
 * It can do nothing to anybody else. What is pasted never reaches the server: it goes from the playground to the
 * stage, a frame beside it, through the tab's own sessionStorage, so no link and no other site can bring any. There it
 * is parsed by a DOMParser, which runs no script, and the stage's policy allows none that is not a file of this server:
 * no inline script, no handler, no frame, no form that goes anywhere, no picture or style of another host. Only the playground may frame the stage, and nobody the playground.
 */
export async function playgroundRoutes(
  app: FastifyInstance,
  { scriptUrl, trackers }: PlaygroundParts,
): Promise<void> {
  const read = (name: string) => readFile(new URL(name, FILES), 'utf8');
  const page = async (url: string, name: string, what: string, policy: Record<string, string[]>) => {
    const html = await read(name);
    app.get(
      url,
      {
        helmet: { contentSecurityPolicy: { useDefaults: false, directives: policy } },
        schema: {
          tags: ['demo'],
          summary: what,
          response: { 200: { description: what, content: { 'text/html': { schema: Type.String() } } } },
        },
      },
      async (_request, reply) =>
        reply
          .type('text/html; charset=utf-8')
          .header('cache-control', 'no-store')
          .send(
            html
              .replace('{{script_url}}', scriptUrl)
              .replace('{{trackers}}', () => attribute(JSON.stringify(trackers()))),
          ),
    );
  };
  const file = async (name: string, type: string, what: string) => {
    const text = await read(name);
    const response = { 200: { description: what, content: { [type]: { schema: Type.String() } } } };
    app.get(
      `/demo/${name}`,
      { schema: { tags: ['demo'], summary: what, response } },
      async (_request, reply) => reply.type(`${type}; charset=utf-8`).send(text),
    );
  };
  await page('/demo/play', 'play.html', 'Try the script on HTML of your own', FOR_PLAYGROUND);
  await page('/demo/play/page', 'stage.html', 'The page on which it is tried', FOR_STAGE);
  await file('play.css', 'text/css', 'The style of the playground');
  await file('play.js', 'text/javascript', 'The script of the playground');
  await file('play-words.js', 'text/javascript', 'What the playground says');
  await file('stage.css', 'text/css', 'How differences are marked');
  await file('stage.js', 'text/javascript', 'Prepares the page on which the script is tried');
}

function attribute(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
