/** A token, in full: it is no secret, and that is the point. */
export function TokenText({ token }: { readonly token: string }) {
  return token === '' ? <span className="faint">nothing yet</span> : <code className="token">{token}</code>
}

const TOKEN = /(lunasec-[0-9a-f-]{36})/

/** Text in which tokens stand out. */
export function WithTokens({ text }: { readonly text: string }) {
  return text.split(TOKEN).map((part, index) =>
    TOKEN.test(part) ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one fixed text
      <mark key={index} className="token">
        {part}
      </mark>
    ) : (
      part
    ),
  )
}
