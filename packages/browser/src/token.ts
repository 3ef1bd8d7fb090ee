const TOKEN = /^lunasec-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Tokens as an attribute has them. What else a page hands over in their place becomes a text, too: none that is a token. */
export function textOfTokens(tokens: unknown): string {
  return Array.isArray(tokens) ? tokens.join(' ') : String(tokens ?? '')
}

/** Whether a text is spelt like a token: `lunasec-` and a UUID v4 (RFC 9562) in lower case. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}
