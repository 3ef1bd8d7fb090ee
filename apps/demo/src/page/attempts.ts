/** How an attempt to steal really ended. */
export interface Outcome {
  readonly isStolen: boolean
  /** What the thief's script saw, in its own words. */
  readonly saw: string
}

/** The script asks the Tokenizer, with the user's cookie, as the secure frame does. */
export function askTokenizer(tokenizerUrl: string, token: string): Promise<Outcome> {
  return read(`${tokenizerUrl}/detokenize`, {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tokenId: token }),
  })
}

/** The same in a form that browsers send to other origins without asking first. */
export function askWithoutPreflight(tokenizerUrl: string, token: string): Promise<Outcome> {
  return read(`${tokenizerUrl}/detokenize`, {
    method: 'POST',
    mode: 'no-cors',
    credentials: 'include',
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify({ tokenId: token }),
  })
}

/** The script goes to the object store by itself: with a URL from the network inspector, or to list what is there. */
export function askObjectStore(url: string): Promise<Outcome> {
  return read(url, { method: 'GET' })
}

/** The script looks into the frame that shows the value. */
export function readFrame(element: Element | null): Outcome {
  const frame = element?.shadowRoot?.querySelector('iframe')
  if (frame === null || frame === undefined)
    return { isStolen: false, saw: 'There is no frame yet. Try again.' }
  const seen = [`iframe.contentDocument: ${String(frame.contentDocument)}`]
  let isStolen = frame.contentDocument !== null
  try {
    const text = frame.contentWindow?.document.body.innerText
    isStolen = true
    seen.push(`contentWindow.document: ${text}`)
  } catch (error) {
    seen.push(`contentWindow.document: ${String(error)}`)
  }
  return { isStolen, saw: seen.join('\n') }
}

async function read(url: string, init: RequestInit): Promise<Outcome> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
    const text = await response.text()
    const saw = `${response.type} answer, status ${response.status}, ${text.length} characters\n${text.slice(0, 300)}`
    return { isStolen: response.ok && text !== '', saw: saw.trim() }
  } catch (error) {
    return { isStolen: false, saw: String(error) }
  }
}
