/** Text as it stands in a document. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** `name="value"`; of `true` the bare name. */
export function attribute(name: string, value: string | true): string {
  return value === true ? ` ${name}` : ` ${name}="${escaped(value)}"`
}
