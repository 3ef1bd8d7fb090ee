import {
  type Fill,
  type FrameFailure,
  type FrameMessage,
  type HostMessage,
  parseConnect,
  parseHostMessage,
} from '@lunadefend/contract/frame-messages'

/**
 * A frame that keeps to the contract and can be told to misbehave. It stands in for the secure frame where a test is
 * about the page's side alone; it has none of its protections.
 */
const settings = JSON.parse(document.querySelector('meta[name=settings]')?.getAttribute('content') ?? '{}')
const component = new URLSearchParams(location.search).get('component')
const box = document.createElement(component === 'textarea' ? 'textarea' : 'input')
const text = document.createElement('p')
const heard: HostMessage[] = []
Object.assign(window, { heard })

let saved = { token: '', text: '' }
let stored = false
let rules: Extract<HostMessage, { type: 'configure' }> = { type: 'configure' }
let told = ''

addEventListener('message', function listen(event) {
  if (event.source !== parent || parseConnect(event.data) === null) return
  removeEventListener('message', listen)
  void fetch('/stand-in/connected', { method: 'POST' })
  const port = event.ports[0] as MessagePort
  const send = (message: FrameMessage) => port.postMessage(message)
  Object.assign(window, { send, connected: { ...event.data, origin: event.origin } })
  document.body.append(component === 'paragraph' ? text : box)
  listenToUser(send)
  port.onmessage = ({ data }) => {
    const message = parseHostMessage(data)
    if (message === null) return
    heard.push(message)
    if (settings.mute !== true) void obey(message, send)
  }
  send({ type: 'ready' })
})

function listenToUser(send: (message: FrameMessage) => void): void {
  const tell = () => {
    const state: FrameMessage = { type: 'state', fill: fill(), focused: document.activeElement === box }
    if (JSON.stringify(state) !== told) send(state)
    told = JSON.stringify(state)
  }
  Object.assign(window, { tell })
  box.addEventListener('input', () => {
    if (box.value === '') stored = false
    tell()
  })
  for (const type of ['focus', 'blur']) box.addEventListener(type, tell)
  addEventListener('focus', () => box.focus())
  box.addEventListener('keydown', (event) => {
    if ((event as KeyboardEvent).key === 'Enter' && component === 'input') send({ type: 'submit' })
  })
}

function fill(): Fill {
  if (stored) return 'prefilled'
  if (box.value === '') return 'empty'
  const fits = rules.pattern === undefined || new RegExp(`^(?:${rules.pattern})$`).test(box.value)
  return fits ? 'complete' : 'incomplete'
}

function present(message: Extract<HostMessage, { type: 'configure' | 'update' }>): void {
  if (message.disabled !== undefined) box.disabled = message.disabled
  if (message.readOnly !== undefined) box.readOnly = message.readOnly
  if (message.label !== undefined) box.ariaLabel = message.label
  if (message.placeholder !== undefined) box.placeholder = message.placeholder
}

async function obey(message: HostMessage, send: (message: FrameMessage) => void): Promise<void> {
  switch (message.type) {
    case 'configure':
      rules = message
      if (message.inputType !== undefined && box instanceof HTMLInputElement) box.type = message.inputType
      return present(message)
    case 'update':
      return present(message)
    case 'focus':
      return box.focus()
    case 'clear':
      show('', '')
      return Reflect.get(window, 'tell')()
    case 'load':
      return answer(message.id, send, async () => {
        const { value } = await ask('read', { token: message.tokenId })
        if (!stored && box.value !== '') return { type: 'loaded', id: message.id }
        show(message.tokenId, value)
        Reflect.get(window, 'tell')()
        return { type: 'loaded', id: message.id }
      })
    case 'tokenize':
      return answer(message.id, send, async () => {
        const value = box.value
        if (value !== saved.text) {
          if (settings.asks === true && value !== '') await assertion(send)
          const { token } = value === '' ? { token: '' } : await ask('tokenize', { value })
          saved = { token, text: value }
        }
        return { type: 'tokenized', id: message.id, tokenId: saved.token }
      })
    case 'assertion':
      return asked.resolve()
    case 'assertion-failed':
      return asked.reject('no-session')
    case 'style':
      return
  }
}

let asked = Promise.withResolvers<void>()

function assertion(send: (message: FrameMessage) => void): Promise<void> {
  asked = Promise.withResolvers()
  send({ type: 'need-assertion', id: 1, thumbprint: 'a-thumbprint', challenge: 'a-challenge' })
  return asked.promise
}

function show(token: string, value: string): void {
  saved = { token, text: value }
  box.value = value
  text.textContent = value
  stored = token !== ''
}

async function answer(id: number, send: (message: FrameMessage) => void, work: () => Promise<FrameMessage>) {
  try {
    send(await work())
  } catch (code) {
    send({ type: 'failed', id, code: typeof code === 'string' ? (code as FrameFailure) : 'failed' })
  }
}

async function ask(path: string, body: object): Promise<{ token: string; value: string }> {
  const response = await fetch(`/stand-in/${path}`, { method: 'POST', body: JSON.stringify(body) }).catch(
    () => {
      throw 'tokenizer-unreachable'
    },
  )
  const data = await response.json()
  if (data.code !== undefined) throw data.code
  return data
}
