/** `null` and `undefined` are left out; a list is an element for each entry. */
export type XmlContent = string | number | boolean | XmlFields
export interface XmlFields {
  readonly [name: string]: XmlContent | readonly XmlContent[] | null | undefined
}

/** A document with one root. Names of elements are ours; what they hold may be anything. */
export function writeXml(root: string, fields: XmlFields, namespace?: string): string {
  const opening = namespace === undefined ? root : `${root} xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${opening}>${writeFields(fields)}</${root}>`
}

function writeFields(fields: XmlFields): string {
  return Object.entries(fields)
    .flatMap(([name, content]) => [content ?? []].flat().map((each) => writeElement(name, each)))
    .join('')
}

function writeElement(name: string, content: XmlContent): string {
  const inner = typeof content === 'object' ? writeFields(content) : escapeXml(String(content))
  return `<${name}>${inner}</${name}>`
}

// Control characters are references, as S3 writes them: readers would fold some, and refuse the others outright.
function escapeXml(text: string): string {
  return text.replace(
    /[\p{Cc}<>&"\ufffe\uffff]/gu,
    (character) => `&#x${character.charCodeAt(0).toString(16)};`,
  )
}
