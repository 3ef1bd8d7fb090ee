import type { FrameMessage } from '@lunadefend/contract/frame-messages'
import type { Page } from 'playwright-core'

/** Script on the app's own page that deals with secure frames without the SDK, as it likes. */
export interface Thief {
  /** Puts an iframe into the page. Settled when it has loaded. */
  mount(name: string, component: string, options?: { query?: string; sandbox?: string | null }): Promise<void>
  /** Posts a connect to it, and plays the page's part from then on. */
  connect(name: string): void
  send(name: string, message: object): void
  /** Sends a request, and waits for the frame's answer. */
  ask(name: string, message: object): Promise<FrameMessage>
  /** Everything that the frame has said. */
  heard(name: string): FrameMessage[]
  remove(name: string): void
}

declare global {
  interface Window {
    thief: Thief
  }
}

export async function letLoose(page: Page, tokenizer: string): Promise<void> {
  await page.evaluate(thief, tokenizer)
}

/** Runs in the page. */
function thief(tokenizer: string): void {
  const ports = new Map<string, MessagePort>()
  const heard = new Map<string, FrameMessage[]>()
  const waiting = new Map<number, (message: FrameMessage) => void>()
  const pageId = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  let lastId = 0
  const frame = (name: string) => document.getElementsByName(name)[0] as HTMLIFrameElement

  async function assertFor(
    name: string,
    { id, thumbprint, challenge }: Extract<FrameMessage, { type: 'need-assertion' }>,
  ) {
    const response = await fetch('/.lunadefend/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ thumbprint, challenge }),
    })
    const { assertion } = await response.json()
    window.thief.send(name, { type: 'assertion', id, assertion })
  }

  window.thief = {
    mount: (name, component, { query = '', sandbox = 'allow-scripts allow-same-origin' } = {}) =>
      new Promise((resolve) => {
        const iframe = Object.assign(document.createElement('iframe'), { name })
        if (sandbox !== null) iframe.setAttribute('sandbox', sandbox)
        iframe.src = `${tokenizer}/frame?app=demo&component=${component}${query}`
        iframe.onload = () => resolve()
        document.body.append(iframe)
      }),
    connect(name) {
      const { port1, port2 } = new MessageChannel()
      const said: FrameMessage[] = []
      heard.set(name, said)
      ports.set(name, port1)
      port1.onmessage = ({ data }: MessageEvent<FrameMessage>) => {
        said.push(data)
        if (data.type === 'need-assertion') void assertFor(name, data)
        if ('id' in data && data.type !== 'need-assertion') waiting.get(data.id)?.(data)
      }
      frame(name).contentWindow?.postMessage({ type: 'lunadefend.connect', page: pageId }, '*', [port2])
    },
    send: (name, message) => ports.get(name)?.postMessage(message),
    ask(name, message) {
      const id = ++lastId
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        window.thief.send(name, { ...message, id })
      })
    },
    heard: (name) => heard.get(name) ?? [],
    remove: (name) => frame(name).remove(),
  }
}
