/** Which pages there are: the framework, its version where there are several, and how it takes over. */

/** How a page loads its bundle; `stream`: by React's own tag in what it sends first. */
export type Bundling = 'module' | 'defer' | 'classic' | 'stream';

export type Mode = 'production' | 'development';

export interface App {
  name: string;
  client: string;
  server: string;
  /** The export of the server's module that renders the page. */
  render?: string;
  /** It writes a text by making its node anew. */
  renewsTexts?: true;
  /** Its elements are registered for all of the process: one copy renders the pages of both modes. */
  oneServer?: true;
  /** Which installed package a name stands for. */
  versions?: Record<string, string>;
  /** The ways in which its bundle can be loaded, if not in all three; the first takes the place of those that cannot. */
  bundles?: Bundling[];
  /**
   * What happens when a page's texts and links are changed before this hydrates: an error or a warning is told
   * (`told`), it writes its own text once more (`rewrites`), it does not look (`trusts`), or it has nothing to compare
   * with (`none`).
   */
  early: 'told' | 'rewrites' | 'trusts' | 'none';
  /** What is on its nodes when it has taken over, of what the script may look for, as the test spells it. */
  marks: string[];
}

const react = (version: 18 | 19) => ({
  react: `react-${version}`,
  'react-dom': `react-dom-${version}`,
});
const preact = (version: 10 | 11) => ({ preact: `preact-${version}` });

const ON_NODES = ['element: __reactFiber$', 'element: __reactProps$', 'text among others: __reactFiber$'];
const REACT = {
  server: 'react/server.js',
  early: 'told',
  marks: ['container: __reactContainer$', ...ON_NODES],
} satisfies Partial<App>;
const VUE = {
  server: 'vue/server.js',
  renewsTexts: true,
  early: 'told',
  marks: ['container: _vnode', 'container: __vue_app__'],
} satisfies Partial<App>;
const PREACT = {
  server: 'preact/server.js',
  client: 'preact/client.js',
  early: 'rewrites',
  marks: ['container: __k'],
} satisfies Partial<App>;

export const APPS: App[] = [
  { ...REACT, name: 'react-18', client: 'react/client.js', versions: react(18) },
  { ...REACT, name: 'react-19', client: 'react/client.js', versions: react(19) },
  {
    ...REACT,
    name: 'react-18-streaming',
    client: 'react/client-streaming.js',
    render: 'renderStreaming',
    versions: react(18),
    bundles: ['stream', 'defer', 'classic'],
  },
  {
    ...REACT,
    name: 'react-19-streaming',
    client: 'react/client-streaming.js',
    render: 'renderStreaming',
    versions: react(19),
    bundles: ['stream', 'defer', 'classic'],
  },
  {
    ...REACT,
    name: 'react-19-document',
    client: 'react/client-document.js',
    render: 'renderDocument',
    versions: react(19),
    bundles: ['stream'],
    marks: ['document: __reactContainer$', ...ON_NODES],
  },
  {
    ...REACT,
    name: 'react-19-island',
    client: 'react/client-island.js',
    render: 'renderIsland',
    versions: react(19),
    marks: ['island: __reactContainer$', ...ON_NODES],
  },
  { ...PREACT, name: 'preact-10', versions: preact(10) },
  { ...PREACT, name: 'preact-11', versions: preact(11) },
  { ...VUE, name: 'vue-3', client: 'vue/client.js' },
  { ...VUE, name: 'vue-3-suspense', client: 'vue/client-suspense.js' },
  {
    name: 'svelte-5',
    client: 'svelte/client.js',
    server: 'svelte/server.js',
    marks: ['Text.prototype: Symbol(text)'],
    early: 'rewrites',
  },
  {
    name: 'solid-1',
    client: 'solid/client.jsx',
    server: 'solid/server.jsx',
    marks: ['_$HY.completed: element'],
    early: 'trusts',
  },
  {
    name: 'lit-3',
    client: 'lit/client.js',
    server: 'lit/server.js',
    oneServer: true,
    marks: ['shadow root: _$litPart$'],
    early: 'trusts',
  },
  {
    name: 'angular-21',
    client: 'angular/client.js',
    server: 'angular/server.js',
    bundles: ['module', 'defer'],
    marks: ['element: __ngContext__', 'no ngh: element'],
    early: 'rewrites',
  },
  {
    name: 'alpine-3',
    client: 'plain/client-alpine.js',
    server: 'plain/server-alpine.js',
    renewsTexts: true,
    marks: ['x-data: _x_dataStack'],
    early: 'none',
  },
  { name: 'htmx-2', client: 'plain/client-htmx.js', server: 'plain/server.js', marks: [], early: 'none' },
  { name: 'jquery-3', client: 'plain/client-jquery.js', server: 'plain/server.js', marks: [], early: 'none' },
];
