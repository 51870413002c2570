/** The one place where XML is made: values are escaped here and nowhere else, so nothing can be injected. */

export interface XmlElement {
  name: string;
  attributes: Record<string, string | number | boolean | undefined>;
  children: (XmlElement | string)[];
}

export function element(
  name: string,
  attributes: XmlElement['attributes'] = {},
  children: XmlElement['children'] = [],
): XmlElement {
  return { name, attributes, children };
}

/** A whole document; an attribute that is undefined is left out. */
export function renderXml(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${render(root)}`;
}

function render(node: XmlElement | string): string {
  if (typeof node === 'string') return escapeXml(node);
  const attributes = Object.entries(node.attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value)).replace(/[\t\n]/g, reference)}"`)
    .join('');
  const children = node.children.map(render).join('');
  return children ? `<${node.name}${attributes}>${children}</${node.name}>` : `<${node.name}${attributes}/>`;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Drops what XML 1.0 forbids (section 2.2: control characters, lone surrogates), escapes the rest. */
function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      .replace(/[^\t\n\r\u0020-\uD7FF\uD800-\uDFFF\uE000-\uFFFD]/g, '')
      .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
      // A reader turns line ends into \n (section 2.11), and white space of an attribute into spaces (3.3.3).
      .replace(/\r/g, reference)
  );
}

function reference(char: string): string {
  return `&#${char.charCodeAt(0)};`;
}
