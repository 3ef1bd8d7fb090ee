import type { BrowserContext, Page } from 'playwright-core'

/** Lets every page of an origin write down what a script in it could overhear, from before its first own script. */
export async function spyOn(context: BrowserContext, origin: string): Promise<void> {
  await context.addInitScript(listenIn, origin)
}

/** Everything that script in the page can get at, in one text. */
export function overheard(page: Page): Promise<string> {
  return page.evaluate(lookAround)
}

/** What was typed, pasted or composed where the page could hear it, oldest first: `keydown a`, `input abc`. */
export function heardKeys(page: Page): Promise<string[]> {
  return page.evaluate(() => [...window.spy.keys])
}

declare global {
  interface Window {
    spy: { readonly keys: string[]; readonly messages: string[] }
  }
}

function listenIn(origin: string): void {
  if (location.origin !== origin) return
  const keys: string[] = []
  const messages: string[] = []
  Object.assign(window, { spy: { keys, messages } })
  const kinds =
    'keydown keypress keyup beforeinput input change paste copy cut drop compositionstart compositionupdate compositionend'
  for (const kind of kinds.split(' ')) {
    window.addEventListener(
      kind,
      (event) => {
        const { key = '', data = '' } = event as Partial<KeyboardEvent & InputEvent>
        const [target] = event.composedPath()
        const value = target !== undefined && 'value' in target ? String(target.value) : ''
        const pasted = (event as Partial<ClipboardEvent>).clipboardData?.getData('text') ?? ''
        keys.push([kind, key, data, value, pasted].filter((text) => text !== '' && text !== null).join(' '))
      },
      { capture: true },
    )
  }
  const note = (data: unknown) => messages.push(JSON.stringify(data) ?? String(data))
  window.addEventListener('message', ({ data }) => note(data), { capture: true })
  const listen = MessagePort.prototype.addEventListener
  MessagePort.prototype.addEventListener = function (...given: Parameters<typeof listen>) {
    listen.call(this, 'message', (event) => note((event as MessageEvent).data))
    return listen.apply(this, given)
  }
  const post = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (...given: unknown[]) {
    note(given[0])
    return Reflect.apply(post, this, given)
  }
}

function lookAround(): string {
  const seen: string[] = []
  const walk = (node: Node): void => {
    seen.push(node.nodeName, node.nodeValue ?? '')
    if (node instanceof Element) {
      for (const { name, value } of node.attributes) seen.push(name, value)
      if (node.shadowRoot !== null) walk(node.shadowRoot)
    }
    for (const key of ['value', 'token', 'defaultValue', 'validationMessage', 'title'])
      if (key in node) seen.push(String(Reflect.get(node, key)))
    if (node instanceof HTMLFormElement) seen.push(...[...new FormData(node)].flat().map(String))
    if (node instanceof HTMLIFrameElement) seen.push(String(node.contentDocument), node.name)
    for (const child of node.childNodes) walk(child)
  }
  walk(document)
  const stores = [localStorage, sessionStorage].map((store) => JSON.stringify(store))
  const entries = performance.getEntries().map((entry) => JSON.stringify(entry))
  const state = [document.cookie, document.title, window.name, location.href, JSON.stringify(history.state)]
  const text = [document.body.innerText, String(getSelection())]
  return [...seen, ...stores, ...entries, ...state, ...text, ...window.spy.keys, ...window.spy.messages].join(
    '\n',
  )
}
