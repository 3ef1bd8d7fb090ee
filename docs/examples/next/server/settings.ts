/** Read when a request comes: a build knows none of them. */
export function settings() {
  return {
    origin: needed('APP_ORIGIN'),
    tokenizerUrl: needed('LUNADEFEND_TOKENIZER_URL'),
    app: 'hello',
    /** The app's private key, as JSON. It belongs into a secret of your deployment. */
    signingKey: () => needed('LUNADEFEND_SIGNING_KEY'),
  }
}

function needed(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}
